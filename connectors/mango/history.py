"""Mango's own list of calls: extended statistics, ordered and then asked for (`mango.md` §4.3, §6).

Two invalid requests shut the whole API for two minutes, so nothing is sent that could be one: whole
seconds of Moscow time, spans well under thirty days, a known limit, a key that still lives.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from connectors.contract import Door
from connectors.mango.client import call, post
from connectors.mango.entries import Extensions, entry_events, people_without_extension
from connectors.mango.errors import error_of, read_answer
from connectors.mango.fields import Fields, Unreadable, as_integer
from hub.domain.errors import NotReady, Unreachable
from hub.domain.events import CallEvent
from webhooks.contract import ParseContext

log = structlog.get_logger()

Wait = Callable[[float], object]
Entry = Mapping[str, Any]

_MOSCOW = ZoneInfo("Europe/Moscow")
_LONGEST_SPAN = timedelta(days=29)
_ENTRIES_A_PAGE = 1000
_FIRST_POLL_SECONDS = 2.1
"""Also what lies between two orders: one is allowed in two seconds (mango.md §6.1)."""
_POLL_SECONDS = 5.1
_POLLS = 8
"""A key lives for a minute; one that died is answered by 404 and a 3xxx code, which counts as invalid."""
_FAILED = frozenset({"cancel", "error", "not-found"})


@dataclass(frozen=True, slots=True)
class MangoHistory:
    """The `PbxHistory` of Mango Office. `wait(seconds)` lets time pass between two questions."""

    wait: Wait = threading.Event().wait

    def history(self, door: Door, since: datetime, until: datetime) -> Sequence[CallEvent]:
        """See the contract. An entry that cannot be read is left out, and the log names it."""
        if since >= until:
            return ()
        entries = {str(entry.get("entry_id")): entry for entry in self._entries(door, since, until)}
        extensions = _extensions(door, entries.values())
        context = ParseContext(door.connection.region, door.connection.settings)
        return [event for entry in entries.values() for event in _events(entry, context, extensions)]

    def _entries(self, door: Door, since: datetime, until: datetime) -> Iterator[Entry]:
        for start, end in _spans(since, until):
            offset = 0
            while True:
                page = self._report(door, start, end, offset)
                yield from page
                if len(page) < _ENTRIES_A_PAGE:
                    break
                offset += _ENTRIES_A_PAGE

    def _report(self, door: Door, start: datetime, end: datetime, offset: int) -> list[Entry]:
        order = {
            "start_date": _moscow(start),
            "end_date": _moscow(end),
            "limit": _ENTRIES_A_PAGE,
            "offset": offset,
        }
        key = call(door, "stats/calls/request", order, write=False).get("key")
        if not isinstance(key, str) or not key:
            raise Unreachable("Mango took the order of a list of calls without giving a key to it.")
        self.wait(_FIRST_POLL_SECONDS)
        for _ in range(_POLLS):
            found = _poll(door, key)
            if found is not None:
                return found
            self.wait(_POLL_SECONDS)
        raise NotReady("Mango did not finish the list of calls in time.")


def _spans(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    while since < until:
        end = min(since + _LONGEST_SPAN, until)
        yield since, end
        since = end


def _moscow(moment: datetime) -> str:
    return moment.astimezone(_MOSCOW).strftime("%d.%m.%Y %H:%M:%S")


def _poll(door: Door, key: str) -> list[Entry] | None:
    """The entries of a complete report; None while it is made. "work" may carry a part: that is none either."""
    answer = post(door, "stats/calls/result", {"key": key}, write=False)
    if answer.status == 204:
        return None
    if answer.status == 404:
        raise NotReady("Mango does not know the key of the list of calls any more.")
    error = error_of(answer, write=False, now=door.now())
    if error is not None:
        raise error
    said = read_answer(answer)
    status = said.get("status")
    if status in _FAILED:
        raise Unreachable(f"Mango could not make the list of calls: {status}.")
    return _listed(said.get("data")) if status == "complete" else None


def _listed(days: object) -> list[Entry]:
    return [
        entry
        for day in (days if isinstance(days, list) else [])
        if isinstance(day, dict) and isinstance(day.get("list"), list)
        for entry in day["list"]
        if isinstance(entry, dict)
    ]


def _extensions(door: Door, entries: Iterable[Entry]) -> Extensions:
    """Who has which extension, asked for only when the entries do not say it."""
    if not any(people_without_extension(entry) for entry in entries):
        return {}
    said = call(door, "config/users/request", {"ext_fields": ["general.user_id"]}, write=False)
    users = said.get("users")
    known = [_user(user) for user in (users if isinstance(users, list) else [])]
    return {user_id: extension for user_id, extension in known if user_id and extension}


def _user(user: object) -> tuple[int | None, str | None]:
    """An employee's `general.user_id` and `telephony.extension`, which comes as text or as a number."""
    fields = Fields(user if isinstance(user, dict) else {})
    return as_integer(fields.part("general").values.get("user_id")), fields.part("telephony").text("extension")


def _events(entry: Entry, context: ParseContext, extensions: Extensions) -> tuple[CallEvent, ...]:
    try:
        return entry_events(entry, context, extensions)
    except Unreadable as problem:
        log.warning("history_entry_unreadable", entry_id=str(entry.get("entry_id"))[:64], reason=str(problem))
        return ()
