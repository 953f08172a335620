"""Every sentence that the hub keeps of itself is known to the tables that tell it in the reader's language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

import hub
from hub.config import load_settings
from hub.db.engine import Database
from hub.web.told import KNOWN, retold_reason, told
from tests.web.conftest import Notes, build
from tests.web.reading import foreign_words, seen
from tests.web.reasons import filled
from tests.web.test_one_language import LATIN, SETTINGS, TERMS, VENDORS

ROOT = Path(hub.__file__).parents[1]
PLACES = ("connectors", "hub/delivery", "hub/calls", "hub/routing", "hub/net")
ELSEWHERE = {
    "settings.py", "signature.py", "words.py", "bucket.py", "hosts.py", "brackets.py", "install.py", "placements.py",
    "requests.py", "decide.py", "vips.py", "silence.py", "guard.py", "contract.py",
}  # fmt: skip
"""Files whose sentences no row keeps: forms, signatures, what is written into a CRM, what is told by a key."""
OTHERS = {
    "Call is not found", "User is not found or is not active", "USER_ID or USER_PHONE_INNER should be set",
    "You have no access to entity", "portal not found",
}  # fmt: skip
"""What another system says, as it is looked for in its answers."""
PARTS = {
    " [request 7]", "The field 77 7.", "Webhook (any PBX)", "Bound 7 events, added 7 lines, renamed 7; 7.",
    "our place on the call card is there", "we have no place on the call card", "A call has at least one event.",
    "nothing could be read about the caller in time", "this connection has no signing secret",
    "amoCRM posts no changes here: {words}. They are read once a day.",
}  # fmt: skip
"""Parts of sentences that are known as a whole, a name, a bug of a caller, a step of routing, and refused requests."""
NOT_KEPT = re.compile(r"^[7 /:$\[\]?&=#!'.-]*$|%s|[\u0400-\u04ff]|^\{|=7|Asking 7|Comparing 7|^SELECT|^-c ")
"""Keys, addresses, log lines, words of the Russian tables."""


def sentences(path: Path) -> Iterator[str]:
    """The texts of three words and more in a file, with a figure in each place; no docstrings."""
    tree = ast.parse(path.read_text())
    apart = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    apart |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in ast.walk(node)} - apart
    whole = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and node in whole:
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            yield node.value


def kept() -> dict[str, str]:
    """What the connectors and the engine say of themselves, each with its file."""
    files = [file for place in PLACES for file in sorted((ROOT / place).rglob("*.py")) if file.name not in ELSEWHERE]
    found = {text: file for file in files for text in sentences(file) if text.count(" ") > 1}
    left = set(found) - OTHERS - PARTS
    assert set(found) >= OTHERS | PARTS, "an exception that nobody needs any more"
    return {text: str(found[text].relative_to(ROOT)) for text in left if not NOT_KEPT.search(text)}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Pages for nobody in particular: no row is read."""
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    return build(settings, Database(settings.database_url), Notes())


def in_language(app: Flask, language: str, sentence: str) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return str(told(sentence))


def test_every_sentence_of_the_connectors_and_the_engine_is_known(app: Flask) -> None:
    said = kept()
    assert len(said) > 200
    assert {text: file for text, file in said.items() if not is_known(app, text)} == {}


def is_known(app: Flask, text: str) -> bool:
    """Whether it is told as it stands, at the end of its sentence, or said of a field."""
    as_said = (text, f"{text}.", f"at: {text}", f"The field at {text}.")
    return any("<q>" not in in_language(app, "en", one).replace("<q>7", "") for one in as_said)


def test_every_known_sentence_is_told_in_russian(app: Flask) -> None:
    accepted = TERMS | SETTINGS | VENDORS
    told_so = {sentence: in_language(app, "ru", filled(sentence)) for sentence in KNOWN}
    assert {one: words for one, words in told_so.items() if foreign_words(seen(words), LATIN, accepted)} == {}


@pytest.mark.parametrize(
    ("sentence", "russian"),
    [
        ("Bitrix24: No such user (ERROR_CORE)", "Битрикс24: <q>No such user (ERROR_CORE)</q>"),
        ("The moon is down. Connect it again. <b>", "<q>The moon is down.</q> Подключите заново. <q>&lt;b&gt;</q>"),
        ("given up: the call is on no card", "хаб сдался: звонок не привязан ни к одной карточке"),
        ("Mango answered HTTP 400, code 3105, Wrong key.", "Mango ответила HTTP 400, код 3105: <q>Wrong key</q>."),
        ("POST to acme.example: no whole answer in time (30 s).",
         "<code>POST</code> к <code>acme.example</code>: целого ответа нет за 30 с."),
        ("", ""),
    ],
)  # fmt: skip
def test_what_others_said_is_quoted_as_it_came(app: Flask, sentence: str, russian: str) -> None:
    assert in_language(app, "ru", sentence) == russian


def test_a_reason_is_told_in_the_readers_language_whatever_the_workspaces_is(app: Flask) -> None:
    kept_so = ("правило «неизвестный клиент становится одним лидом»: в CRM не пишется", "missed call", "Мое правило")
    with app.test_request_context(headers={"Accept-Language": "en"}):
        assert retold_reason(kept_so[0]) == "rule “an unknown caller becomes one lead”: not written to the CRM"
        assert retold_reason(kept_so[2]) == "Мое правило"
    with app.test_request_context(headers={"Accept-Language": "ru"}):
        assert (retold_reason(kept_so[0]), retold_reason(kept_so[1])) == (kept_so[0], "звонок пропущен")
