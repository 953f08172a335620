"""The way back from a sentence that was told to the sentence it was made from, so that it can be told otherwise. Pure.

Rows keep some reasons as they were said, in the language of that moment. A page says them in the reader's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

_PLACE = re.compile(r"\{(\w+)\}|%\((\w+)\)s")
_SHAPES = {
    "number": r"\d+", "code": r"\w+", "host": r"\S+", "seconds": r"[\d.]+", "title": r"[\w ()]+", "vendor": r"\w+",
    "field": r"[\w.]+", "least": r"\d+",
}  # fmt: skip
"""Places %(…)s of these names stand for no more than this: a sentence fits the narrower template first."""


def pattern_of(template: str) -> re.Pattern[str]:
    """What every sentence made from `template` looks like; its places are written {name} or %(name)s."""
    parts, last = [], 0
    for place in _PLACE.finditer(template):
        name = place[1] or place[2]
        parts += [re.escape(template[last : place.start()]), f"(?P<{name}>{_SHAPES.get(place[2], '.+?')})"]
        last = place.end()
    return re.compile("".join([*parts, re.escape(template[last:])]), re.DOTALL)


def _openness(template: str) -> int:
    """How many of its places may hold anything."""
    return sum(place[2] not in _SHAPES for place in _PLACE.finditer(template))


@dataclass(frozen=True)
class Sentences:
    """Templates by their keys, each in one or more languages."""

    templates: Mapping[str, Iterable[str]]

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Those that leave least open first."""
        said = [(template, key) for key, templates in self.templates.items() for template in templates]
        said.sort(key=lambda one: (_openness(one[0]), -len(_PLACE.sub("", one[0]))))
        return [(pattern_of(template), key) for template, key in said]

    def source_of(self, sentence: str) -> tuple[str, dict[str, str]] | None:
        """The key of the template that `sentence` was made from, and what stood in its places; None when of none."""
        for pattern, key in self._patterns:
            if found := pattern.fullmatch(sentence):
                return key, found.groupdict()
        return None
