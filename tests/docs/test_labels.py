"""What the how-tos set in bold is called so on the pages, in the language of the how-to."""

from __future__ import annotations

import re

import pytest

from tests.docs.howto import ROOT
from tests.docs.labels import LANGUAGES, Language, is_translation, known_as
from tests.docs.steps import page_of

PAGES = ("first-steps", "mango", "webhook-connector", "bitrix24", "amocrm")
_FENCE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def labels_of(name: str, language: Language) -> list[str]:
    text = _FENCE.sub("", (ROOT / page_of(name, language)).read_text(encoding="utf-8"))
    return re.findall(r"\*\*(.+?)\*\*", text)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PAGES)
def test_every_label_is_on_the_pages_of_that_language(name: str, language: Language) -> None:
    labels = labels_of(name, language)
    assert labels
    assert [label for label in labels if not known_as(label, language)] == []


@pytest.mark.parametrize("name", PAGES)
def test_both_languages_speak_of_the_same_labels(name: str) -> None:
    english, russian = (labels_of(name, language) for language in LANGUAGES)
    assert len(english) == len(russian)
    assert [pair for pair in zip(english, russian, strict=True) if not is_translation(*pair)] == []


@pytest.mark.parametrize("label", ["Connect an check", "Con", "+ Telephone", "says", "", "Connect"])
def test_what_no_page_says_is_no_label(label: str) -> None:
    assert known_as(label, "en") == []


def test_the_beginning_of_a_sentence_is_a_label_up_to_its_stop() -> None:
    assert known_as("Got it", "en")
    assert known_as("Waiting for the first event…", "en")
    assert known_as("Mango Office отвечает: ключи верны.", "ru")
