"""Two documents compared line by line. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One line that differs: `sign` is + (new), - (gone) or ~ (changed), or > (moved to another place)."""

    sign: str
    where: str
    words: str = ""


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What `after` says otherwise; rules are told apart by their names, and their order counts."""
    found: list[Change] = []
    for part in ("employees", "sources", "policy", "tasks", "fields", "quality", "recordings", "privacy"):
        old, new = before.get(part), after.get(part)
        if isinstance(old, list) or isinstance(new, list):
            found += _lines(part, old or [], new or [])
        elif old != new:
            found += _table(part, old, new)
    return found


def _lines(part: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    before, after = {_key(line): line for line in old}, {_key(line): line for line in new}
    yield from (Change("-", f"{part} «{key}»") for key in before if key not in after)
    for key, line in after.items():
        if key not in before:
            yield Change("+", f"{part} «{key}»", _told(line))
        elif line != before[key]:
            yield from _table(f"{part} «{key}»", before[key], line)
    kept = [key for key in before if key in after], [key for key in after if key in before]
    if kept[0] != kept[1]:
        yield Change(">", part, " → ".join(kept[1]))


def _key(line: Mapping[str, Any]) -> str:
    return str(line.get("extension") or line.get("name"))


def _table(where: str, old: Any, new: Any) -> Iterator[Change]:
    if not isinstance(old or {}, dict) or not isinstance(new or {}, dict):
        yield Change("~", where, f"{_told(old)} → {_told(new)}")
        return
    old, new = old or {}, new or {}
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield Change("~", where, f"{name}: {_told(old.get(name))} → {_told(new.get(name))}")


def _told(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_told(inner)}" for name, inner in value.items() if name != "name")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
