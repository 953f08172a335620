"""Visits, leases and calls as people hand them over: our dataclasses, their own, or mappings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from hub.domain.attribution import CallFact, LeaseFact, Model, VisitFact

_MISSING = object()

# The first spelling is ours; the others are what the same thing is often called.
_VISIT_ID = ("visit_id", "visit", "session_id")
_VISIT = {
    "id": ("id", *_VISIT_ID, "key"),
    "started_at": ("started_at", "start", "started", "begin", "first_seen_at", "at"),
    "last_seen_at": ("last_seen_at", "ended_at", "end", "ended", "left_at", "finished_at", "last_seen"),
    "visitor_id": ("visitor_id", "visitor", "client_id", "user_id"),
    "region": ("region", "city", "geo"),
}
_LEASE = {
    "visit_id": _VISIT_ID,
    "number": ("number", "line", "phone", "tracking_number"),
    "since": ("since", "from", "from_at", "started_at", "start", "starts_at", "leased_at", "begin"),
    "until": ("until", "to", "until_at", "ended_at", "end", "ends_at", "expires_at", "released_at"),
}
_CALL = {
    "id": ("id", "call_id", "key", "call_key"),
    "number": ("number", "line", "tracking_number", "called", "to"),
    "at": ("at", "started_at", "start", "time", "called_at"),
    "client": ("client", "caller", "phone", "from", "caller_id"),
    "region": ("region", "city", "geo"),
    "known_visit_id": ("known_visit_id",),
    "known_by": ("known_by",),
}
_HIDDEN = {"", "anonymous", "unknown", "hidden", "private", "restricted"}


def read_visit(given: object) -> VisitFact:
    """One visit. Raises ValueError that names the visit and what is wrong with it."""
    if isinstance(given, VisitFact):
        return _checked_visit(given)
    visit = VisitFact(
        id=_text(_needed(given, _VISIT, "id", "a visit")),
        started_at=_moment(_field(given, _VISIT["started_at"]), "a visit's started_at"),
        last_seen_at=_moment(_field(given, _VISIT["last_seen_at"]), "a visit's last_seen_at"),
        visitor_id=_optional(_field(given, _VISIT["visitor_id"])),
        region=_optional(_field(given, _VISIT["region"])),
    )
    return _checked_visit(visit)


def _checked_visit(visit: VisitFact) -> VisitFact:
    for moment in (visit.started_at, visit.last_seen_at):
        _moment(moment, f"visit {visit.id}")
    return visit


def read_lease(given: object) -> LeaseFact:
    """One lease. Raises ValueError that says what is wrong with it."""
    if isinstance(given, LeaseFact):
        _moment(given.since, "a lease's since")
        _moment(given.until, "a lease's until")
        return given
    since = _moment(_needed(given, _LEASE, "since", "a lease"), "a lease's since")
    assert since is not None
    return LeaseFact(
        visit_id=_text(_needed(given, _LEASE, "visit_id", "a lease")),
        number=_number(_needed(given, _LEASE, "number", "a lease")),
        since=since,
        until=_moment(_field(given, _LEASE["until"]), "a lease's until"),
    )


def read_call(given: object) -> CallFact:
    """One call. Raises ValueError that says what is wrong with it."""
    if isinstance(given, CallFact):
        _moment(given.at, f"call {given.id}")
        return given
    at = _moment(_needed(given, _CALL, "at", "a call"), "a call's at")
    assert at is not None
    return CallFact(
        id=_text(_needed(given, _CALL, "id", "a call")),
        number=_number(_needed(given, _CALL, "number", "a call")),
        at=at,
        client=_client(_field(given, _CALL["client"])),
        region=_optional(_field(given, _CALL["region"])),
        known_visit_id=_optional(_field(given, _CALL["known_visit_id"])),
        known_by=Model(_field(given, _CALL["known_by"]) or Model.CALLBACK),
    )


def same_number(number: object) -> str:
    """The spelling in which numbers are compared: digits, a Russian trunk 8 read as 7; names as they are."""
    return _comparable(_number(number))


@lru_cache(maxsize=65536)
def _comparable(text: str) -> str:
    digits = re.sub(r"\D", "", text)
    if len(digits) < 7 or re.search(r"[^\d\s()+.\-]", text):
        return text.strip()
    return "7" + digits[1:] if len(digits) == 11 and digits[0] == "8" else digits


def same_client(client: object) -> str | None:
    """The same for callers; None for a hidden one."""
    read = _client(client)
    return None if read is None else same_number(read)


def same_region(region: str | None) -> str | None:
    return (region.strip().casefold() or None) if region else None


@dataclass(frozen=True, slots=True)
class StaticSource:
    """What a call to a static number is put down to."""

    source: str | None


def read_static(given: Mapping[Any, Any] | Iterable[Any]) -> dict[str, StaticSource]:
    """Static numbers by comparable spelling, from {number: source}, or numbers, or objects with both."""
    if isinstance(given, Mapping):
        return {same_number(number): StaticSource(_source(source)) for number, source in given.items()}
    found = {}
    for entry in given:
        number = entry if isinstance(entry, str) else _field(entry, _LEASE["number"])
        found[same_number(entry if number is None else number)] = StaticSource(
            None if isinstance(entry, str) else _source(_field(entry, ("source",)))
        )
    return found


def _source(given: object) -> str | None:
    return _optional(given if given is None or isinstance(given, str) else _field(given, ("source",)))


# --- One field ----------------------------------------------------------------------------------------------------


def _field(given: object, spellings: tuple[str, ...]) -> Any:
    for spelling in spellings:
        value = given.get(spelling, _MISSING) if isinstance(given, Mapping) else getattr(given, spelling, _MISSING)
        if value is not _MISSING and value is not None:
            return value
    return None


def _needed(given: object, names: Mapping[str, tuple[str, ...]], name: str, what: str) -> Any:
    value = _field(given, names[name])
    if value is None:
        raise ValueError(f"{what} without {name}: {given!r:.200}")
    return value


def _text(value: object) -> str:
    return str(value)


def _optional(value: object) -> str | None:
    return None if value is None or str(value) == "" else str(value)


def _number(value: object) -> str:
    """A number as text; a Phone gives its E.164 form."""
    if isinstance(value, str):
        return value
    return str(_field(value, ("e164", "raw", "number")) or value)


def _client(value: object) -> str | None:
    if value is None:
        return None
    text = _number(value)
    return None if text.strip().lower() in _HIDDEN else text


def _moment(value: Any, what: str) -> datetime | None:
    """An aware datetime, or its ISO 8601 text."""
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as wrong:
        raise ValueError(f"{what} is not a time: {value!r}") from wrong
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise ValueError(f"{what} must be a datetime with a time zone, not {value!r}")
    return moment


def seconds(moment: datetime) -> float:
    return moment.timestamp()


LONGEST_OPEN_LEASE = timedelta(hours=1)
"""How long a lease whose end nobody knows is taken to last."""
