"""Every page in one language: a Russian reads no English, an English reader no Russian, whatever is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from flask import Flask
from flask.testing import FlaskClient

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from tests.web.conftest import Notes, log_in
from tests.web.house import html_pages
from tests.web.reading import foreign_words, seen
from tests.web.reasons import add_reasons
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import EVERY_SCOPE, Seeded, add_busy_day, add_trouble, add_workspace
from tests.web.things import add_callback, add_tracking

LATIN, CYRILLIC = "A-Za-z_", "А-Яа-яЁё"
TERMS = {
    "api", "crm", "csv", "json", "toml", "vip", "http", "https", "sip", "utm", "ivr", "url", "css", "html", "openid",
    "openapi", "schema", "rest", "oauth", "mp", "wav", "tls", "mail", "rub", "utc", "utf", "www", "get", "post", "put",
    "delete",
}  # fmt: skip
"""Terms that Russians write so, too."""
SETTINGS = {
    "dozvon_allow_hosts", "dozvon_bitrix_auth_servers", "client_id", "client_secret", "redirect_uri", "server_endpoint",
    "default_user_id", "file_id", "call_id", "recording_hosts",
}  # fmt: skip
"""Settings and fields of other systems, called by the names under which one finds them there."""
VENDORS = {"bitrix", "amocrm", "mango", "office", "dozvon", "google", "yandex"}
SEEDED = {"acme", "all", "billboard", "offline", "shop", "olga", "prank", "tests", "chrome", "windows"}
"""What somebody has named: a workspace, a source, a site, a visitor, a key, a reason that was typed."""
PHRASES = (
    *EVERY_SCOPE,  # the names of the seeded keys
    "main menu",  # a menu of the seeded PBX
    "number, visitor, ip, site", "workspace; сколько",  # typed as they stand, as are the next four
    "phone, extension, note", "(lead, deal, contact, company)", "или unknown",
    "Права: crm, telephony, user.",
    "data-dozvon-callback", "paid_search, yandex",
    "items и next", "next как cursor", "null", "RFC 3339",
)  # fmt: skip
"""What is typed, or stands in a document, in these very words."""
SEEDED_RUSSIAN = {"ооо", "анна", "белова", "борис", "волков", "новый", "работе", "билборд"}


@dataclass(frozen=True)
class Library:
    app: Flask
    seeded: Seeded
    paths: list[str]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    busy = add_workspace(database)
    add_busy_day(database, busy)
    add_world(database, busy)
    add_trouble(database, busy)
    ids = {"connection_id": busy.crm_id, "place": 1, **add_tracking(database, busy), **add_callback(database, busy)}
    ids |= add_reasons(database, busy)
    app = rules_app(settings, database, Notes())
    yield Library(app, busy, html_pages(app, busy, ids))
    database.close()


def reader(library: Library, language: str, role: str = "owner") -> FlaskClient:
    client = log_in(library.app, library.seeded, role)
    client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
    return client


def faults_of(client: FlaskClient, paths: list[str], letters: str, accepted: set[str]) -> dict[str, dict[str, str]]:
    pages = {path: client.get(path) for path in paths}
    assert {path for path, page in pages.items() if page.status_code != 200} == set()
    found = {path: foreign_words(seen(page.text), letters, accepted, PHRASES) for path, page in pages.items()}
    return {path: words for path, words in found.items() if words}


def test_a_russian_reads_no_english_word_on_any_page(library: Library) -> None:
    accepted = TERMS | SETTINGS | VENDORS | SEEDED
    assert len(library.paths) > 45
    assert faults_of(reader(library, "ru"), library.paths, LATIN, accepted) == {}
    assert faults_of(reader(library, "ru", "agent"), ["/admin/desk"], LATIN, accepted) == {}


def test_an_english_reader_reads_no_russian_word_on_any_page(library: Library) -> None:
    assert faults_of(reader(library, "en"), library.paths, CYRILLIC, SEEDED_RUSSIAN) == {}
    assert faults_of(reader(library, "en", "agent"), ["/admin/desk"], CYRILLIC, SEEDED_RUSSIAN) == {}


def test_a_word_of_another_language_would_be_found() -> None:
    page = """<html lang="ru"><h1>Звонки</h1><p title="A hint">Запись <code>call_id</code> <q>No such lead</q>
      failed <b>http 404</b> anna@acme.example</p><button lang="en">English</button><textarea>x</textarea></html>"""
    assert set(foreign_words(seen(page), LATIN, TERMS)) == {"hint", "failed"}
