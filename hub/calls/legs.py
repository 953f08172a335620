"""The legs of a call from the events that speak of them: who was rung, who answered, who moved on. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from hub.domain.call import Leg
from hub.domain.events import CallEvent, EventKind, Place, Result

T = TypeVar("T")

_LEG_KINDS = frozenset({EventKind.APPEARED, EventKind.ANSWERED, EventKind.HELD, EventKind.TRANSFERRED, EventKind.ENDED})
_ANSWER_KINDS = frozenset({EventKind.ANSWERED, EventKind.HELD})
"""Who is on hold was answered before, even when that news was lost."""

_COURSE = (
    EventKind.APPEARED,
    EventKind.ANSWERED,
    EventKind.HELD,
    EventKind.TRANSFERRED,
    EventKind.ENDED,
    EventKind.UNKNOWN,
    EventKind.RECORDING,
    EventKind.REMARK,
    EventKind.SUMMARY,
)


def in_order(events: Iterable[CallEvent]) -> list[CallEvent]:
    """Each event once, in one order that does not depend on the order of arrival.

    Time first, then the PBX's counter, then the course that calls take, then the event's name; the
    whole text of an event is asked only when two different ones claim one name.
    """
    unique: dict[str, CallEvent] = {}
    for event in events:
        known = unique.get(event.event_key)
        if known is None or (event != known and repr(event) < repr(known)):
            unique[event.event_key] = event
    return sorted(_without_echoes(unique.values()), key=_by_time)


def _without_echoes(events: Iterable[CallEvent]) -> list[CallEvent]:
    """A leg's step that was heard when it happened needs no second telling by the PBX's history."""
    events = list(events)
    heard = {(event.leg_key, event.kind) for event in events if event.leg_key and not event.from_history}
    return [event for event in events if not (event.from_history and (event.leg_key, event.kind) in heard)]


def _by_time(event: CallEvent) -> tuple[datetime, int, int, str]:
    return event.at, _counter(event), _COURSE.index(event.kind), event.event_key


def _by_counter(event: CallEvent) -> tuple[int, datetime, int, str]:
    return _counter(event), event.at, _COURSE.index(event.kind), event.event_key


def _counter(event: CallEvent) -> int:
    return -1 if event.seq is None else event.seq


def is_whole_call_end(event: CallEvent) -> bool:
    """A summary, or an end that names no leg: the PBX says that the call is over."""
    return event.kind is EventKind.SUMMARY or (event.kind is EventKind.ENDED and event.leg_key is None)


def legs_of(events: Sequence[CallEvent]) -> tuple[Leg, ...]:
    """The legs in the order in which they rang, from events that are `in_order`.

    A PBX that does not name its legs has one for each extension.
    """
    by_key: dict[str, list[CallEvent]] = {}
    for event in events:
        if event.kind in _LEG_KINDS and not is_whole_call_end(event):
            by_key.setdefault(event.leg_key or event.extension or "", []).append(event)
    legs = [_leg(key, sorted(stated, key=_by_counter)) for key, stated in by_key.items()]
    return tuple(sorted(legs, key=lambda leg: (leg.rang_at, leg.key)))


def _leg(key: str, events: Sequence[CallEvent]) -> Leg:
    answers = _answers(events)
    answered_at = min((event.at for event in answers), default=None)
    with_client = [event.at for event in answers if event.with_client]
    ends = [event for event in events if event.kind is EventKind.ENDED]
    place, extension = _place_and_extension(events)
    return Leg(
        key=key,
        place=place,
        extension=extension,
        group=first(events, lambda event: event.group),
        rang_at=min(event.at for event in events),
        answered_at=answered_at,
        talked_with_client_at=max(with_client, default=None),
        # A leg does not end before its last news, whatever the clocks say.
        ended_at=max(event.at for event in events) if ends else None,
        result=_result(ends, answered_at),
        came_from_leg=first(events, lambda event: event.came_from_leg),
        command_id=first(events, lambda event: event.command_id),
    )


def _answers(events: Sequence[CallEvent]) -> list[CallEvent]:
    """The events that connected somebody; a hold counts only where the answer before it was lost."""
    answered = [event for event in events if event.kind is EventKind.ANSWERED]
    return answered or [event for event in events if event.kind in _ANSWER_KINDS]


def _place_and_extension(events: Sequence[CallEvent]) -> tuple[Place | None, str | None]:
    """What the leg came to ring: a transfer may first show it as a step between two employees.

    The last word before the end counts, because ends are often stated with fewer facts.
    """
    latest_first = [event for event in reversed(events) if event.kind is not EventKind.ENDED] or list(reversed(events))
    place = first(latest_first, lambda event: event.place) or first(events, lambda event: event.place)
    same_place = [event for event in latest_first if event.place in (place, None)]
    return place, first([*same_place, *events[-1:]], lambda event: event.extension if event.place is place else None)


def _result(ends: Sequence[CallEvent], answered_at: datetime | None) -> Result | None:
    """Why the leg ended. "The caller hung up" after an answer is the end of a talk."""
    stated = first(reversed(ends), lambda event: event.result)
    if ends and answered_at is not None and stated is not Result.MOVED:
        return Result.ANSWERED
    return stated


def first(events: Iterable[CallEvent], read: Callable[[CallEvent], T | None]) -> T | None:
    """The first fact that `read` finds in the events."""
    return next(facts(events, read), None)


def facts(events: Iterable[CallEvent], read: Callable[[CallEvent], T | None]) -> Iterator[T]:
    """Every fact that `read` finds, in the order of the events."""
    return (fact for event in events if (fact := read(event)) is not None)
