"""What a draft, or a version, changes: in the words of the pages, not in those of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hub.web.i18n import locale_of_request
from mapping.compare import Change
from mapping.words import WORDS, retold, say

if TYPE_CHECKING:
    from hub.web.rules.views import Book

_TABLES = {
    "situation": "situation", "person": "person", "outcome": "outcome", "responsible": "who", "who": "who",
    "open_deal": "open_deal", "recordings": "recordings", "entity": "what",
}  # fmt: skip
"""Fields whose values are words of the document, each with its table in the dictionary."""
_NAMED = {"pipeline": "pipelines", "stage": "stages", "user": "users", "users": "users"}
"""Fields whose values are ids in the CRM, which has names for them."""


def change_where(change: Change) -> str:
    """The part of the rules, and its line: "rule “From ads”"."""
    locale = locale_of_request()
    part = say(f"part_{change.part}", locale)
    if not change.name:
        return part
    line = say(f"line_{change.part}", locale)
    return say("line_called", locale, line=line, name=retold(change.name, locale) or change.name)


def change_words(change: Change, book: Book | None = None) -> str:
    """What changed there, with the names that `book` knows in the CRM; "" for a line that is gone."""
    match change.sign:
        case "-":
            return ""
        case "+":
            return _value("", change.new, book)
        case ">":
            locale = locale_of_request()
            return " → ".join(retold(name, locale) or name for name in change.new)
    field = change.field or change.part
    told = f"{_value(field, change.old, book)} → {_value(field, change.new, book)}"
    return f"{_field(field)}: {told}" if change.field else told


def _field(name: str) -> str:
    key = f"detail_{name}"
    return say(key, locale_of_request()) if key in WORDS else name


def _value(field: str, value: Any, book: Book | None) -> str:
    """A value of `field` as people say it; "—" for none."""
    if value is None or value in ("", []):
        return "—"
    if isinstance(value, Mapping):
        said = ((name, _value(name, inner, book)) for name, inner in value.items() if name != "name")
        return "; ".join(f"{_field(name)}: {inner}" for name, inner in said)
    if isinstance(value, list):
        return ", ".join(_value(field, one, book) for one in value)
    if isinstance(value, bool):
        return say("flag_true" if value else "flag_false", locale_of_request())
    if field in _NAMED and book is not None:
        return book.name_of(_NAMED[field], str(value))
    key = f"{_TABLES.get(field, '')}_{value}"
    return say(key, locale_of_request()) if key in WORDS else str(value)
