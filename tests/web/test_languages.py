"""Two languages, complete, and chosen as people expect."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask

import hub.web
from hub.db.engine import Database
from hub.db.tables import User
from tests.web.conftest import csrf_of, log_in
from tests.web.seed import Seeded

ROOT = Path(hub.web.__file__).parent
KEYWORDS = {"_": None, "_l": None, "_n": (1, 2)}


NAMES = {"VIP", "Bitrix24", "amoCRM", "TOML", "JSON", "JSON Schema", "openapi.json"}
"""What is called the same in every language."""
JINJA = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", re.DOTALL)
WORD = re.compile(r"[A-Za-zА-Яа-яЁё]{3}")


def _bare_words(template: str) -> list[str]:
    """Texts and labels of a template that are shown as they stand, whatever the reader's language is."""
    plain = JINJA.sub("", template)
    labels = re.findall(r'(?:title|aria-label|alt)="([^"]*)"', plain)
    texts = re.sub(r"<code[^>]*>[^<]*</code>|<[^>]*>", "\n", plain).split("\n")
    shown = [text.strip(" +") for text in (*labels, *texts) if WORD.search(text)]
    return [text for text in shown if text not in NAMES and not re.match(r"&nbsp;|aria-|portal-card", text)]


def _said_in_code(folder: Path = ROOT) -> set[str | tuple[str, ...]]:
    with Path("babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    said: set[str | tuple[str, ...]] = set()
    for _, _, message, _, _ in extract_from_dir(folder, methods, options, keywords=KEYWORDS):
        said.add(message)
    return said


def _catalogue(locale: str) -> Catalog:
    with (ROOT / "translations" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def test_every_text_is_translated_and_no_translation_is_left_over() -> None:
    catalogue = _catalogue("ru")
    translated = {message.id for message in catalogue if message.id}
    said = _said_in_code()
    assert len(said) > 150
    assert said - translated == set(), "missing"
    assert translated - said == set(), "left over"
    for message in catalogue:
        parts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(parts), f"empty: {message.id}"
        assert not message.fuzzy, f"fuzzy: {message.id}"
        assert not list(message.check(catalogue)), f"placeholders differ: {message.id}"
    assert not catalogue.obsolete


def test_text_that_nobody_translated_is_found(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text("<h1>{{ _('A new heading') }}</h1>")
    (tmp_path / "page.py").write_text('flash(_("A new sentence"))\nflash(_n("one", "many", 2))\nWORD = _l("a word")\n')
    said = _said_in_code(tmp_path)
    assert said == {"A new heading", "A new sentence", ("one", "many"), "a word"}
    assert not said & {message.id for message in _catalogue("ru")}


def test_no_template_shows_words_past_the_catalogue() -> None:
    assert _bare_words('<p title="A hint">{{ _("fine") }} Not fine</p><code>x-y</code>') == ["A hint", "Not fine"]
    templates = sorted(ROOT.rglob("templates/**/*.html"))
    assert len(templates) > 40
    found = {path.name: words for path in templates if (words := _bare_words(path.read_text()))}
    assert found == {}


def _texts(catalogue: Catalog) -> dict[tuple[str, ...], tuple[str, ...]]:
    return {_tuple(message.id): _tuple(message.string) for message in catalogue if message.id}


def _tuple(text: str | Sequence[str] | None) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text or ())


def test_compiled_catalogue_is_the_written_one() -> None:
    with (ROOT / "translations/ru/LC_MESSAGES/messages.mo").open("rb") as file:
        compiled = _texts(read_mo(file))
    assert compiled == _texts(_catalogue("ru"))


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [("ru", "ru"), ("en-GB,en;q=0.9", "en"), ("de, ru;q=0.5, en;q=0.4", "ru"), ("de", "ru"), ("", "ru"), ("%%", "ru")],
)
def test_stranger_gets_the_language_of_the_browser(app: Flask, wanted: str, locale: str) -> None:
    text = app.test_client().get("/admin/login", headers={"Accept-Language": wanted}).text
    assert f'<html lang="{locale}">' in text
    assert ("Пароль" in text) == (locale == "ru")


def test_choice_of_a_stranger_lasts_and_that_of_a_user_is_kept(app: Flask, database: Database, acme: Seeded) -> None:
    client = app.test_client()
    page = client.get("/admin/login", headers={"Accept-Language": "ru"}).text
    answer = client.post("/admin/locale", data={"csrf_token": csrf_of(page), "locale": "en", "next": "/admin/login"})
    assert answer.location == "/admin/login"
    assert '<html lang="en">' in client.get("/admin/login", headers={"Accept-Language": "ru"}).text

    user = log_in(app, acme)
    user.post("/admin/locale", data={"csrf_token": csrf_of(user.get("/admin/calls").text), "locale": "ru"})
    assert '<html lang="ru">' in user.get("/admin/calls").text
    assert '<html lang="ru">' in log_in(app, acme).get("/admin/calls").text
    with database.reading() as session:
        assert session.get_one(User, acme.user_ids["owner"]).locale == "ru"


def test_language_that_we_do_not_speak_changes_nothing(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    token = csrf_of(client.get("/admin/calls").text)
    client.post("/admin/locale", data={"csrf_token": token, "locale": "../../etc", "next": "//evil.example"})
    with database.reading() as session:
        assert session.get_one(User, acme.user_ids["owner"]).locale is None


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 строка снова"), (3, "3 строки снова"), (5, "5 строк снова"), (21, "21 строка снова")]
)
def test_russian_plurals(app: Flask, number: int, words: str) -> None:
    from hub.web.i18n import _n

    with app.test_request_context(headers={"Accept-Language": "ru"}):
        assert words in _n("%(num)d row was put back to work.", "%(num)d rows were put back to work.", number)


def test_a_word_that_stands_in_a_template_follows_each_reader(app: Flask) -> None:
    template = app.jinja_env.from_string("{{ 'answered'|word('result') }}, {{ 'activity_only'|ruleword('outcome') }}")
    said = {}
    for language in ("ru", "en"):
        with app.test_request_context(headers={"Accept-Language": language}):
            said[language] = template.render()
    assert said["en"] == "answered, the call only"
    assert said["ru"].isascii() is False


def test_vendored_files_are_those_that_the_table_names() -> None:
    folder = ROOT / "static" / "vendor"
    table = (folder / "README.md").read_text()
    listed = dict(re.findall(r"^\| `([^`]+)` \|.*?\| `([0-9a-f]{64})` \|", table, flags=re.MULTILINE))
    files = [file for file in folder.iterdir() if "min." in file.name]
    kept = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert listed == kept
    for file in folder.glob("*.LICENSE.txt"):
        assert file.name in table


def test_pages_load_nothing_from_elsewhere(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    for path in ("/admin/", "/admin/calls", f"/admin/connections/{acme.pbx_id}", "/api/docs"):
        for address in re.findall(r'(?:src|href)="([^"]+)"', client.get(path).text):
            assert address.startswith(("/", "#")), address
