"""What a draft, or a version, changes: in the words of the pages, not in those of the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.web.i18n import locale_of_request
from mapping.compare import Change
from mapping.words import WORDS, retold, say

_TABLES = {
    "situation": "situation", "person": "person", "outcome": "outcome", "responsible": "who", "who": "who",
    "open_deal": "open_deal", "recordings": "recordings", "entity": "what",
}  # fmt: skip
"""Fields whose values are words of the document, each with its table in the dictionary."""


def change_where(change: Change) -> str:
    """The part of the rules, and its line: "rule “From ads”"."""
    locale = locale_of_request()
    part = say(f"part_{change.part}", locale)
    if not change.name:
        return part
    line = say(f"line_{change.part}", locale)
    return say("line_called", locale, line=line, name=retold(change.name, locale) or change.name)


def change_words(change: Change) -> str:
    """What changed there; "" for a line that is gone."""
    match change.sign:
        case "-":
            return ""
        case "+":
            return _value("", change.new)
        case ">":
            locale = locale_of_request()
            return " → ".join(retold(name, locale) or name for name in change.new)
    field = change.field or change.part
    told = f"{_value(field, change.old)} → {_value(field, change.new)}"
    return f"{_field(field)}: {told}" if change.field else told


def _field(name: str) -> str:
    key = f"detail_{name}"
    return say(key, locale_of_request()) if key in WORDS else name


def _value(field: str, value: Any) -> str:
    """A value of `field` as people say it; "—" for none."""
    if value is None or value in ("", []):
        return "—"
    if isinstance(value, Mapping):
        return "; ".join(f"{_field(name)}: {_value(name, inner)}" for name, inner in value.items() if name != "name")
    if isinstance(value, list):
        return ", ".join(_value(field, one) for one in value)
    if isinstance(value, bool):
        return say("flag_true" if value else "flag_false", locale_of_request())
    key = f"{_TABLES.get(field, '')}_{value}"
    return say(key, locale_of_request()) if key in WORDS else str(value)
