"""What buttons, fields and pages are called in both languages: the words that a how-to may set in bold."""

from __future__ import annotations

import gettext
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Literal, cast

from connectors.registry import REGISTRY
from hub.web.amocrm import words as amocrm_words
from hub.web.bitrix24 import words as bitrix24_words
from tests.docs.howto import ROOT

Language = Literal["en", "ru"]
LANGUAGES: tuple[Language, Language] = ("en", "ru")
_CATALOGUE = ROOT / "hub" / "web" / "translations" / "ru" / "LC_MESSAGES" / "messages.mo"
_WIDGET = ROOT / "connectors" / "amocrm" / "widget" / "i18n"
_HOLE = re.compile(r"%\(\w+\)[sd]|%%|\{\w+\}")
_ENDS = ".:…!?"
"""Where a sentence of a page may be cut off by a how-to that quotes its beginning."""


@cache
def pairs() -> tuple[tuple[str, str], ...]:
    """Each text that a page may show, in English and in Russian."""
    with _CATALOGUE.open("rb") as file:
        catalogue = gettext.GNUTranslations(file)
    known = cast("Mapping[str | tuple[str, int], str]", catalogue._catalog)  # type: ignore[attr-defined]
    texts = [(english, russian) for english, russian in known.items() if isinstance(english, str) and english]
    for words in (bitrix24_words.LANGUAGES, amocrm_words.LANGUAGES):
        texts += [(words["en"][key], words["ru"][key]) for key in words["en"]]
    texts += zip(*(_sentences(json.loads((_WIDGET / f"{one}.json").read_text())) for one in LANGUAGES), strict=True)
    titles = [(connector.title, connector.title) for connector in REGISTRY.values()]
    return (*texts, *titles)


def _sentences(document: object) -> Iterator[str]:
    for value in document.values() if isinstance(document, dict) else ():
        if isinstance(value, str):
            yield value
        yield from _sentences(value)


@cache
def known_as(label: str, language: Language) -> tuple[tuple[str, str], ...]:
    """The pairs whose text in `language` is what the label says: all of it, or its beginning up to a stop."""
    wanted = label.removeprefix("+ ")
    if not wanted:
        return ()
    return tuple(pair for pair in pairs() if _says(pair[LANGUAGES.index(language)], wanted))


def _says(text: str, label: str) -> bool:
    """Whether a page that shows `text` shows `label`; what a text leaves open may be anything."""
    if not _HOLE.search(text):
        return text == label or (text.startswith(label) and _is_stop(text, len(label)))
    if _HOLE.match(text) is None:
        beginning = text[: cast("re.Match[str]", _HOLE.search(text)).start()]
        if beginning.startswith(label):
            return _is_stop(beginning, len(label))
    pattern = ".+".join(re.escape(part) for part in _HOLE.split(text))
    return re.fullmatch(pattern, label) is not None and any(map(str.isalpha, _HOLE.sub("", text)))


def _is_stop(text: str, place: int) -> bool:
    return text[place : place + 1] in tuple(_ENDS) or text[place - 1] in _ENDS


def is_translation(english: str, russian: str) -> bool:
    """Whether the two labels are one text in the two languages."""
    plus = english.startswith("+ ") == russian.startswith("+ ")
    return plus and bool(set(known_as(english, "en")) & set(known_as(russian, "ru")))
