"""What is wrong with rules, in people's words: which rule, which field, what to write instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.domain.treatment import LeadOutcome
from mapping.catalogue import unknown_names
from mapping.model import Rules, Situation, Who
from mapping.words import say

_KEYS = {
    "Missing data for required field.": "missing",
    "Unknown field.": "no_such_field",
    "Not a valid string.": "no_text",
    "Not a valid integer.": "no_number",
    "Not a valid boolean.": "no_flag",
    "Not a valid list.": "no_list",
    "Invalid input type.": "no_table",
    "Field may not be null.": "empty",
}
_ROOMS = {"employees": "employee", "sources": "source", "policy": "rule", "fields": "field"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and where: `room` is the part of the document, `place` the line in it from 1, `name` its name.

    `key` names the sentence, `values` fill it in.
    """

    room: str
    key: str
    field: str = ""
    place: int = 0
    name: str = ""
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text("en")

    @property
    def rule(self) -> str:
        """The name of the rule, or of the part of the document."""
        return self.name or self.room

    def where(self, locale: str) -> str:
        """The rule, as people find it: 'rule 2 «From Yandex»'."""
        room = say(f"room_{self.room}", locale) if self.room in _ROOMS.values() else self.room
        number = f" {self.place}" if self.place else ""
        return f"{room}{number}" + (f" «{self.name}»" if self.name else "")

    def text(self, locale: str) -> str:
        """The whole sentence."""
        values = {f"v{number}": value for number, value in enumerate(self.values, 1)}
        words = say(f"wrong_{self.key}", locale, **values)
        return f"{self.where(locale)}: {self.field} {words}" if self.field else f"{self.where(locale)}: {words}"


def mistakes_of(messages: Any, document: Any) -> list[Mistake]:
    """marshmallow's nested messages, flat, each with its rule. A message of ours is "key|value|…"."""
    return [_mistake(path, words, document) for path, words in _flat(messages, ())]


def _flat(messages: Any, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], str]]:
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            yield from _flat(inner, path if name == "_schema" else (*path, name))
    else:
        yield from ((path, str(words)) for words in messages)


def _mistake(path: tuple[Any, ...], words: str, document: Any) -> Mistake:
    key, *values = words.split("|")
    key = _KEYS.get(key, key)
    in_list = len(path) > 1 and path[0] in _ROOMS and isinstance(path[1], int)
    room = _ROOMS[path[0]] if in_list else str(path[0]) if path else "rules"
    inside = path[2:] if in_list else path[1:]
    field = ".".join(str(part) if isinstance(part, str) else str(part + 1) for part in inside)
    place, name = (path[1] + 1, _name(document, path)) if in_list else (0, "")
    return Mistake(room, key, field, place, name, tuple(values))


def _name(document: Any, path: tuple[Any, ...]) -> str:
    try:
        item = document[path[0]][path[1]]
        return str(item.get("name") or item.get("extension") or "")
    except (AttributeError, KeyError, IndexError, TypeError):
        return ""


# --- What no single field shows -----------------------------------------------------------------------


def contradictions(rules: Rules) -> list[Mistake]:
    """Names used twice, templates with unknown facts, nobody to choose from, calls that no CRM can hold."""
    return [*_twice(rules), *_nobody(rules), *_internal(rules), *_templates(rules)]


def _twice(rules: Rules) -> Iterator[Mistake]:
    rooms = {
        "rule": [rule.name for rule in rules.policy],
        "field": [f"{rule.entity} {rule.field}" for rule in rules.fields],
        "employee": [rule.extension for rule in rules.employees],
    }
    for room, names in rooms.items():
        for name, times in Counter(names).items():
            if times > 1:
                yield Mistake(room, "twice", name=name, values=(str(times),))


def _nobody(rules: Rules) -> Iterator[Mistake]:
    lists = [
        (Mistake("rule", "nobody", "users", place, rule.name), rule.responsible, rule.users)
        for place, rule in enumerate(rules.policy, 1)
    ]
    for mistake, who, users in [*lists, (Mistake("tasks", "nobody", "users"), rules.tasks.who, rules.tasks.users)]:
        if not users and {Who.FIXED, Who.ROUND_ROBIN} & set(who):
            yield mistake


def _internal(rules: Rules) -> Iterator[Mistake]:
    for place, rule in enumerate(rules.policy, 1):
        if rule.situation == (Situation.INTERNAL,) and rule.outcome is not LeadOutcome.NOTHING:
            yield Mistake("rule", "internal", "outcome", place, rule.name)


def _templates(rules: Rules) -> Iterator[Mistake]:
    found = [("rule", place, rule.name, "title", rule.title) for place, rule in enumerate(rules.policy, 1)]
    found += [("field", place, rule.name, "value", rule.value) for place, rule in enumerate(rules.fields, 1)]
    found += [("tasks", 0, "", "title", rules.tasks.title), ("tasks", 0, "", "text", rules.tasks.text)]
    for room, place, name, field, text in found:
        for fact, meant in unknown_names(text):
            key = "fact_meant" if meant else "fact"
            yield Mistake(room, key, field, place, name, (f"{{{fact}}}", f"{{{meant}}}"))
