"""Two documents compared line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One line that differs: `sign` is + (new), - (gone) or ~ (changed), or > (moved to another place).

    `part` is the part of the document, `name` its line ("" where it has none), `field` what of it ("" for all of it),
    `old` and `new` what stood and stands there: of moved lines `new` has the names in their order.
    """

    sign: str
    part: str
    name: str = ""
    field: str = ""
    old: Any = None
    new: Any = None

    @property
    def where(self) -> str:
        """The place in the document's own words: "policy «From ads»"."""
        return f"{self.part} «{self.name}»" if self.name else self.part

    @property
    def words(self) -> str:
        """What changed there in the document's own words: "stage: NEW → IN_PROCESS"."""
        match self.sign:
            case "-":
                return ""
            case "+":
                return _told(self.new)
            case ">":
                return " → ".join(self.new)
        change = f"{_told(self.old)} → {_told(self.new)}"
        return f"{self.field}: {change}" if self.field else change


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What `after` says otherwise; rules are told apart by their names, and their order counts."""
    found: list[Change] = []
    for part in ("employees", "sources", "policy", "tasks", "fields", "quality", "recordings", "privacy"):
        old, new = before.get(part), after.get(part)
        if isinstance(old, list) or isinstance(new, list):
            found += _lines(part, old or [], new or [])
        elif old != new:
            found += _table(part, "", old, new)
    return found


def _lines(part: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    before, after = {_key(line): line for line in old}, {_key(line): line for line in new}
    yield from (Change("-", part, key) for key in before if key not in after)
    for key, line in after.items():
        if key not in before:
            yield Change("+", part, key, new=line)
        elif line != before[key]:
            yield from _table(part, key, before[key], line)
    kept = [key for key in before if key in after], [key for key in after if key in before]
    if kept[0] != kept[1]:
        yield Change(">", part, new=kept[1])


def _key(line: Mapping[str, Any]) -> str:
    return str(line.get("extension") or line.get("name"))


def _table(part: str, name: str, old: Any, new: Any) -> Iterator[Change]:
    if not isinstance(old or {}, dict) or not isinstance(new or {}, dict):
        yield Change("~", part, name, old=old, new=new)
        return
    old, new = old or {}, new or {}
    for field in dict.fromkeys([*old, *new]):
        if old.get(field) != new.get(field):
            yield Change("~", part, name, field, old.get(field), new.get(field))


def _told(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_told(inner)}" for name, inner in value.items() if name != "name")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
