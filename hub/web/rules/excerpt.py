"""Which rules of a long book one page shows: a browser needs seconds for thousands of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.web.rules.words import ruleword
from hub.web.told import retold_reason

AT_ONCE = 100
_WORDS_OF = {"situation": "situation", "person": "person", "outcome": "outcome", "responsible": "who"}
"""Parts of a rule whose values the page shows in words, with their table of words."""


@dataclass(frozen=True)
class Excerpt:
    """`rows` are (place in the book from 1, rule); `pages` the first and last number of each page of what was found,
    none when all of it fits on one; `here` the page that is shown; `is_long` whether the book has several."""

    rows: Sequence[tuple[int, Mapping[str, Any]]]
    pages: Sequence[tuple[int, int]]
    here: int
    is_long: bool


def excerpt(policy: Sequence[Mapping[str, Any]], sought: str, number: int) -> Excerpt:
    """The page with the rule `number` among those that have the text `sought` ("" finds all; numbers from 1)."""
    found = [(place, line) for place, line in enumerate(policy, start=1) if not sought or _has(line, sought.lower())]
    here = min(max(number, 1), max(len(found), 1)) - 1
    first = here - here % AT_ONCE
    starts = range(0, len(found), AT_ONCE)
    pages = [(start + 1, min(start + AT_ONCE, len(found))) for start in starts] if len(found) > AT_ONCE else []
    return Excerpt(found[first : first + AT_ONCE], pages, first // AT_ONCE, len(policy) > AT_ONCE)


def _has(line: Mapping[str, Any], sought: str) -> bool:
    return any(sought in text.lower() for text in _texts(line))


def _texts(line: Mapping[str, Any]) -> list[str]:
    """All that the row says, as it is written and as the page says it."""
    parts = {name: value if isinstance(value, list) else [value] for name, value in line.items() if value}
    said = [ruleword(value, _WORDS_OF[name]) for name in parts if name in _WORDS_OF for value in parts[name]]
    return [*(str(value) for values in parts.values() for value in values), *said, retold_reason(line.get("name"))]
