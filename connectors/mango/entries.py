"""One entry of Mango's extended statistics as the events it makes up for (`mango.md` §4.3). Pure.

A call is told of here once it is over. Its key is `entry_id`, and a leg's `external_call_id` is the
`call_id` of the events that were pushed, so that what was lost and what was heard meet in one fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.mango.fields import Fields, Unreadable, as_integer
from connectors.mango.parties import is_own_device
from connectors.mango.reading import Reading
from connectors.mango.words import look_up_result
from hub.domain.events import CallEvent, Direction, EventKind, Place, RecordingNews, RecordingState, Result
from hub.domain.phone import Phone
from webhooks.contract import ParseContext

CONTEXT_TYPES: Mapping[int, Direction] = {1: Direction.INBOUND, 2: Direction.OUTBOUND, 3: Direction.INTERNAL}
"""Another numbering than that of `call_direction` (mango.md §8, row 21)."""

_LONGEST_EXTENSION = 64
_LONGEST_TALK_SECONDS = 30 * 24 * 3600
Extensions = Mapping[int, str]
"""The extension of each employee by `general.user_id`: entries name people by the latter."""


@dataclass(frozen=True, slots=True)
class PastLeg:
    """A leg of a call that is over; `result` None says that the PBX gave no reason."""

    key: str
    place: Place
    extension: str | None
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    result: Result | None
    recording_keys: tuple[str, ...]


def people_without_extension(entry: Mapping[str, object]) -> set[int]:
    """The user ids in `entry` whose extension it does not say itself."""
    found = set()
    if not entry.get("caller_extension") and (caller := as_integer(entry.get("caller_id"))):
        found.add(caller)
    for leg in _leg_values(entry):
        if leg.get("call_type") == "user" and not leg.get("call_abonent_extension"):
            user_id = as_integer(leg.get("call_abonent_id"))
            found |= {user_id} if user_id else set()
    return found


def entry_events(entry: Mapping[str, object], context: ParseContext, extensions: Extensions) -> tuple[CallEvent, ...]:
    """What the entry states; nothing for a call that is not over yet. Raises `Unreadable`."""
    reading = Reading(Fields(entry), context, "history")
    fields = reading.fields
    key = fields.needed_text("entry_id")
    duration = fields.number("duration")
    if duration is None:
        return ()
    direction = CONTEXT_TYPES.get(fields.number("context_type") or 0)
    caller = _caller_extension(fields, extensions)
    legs = [_leg(one, number, key, direction, caller, extensions) for number, one in enumerate(_readings(reading))]
    summary = _summary(reading, direction, legs, caller, timedelta(seconds=_bounded(duration)))
    return (*(event for leg in legs for event in _leg_events(leg, key, summary)), summary)


def _summary(
    reading: Reading, direction: Direction | None, legs: Sequence[PastLeg], caller: str | None, duration: timedelta
) -> CallEvent:
    fields = reading.fields
    started_at = reading.needed_moment("context_start_time")
    ended_at = started_at + duration
    # A call that ended in the menu has no legs, whatever the menu took for a talk.
    talk_seconds = _bounded(fields.number("talk_duration") or 0) if legs else 0
    answered_at = _answered_at(direction, legs, ended_at, talk_seconds)
    client = _client(reading, direction)
    ended_in_menu = direction is Direction.INBOUND and not legs
    return CallEvent(
        kind=EventKind.SUMMARY,
        call_key=fields.needed_text("entry_id"),
        event_key="history:summary",
        at=ended_at,
        direction=direction,
        client=client,
        hidden=client is None and direction is Direction.INBOUND,
        line=reading.phone(fields.text("called_number")) if direction is Direction.INBOUND else None,
        extension=_extension(direction, legs, caller),
        result=Result.ANSWERED if answered_at else Result.IN_MENU if ended_in_menu else None,
        talk_seconds=talk_seconds,
        started_at=started_at,
        answered_at=answered_at,
        ended_at=ended_at,
        from_history=True,
    )


def _answered_at(
    direction: Direction | None, legs: Sequence[PastLeg], ended_at: datetime, talk_seconds: int
) -> datetime | None:
    """When the talk began. An outbound call's first answer may be our own employee's, so there it is reckoned."""
    if not talk_seconds:
        return None
    answers = [leg.answered_at for leg in legs if leg.answered_at and leg.place is Place.EMPLOYEE]
    if direction is Direction.INBOUND and answers:
        return min(answers)
    return ended_at - timedelta(seconds=talk_seconds)


def _client(reading: Reading, direction: Direction | None) -> Phone | None:
    if direction is Direction.INTERNAL:
        return None
    number = reading.fields.text("called_number" if direction is Direction.OUTBOUND else "caller_number")
    return None if is_own_device(number) else reading.phone(number)


def _extension(direction: Direction | None, legs: Sequence[PastLeg], caller: str | None) -> str | None:
    """Who talked last, else who was rung first; of an outbound call, who called."""
    if direction is not Direction.INBOUND and caller is not None:
        return caller
    ours = [leg for leg in legs if leg.place is Place.EMPLOYEE and leg.extension]
    talked = sorted((leg for leg in ours if leg.answered_at), key=lambda leg: leg.answered_at or leg.started_at)
    return next((leg.extension for leg in [*talked[-1:], *ours]), None)


# --- Legs -------------------------------------------------------------------------------------------


def _leg_values(entry: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The legs that rang somebody; a group stands for its members, where it names them."""
    calls = entry.get("context_calls")
    for leg in calls if isinstance(calls, list) else []:
        if not isinstance(leg, dict) or leg.get("call_type") == "conference":
            continue
        members = leg.get("members")
        rung = [member for member in members if isinstance(member, dict)] if isinstance(members, list) else []
        yield from rung or [leg]


def _readings(reading: Reading) -> Iterator[Reading]:
    for values in _leg_values(reading.fields.values):
        yield Reading(Fields(values, reading.fields.drift, "context_calls."), reading.context, reading.key)


def _leg(
    reading: Reading,
    number: int,
    call_key: str,
    direction: Direction | None,
    caller: str | None,
    extensions: Extensions,
) -> PastLeg:
    fields = reading.fields
    place = _place(fields.text("call_type"), direction)
    extension = caller if place is Place.CLIENT else _abonent_extension(fields, extensions)
    return PastLeg(
        key=fields.text("external_call_id") or f"{call_key}:{number}",
        place=place,
        extension=None if place is Place.QUEUE else extension,
        started_at=reading.needed_moment("call_start_time"),
        answered_at=reading.moment("call_answer_time"),
        ended_at=reading.moment("call_end_time"),
        result=_result(fields.number("call_end_reason")),
        recording_keys=_recording_keys(fields),
    )


def _place(call_type: str | None, direction: Direction | None) -> Place:
    if call_type == "group":
        return Place.QUEUE
    # A number that an inbound call was sent on to stands for one of ours.
    return Place.CLIENT if call_type == "number" and direction is Direction.OUTBOUND else Place.EMPLOYEE


def _abonent_extension(fields: Fields, extensions: Extensions) -> str | None:
    stated = fields.text("call_abonent_extension", _LONGEST_EXTENSION)
    return stated or extensions.get(as_integer(fields.values.get("call_abonent_id")) or 0)


def _caller_extension(fields: Fields, extensions: Extensions) -> str | None:
    stated = fields.text("caller_extension", _LONGEST_EXTENSION)
    return stated or extensions.get(as_integer(fields.values.get("caller_id")) or 0)


def _result(code: int | None) -> Result | None:
    return None if code is None else look_up_result(code)[0] or Result.MOVED


def _recording_keys(fields: Fields) -> tuple[str, ...]:
    keys = fields.values.get("recording_id")
    keys = keys if isinstance(keys, list) else [keys]
    texts = (str(key) for key in keys if isinstance(key, str | int) and not isinstance(key, bool))
    return tuple(dict.fromkeys(text for text in texts if text))


def _leg_events(leg: PastLeg, call_key: str, summary: CallEvent) -> Iterator[CallEvent]:
    moments = {
        EventKind.APPEARED: leg.started_at,
        EventKind.ANSWERED: leg.answered_at,
        EventKind.ENDED: leg.ended_at,
    }
    for kind, at in moments.items():
        if at is not None:
            yield CallEvent(
                kind=kind,
                call_key=call_key,
                event_key=f"history:{leg.key}:{kind}",
                at=at,
                leg_key=leg.key,
                direction=summary.direction,
                place=leg.place,
                client=summary.client,
                line=summary.line,
                extension=leg.extension,
                result=leg.result if kind is EventKind.ENDED else None,
                from_history=True,
            )
    for key in leg.recording_keys:
        yield CallEvent(
            kind=EventKind.RECORDING,
            call_key=call_key,
            event_key=f"history:recording:{key}"[:300],
            at=summary.at,
            recording=RecordingNews(key, RecordingState.AVAILABLE, leg.extension),
            from_history=True,
        )


def _bounded(seconds: int) -> int:
    if not 0 <= seconds <= _LONGEST_TALK_SECONDS:
        raise Unreadable("The entry states a duration that no call can have.")
    return seconds
