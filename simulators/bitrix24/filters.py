"""List methods: filters with prefixes, order, pages of fifty (bitrix24.md §2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .clock import parse_iso
from .methods import Listing
from .values import integer, mapping

PAGE = 50
Row = Mapping[str, Any]
_PREFIXES = ("!><", "><", "!=%", "!%=", "=%", "%=", ">=", "<=", "!=", "!@", "!%", "=", "!", ">", "<", "@", "%", "?")


def split_prefix(name: str) -> tuple[str, str]:
    """`>=ID` → (`>=`, `ID`)."""
    prefix = next((one for one in _PREFIXES if name.startswith(one)), "")
    return prefix, name[len(prefix) :]


def matching(rows: Iterable[Row], conditions: Any, known: Callable[[str], bool]) -> list[Row]:
    """The rows that meet every condition; a condition on a field that is not `known` is dropped."""
    wanted = [(*split_prefix(name), value) for name, value in mapping(conditions).items()]
    wanted = [(prefix, field, value) for prefix, field, value in wanted if known(field)]
    return [
        row for row in rows if all(_holds(prefix, _values(row.get(field)), value) for prefix, field, value in wanted)
    ]


def ordered(rows: Sequence[Row], order: Any) -> list[Row]:
    """Sorted by `{field: ASC|DESC}`, by ID when nothing is named."""
    result = sorted(rows, key=lambda row: integer(row.get("ID")))
    for name, direction in reversed(list(mapping(order).items())):
        result.sort(key=lambda row: _sortable(row.get(name)), reverse=str(direction).upper() == "DESC")
    return result


def page(rows: Sequence[Row], start: Any) -> Listing:
    """Fifty rows from `start`; -1 gives the first fifty without counting."""
    offset = integer(start)
    if offset < 0:
        return Listing(list(rows[:PAGE]))
    offset -= offset % PAGE
    shown = list(rows[offset : offset + PAGE])
    following = offset + PAGE if offset + PAGE < len(rows) else None
    return Listing(shown, total=len(rows), next_start=following)


def _values(value: Any) -> list[str]:
    """What a condition is compared with; a multifield counts by its values."""
    if isinstance(value, list):
        return [str(one["VALUE"]) if isinstance(one, Mapping) else str(one) for one in value] or [""]
    if isinstance(value, bool):
        return ["Y" if value else "N"]
    return ["" if value is None else str(value)]


def _holds(prefix: str, actual: list[str], wanted: Any) -> bool:
    if prefix.startswith("!"):
        return not _holds({"!": "=", "!=": "="}.get(prefix, prefix[1:]), actual, wanted)
    options = [_plain(one) for one in wanted] if isinstance(wanted, list) else [_plain(wanted)]
    if prefix == "><":
        return len(options) > 1 and any(_at_least(one, options[0]) and _at_least(options[1], one) for one in actual)
    return any(_one(prefix, one, option) for one in actual for option in options)


def _one(prefix: str, actual: str, wanted: str) -> bool:
    match prefix:
        case ">":
            return _at_least(actual, wanted) and not _equal(actual, wanted)
        case ">=":
            return _at_least(actual, wanted)
        case "<":
            return not _at_least(actual, wanted)
        case "<=":
            return not _at_least(actual, wanted) or _equal(actual, wanted)
        case "%" | "?":
            return wanted.lower() in actual.lower()
        case "=%" | "%=":
            return _like(actual.lower(), wanted.lower())
        case _:
            return _equal(actual, wanted)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "Y" if value else "N"
    return "" if value is None else str(value)


def _equal(one: str, other: str) -> bool:
    return one == other


def _at_least(one: str, other: str) -> bool:
    for read in (float, _moment):
        try:
            return read(one) >= read(other)
        except ValueError:
            continue
    return one >= other


def _moment(shown: str) -> float:
    return parse_iso(shown)[0]


def _like(actual: str, pattern: str) -> bool:
    core = pattern.strip("%")
    if pattern.startswith("%") and pattern.endswith("%"):
        return core in actual
    if pattern.startswith("%"):
        return actual.endswith(core)
    return actual.startswith(core) if pattern.endswith("%") else actual == core


def _sortable(value: Any) -> tuple[float, str]:
    shown = _values(value)[0]
    try:
        return float(shown), ""
    except ValueError:
        return 0.0, shown
