"""A call from everything that was stated about it: the same one, in whatever order and however often it was stated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from hub.calls.legs import facts, first, in_order, is_whole_call_end, legs_of
from hub.domain.call import Call, Closing, Leg, Outcome, Recording
from hub.domain.events import CallEvent, Direction, EventKind, Place, RecordingState, Result
from hub.domain.phone import Phone

T = TypeVar("T")

_RECORDING_COURSE = (
    RecordingState.STARTED,
    RecordingState.COMPLETED,
    RecordingState.NONE,
    RecordingState.AVAILABLE,
)
"""A state gives way to a later one only: a file that was there is never said to be none."""

_AFTERWARDS = frozenset({EventKind.RECORDING, EventKind.REMARK})
"""News that may come long after the call: they say nothing of when it ended."""


@dataclass(frozen=True, slots=True)
class _Story:
    """The events of a call in order, and what several facts are read from.

    `summaries` are the PBX's statements about the whole call, one that says "answered" first, and
    what was said at the time before what the history says afterwards;
    `witnesses` are all events, those that know the call's beginning before those of legs that
    only carried it on.
    """

    events: Sequence[CallEvent]
    summaries: Sequence[CallEvent]
    legs: Sequence[Leg]
    witnesses: Sequence[CallEvent]


@dataclass(frozen=True, slots=True)
class _Times:
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int
    talk_seconds: int


def fold(events: Iterable[CallEvent], *, stale: bool = False) -> Call:
    """The call that `events` tell of. Pure; commutative, and the same event twice changes nothing.

    `events` are those of one call: at least one, else `ValueError`. `stale` closes a call whose end
    was never stated, with what is known; a stated end makes it needless.
    """
    story = _story(events)
    direction = _direction(story)
    talks = _talks(story.legs, direction)
    answered = bool(talks) or _answered_by_summary(story)
    closing = _closing(story, stale)
    is_over = closing is not Closing.OPEN
    times = _times(story, talks, answered, is_over)
    missed = is_over and not answered
    return Call(
        key=story.events[0].call_key,
        direction=direction,
        client=_client(story, direction),
        line=_best_phone(story.witnesses, "line"),
        outcome=_outcome(direction, answered, is_over),
        closing=closing,
        answered_by=_answered_by(story, talks) if answered else None,
        first_rung=_first_rung(story),
        group=first(story.events, lambda event: event.group),
        rung=_rung(story.legs),
        ringing=() if is_over else _rung([leg for leg in story.legs if leg.answered_at is None and not leg.ended_at]),
        legs=tuple(story.legs),
        started_at=times.started_at,
        answered_at=times.answered_at,
        ended_at=times.ended_at,
        wait_seconds=times.wait_seconds,
        talk_seconds=times.talk_seconds,
        recordings=_recordings(story.events),
        missed_reason=_missed_reason(story) if missed else None,
        command_ids=tuple(dict.fromkeys(facts(story.events, lambda event: event.command_id))),
        tracking_number=_best_phone(story.events, "tracking_number"),
        cost=_latest(story.events, lambda event: event.cost),
        rating=_latest(story.events, lambda event: event.rating),
        transcript=_latest(story.events, lambda event: event.transcript or None) or (),
    )


def _story(stated: Iterable[CallEvent]) -> _Story:
    events = in_order(stated)
    if not events:
        raise ValueError("A call has at least one event.")
    ends = [event for event in events if is_whole_call_end(event)]
    summaries = sorted(ends, key=_weight)
    legs = legs_of(events)
    carried_on = {leg.key for leg in legs if leg.came_from_leg is not None}
    of_legs = [event for event in events if not is_whole_call_end(event)]
    begins = [event for event in of_legs if event.came_from_leg is None and event.leg_key not in carried_on]
    carries_on = [event for event in of_legs if event not in begins]
    return _Story(events, summaries, legs, [*summaries, *begins, *carries_on])


def _weight(end: CallEvent) -> tuple[bool, bool, bool]:
    return not _says_answered(end), end.kind is not EventKind.SUMMARY, end.from_history


def _says_answered(summary: CallEvent) -> bool:
    return summary.answered_at is not None or bool(summary.talk_seconds)


def _answered_by_summary(story: _Story) -> bool:
    return any(map(_says_answered, story.summaries))


def _direction(story: _Story) -> Direction | None:
    """The summary's word; before it, the earliest word of a leg, where a step between employees counts least."""
    stated = first(story.summaries, lambda event: event.direction)
    said = list(facts(story.witnesses, lambda event: event.direction))
    return stated or next((one for one in said if one is not Direction.INTERNAL), None) or next(iter(said), None)


def _talks(legs: Sequence[Leg], direction: Direction | None) -> list[Leg]:
    """The legs on which one of ours talked, the last talk first."""
    talks = [leg for leg in legs if _is_talk(leg, direction)]
    return sorted(talks, key=lambda leg: (_talked_at(leg), leg.rang_at, leg.key), reverse=True)


def _is_talk(leg: Leg, direction: Direction | None) -> bool:
    if leg.place in (Place.MENU, Place.QUEUE) or leg.answered_at is None:
        return False
    if direction is Direction.INTERNAL:
        return True
    if leg.talked_with_client_at is None:
        return False
    if direction is Direction.OUTBOUND and leg.place is Place.EMPLOYEE:
        # The employee's own leg is answered before the client is rung; one that came from another took the client over.
        return leg.came_from_leg is not None
    return leg.place is not Place.CLIENT or direction is not Direction.INBOUND


def _talked_at(leg: Leg) -> datetime:
    return leg.talked_with_client_at or leg.answered_at or leg.rang_at


def _closing(story: _Story, stale: bool) -> Closing:
    if story.summaries:
        return Closing.STATED
    return Closing.STALE if stale else Closing.OPEN


def _outcome(direction: Direction | None, answered: bool, is_over: bool) -> Outcome:
    if not is_over:
        return Outcome.IN_PROGRESS
    if answered:
        return Outcome.ANSWERED
    return Outcome.UNANSWERED if direction in (Direction.OUTBOUND, Direction.INTERNAL) else Outcome.MISSED


# --- People and numbers -----------------------------------------------------------------------------


def _answered_by(story: _Story, talks: Sequence[Leg]) -> str | None:
    by_leg = next((leg.extension for leg in talks if leg.extension is not None), None)
    return by_leg or first(story.summaries, lambda event: event.extension)


def _rung(legs: Iterable[Leg]) -> tuple[str, ...]:
    """The employees of these legs, each once, in the order in which they were rung."""
    rung = (leg.extension for leg in legs if leg.place in (Place.EMPLOYEE, None) and leg.extension is not None)
    return tuple(dict.fromkeys(rung))


def _first_rung(story: _Story) -> str | None:
    """Who was rung first; when nobody was seen ringing, who called out, or whom the summary names."""
    rung = _rung(story.legs)
    if rung:
        return rung[0]
    callers = (leg.extension for leg in story.legs if leg.extension is not None)
    return next(callers, None) or first(story.summaries, lambda event: event.extension)


def _client(story: _Story, direction: Direction | None) -> Phone | None:
    return None if direction is Direction.INTERNAL else _best_phone(story.witnesses, "client")


def _best_phone(events: Iterable[CallEvent], name: str) -> Phone | None:
    """The first full number among the events' phones of this name, else the first that was stated at all."""
    phones: list[Phone] = [phone for event in events if (phone := getattr(event, name)) is not None]
    return min(phones, key=lambda phone: phone.e164 is None, default=None)


# --- Time -------------------------------------------------------------------------------------------


def _times(story: _Story, talks: Sequence[Leg], answered: bool, is_over: bool) -> _Times:
    """All moments in order and no duration below zero, even when a PBX's clocks disagree by hours."""
    began = list(facts(story.summaries, lambda event: event.started_at))
    started_at = min([*began, *(event.at for event in story.events)])
    ended_at = max(_ended_at(story), started_at) if is_over else None
    answered_at = _answered_at(story, talks, ended_at) if answered else None
    if answered_at is not None:
        answered_at = max(answered_at, started_at)
        answered_at = min(answered_at, ended_at) if ended_at else answered_at
    return _Times(
        started_at,
        answered_at,
        ended_at,
        wait_seconds=_seconds(_waiting_since(story, started_at), answered_at or ended_at),
        talk_seconds=_stated_talk(story) or _seconds(answered_at, ended_at),
    )


def _ended_at(story: _Story) -> datetime:
    """The stated end, else the last news of the call itself: recordings are heard of long after it."""
    stated = first(story.summaries, lambda event: event.ended_at)
    if stated is not None:
        return stated
    ends = story.summaries or [event for event in story.events if event.kind not in _AFTERWARDS]
    return max(event.at for event in ends or story.events)


def _answered_at(story: _Story, talks: Sequence[Leg], ended_at: datetime | None) -> datetime | None:
    stated = first(story.summaries, lambda event: event.answered_at)
    if stated is not None:
        return stated
    return min(_first_talks(story, talks), default=ended_at)


def _first_talks(story: _Story, talks: Sequence[Leg]) -> list[datetime]:
    """When each leg first connected somebody with the client; a leg may be connected again after a hold."""
    keys = {leg.key: leg for leg in talks}
    moments = [
        event.at
        for event in story.events
        if event.kind is EventKind.ANSWERED and event.with_client and (event.leg_key or event.extension or "") in keys
    ]
    return moments or [_talked_at(leg) for leg in talks]


def _waiting_since(story: _Story, started_at: datetime) -> datetime:
    """A summary's own start: its moments are of one clock, and the events' may be of another."""
    return first(story.summaries, lambda event: event.started_at) or started_at


def _stated_talk(story: _Story) -> int:
    return max(0, first(story.summaries, lambda event: event.talk_seconds or None) or 0)


def _seconds(since: datetime | None, until: datetime | None) -> int:
    if since is None or until is None:
        return 0
    return max(0, int((until - since).total_seconds()))


# --- How it went -------------------------------------------------------------------------------------


def _recordings(events: Sequence[CallEvent]) -> tuple[Recording, ...]:
    """One for each key, in the order in which they were first heard of."""
    found: dict[str, Recording] = {}
    for news in facts(events, lambda event: event.recording):
        known = found.get(news.key, Recording(news.key, news.state, None))
        state = max(known.state, news.state, key=_RECORDING_COURSE.index)
        found[news.key] = Recording(news.key, state, known.extension or news.extension)
    return tuple(found.values())


def _latest(events: Sequence[CallEvent], read: Callable[[CallEvent], T | None]) -> T | None:
    """What was said last; what the history tells afterwards only where nobody said it at the time."""
    last_first = list(reversed(events))
    return first(sorted(last_first, key=lambda event: event.from_history), read)


def _missed_reason(story: _Story) -> Result | None:
    """The PBX's word on the whole call, else on the last leg that did not just go on as another."""
    stated = first(story.summaries, lambda event: event.result)
    if stated is not None:
        return stated
    ended = [leg for leg in story.legs if leg.result not in (None, Result.MOVED, Result.ANSWERED)]
    ended.sort(key=lambda leg: (leg.place not in (Place.MENU, Place.QUEUE), leg.ended_at or leg.rang_at, leg.key))
    return ended[-1].result if ended else None
