"""An independent reading of the lead policy, cell by cell, straight from documents: no code is shared with the hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

SITUATIONS = (
    "inbound_answered", "inbound_missed", "missed_then_called_back", "outbound_answered", "outbound_unanswered",
    "callback_done", "callback_failed", "form", "repeat_missed", "after_hours", "internal", "ivr_only",
)  # fmt: skip
PERSONS = ("unknown", "contact", "contact_with_deal", "lead", "vip")
LINES = ("+74950000001", "+74950000002", None)
SOURCES = (None, ("yandex", "cpc", "doors"), ("google", "organic", None))
OUTCOMES = ("lead", "contact_deal", "unsorted", "activity_only", "nothing")


def cells() -> Iterator[tuple[str, str | None, tuple[str, str, str | None] | None, str]]:
    yield from product(SITUATIONS, LINES, SOURCES, PERSONS)


def answer(document: Mapping[str, Any], cell: tuple[Any, Any, Any, Any]) -> tuple[str, str]:
    """The outcome and the name of the rule, by the plain reading: every condition lists values, empty means all."""
    situation, line, source, person = cell
    for rule in document["policy"]:
        wanted = [
            not rule.get("situation") or situation in rule["situation"],
            not rule.get("person") or person in rule["person"],
            not rule.get("line") or line in rule["line"],
            not rule.get("source") or _source(source) in rule["source"],
        ]
        if all(wanted):
            return rule["outcome"], rule["name"]
    return "activity_only", ""


def _source(source: tuple[str, str, str | None] | None) -> str:
    return "unknown" if source is None else "/".join(part or "" for part in source)
