"""What the user docs set in bold is called so on the pages, in the language of the docs."""

from __future__ import annotations

import re

import pytest

from tests.docs.howto import ROOT
from tests.docs.labels import LANGUAGES, Language, is_translation, known_as
from tests.docs.steps import page_of

HOWTOS = ("first-steps", "mango", "webhook-connector", "bitrix24", "amocrm")
"""How a system is connected: in both languages by the same labels."""
PAGES = (
    *HOWTOS, "everyday", "reports", "tracking", "mapping", "routing", "callbacks", "desk", "users", "operations",
    "statement", "configuration", "provisioning", "security", "index",
)  # fmt: skip
_CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LEAD = re.compile(r"^(?:[-*] )?\*\*[^*\n]+\.\*\* ", re.MULTILINE)
"""The first sentence of a paragraph in bold: no label."""


def labels_of(name: str, language: Language) -> list[str]:
    text = _CODE.sub("", (ROOT / page_of(name, language)).read_text(encoding="utf-8"))
    return re.findall(r"\*\*(.+?)\*\*", _LEAD.sub("", text))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_label_is_on_the_pages_of_that_language(name: str, language: Language) -> None:
    assert [label for label in labels_of(name, language) if not known_as(label, language)] == []


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_speak_of_the_same_labels(name: str) -> None:
    english, russian = (labels_of(name, language) for language in LANGUAGES)
    assert [one for one in english if not any(is_translation(one, other) for other in russian)] == []
    assert [one for one in russian if not any(is_translation(other, one) for other in english)] == []


@pytest.mark.parametrize("name", HOWTOS)
def test_a_how_to_names_labels(name: str) -> None:
    assert len(labels_of(name, "en")) >= 5


@pytest.mark.parametrize("label", ["Connect an check", "Con", "+ Telephone", "says", "", "Connect"])
def test_what_no_page_says_is_no_label(label: str) -> None:
    assert known_as(label, "en") == ()


def test_the_beginning_of_a_sentence_is_a_label_up_to_its_stop() -> None:
    assert known_as("Got it", "en")
    assert known_as("Waiting for the first event…", "en")
    assert known_as("Mango Office отвечает: ключи верны.", "ru")
