"""`events/call` (one leg changed) and `events/summary` (the whole call ended), `mango.md` §2.1 and §2.2. Pure."""

from __future__ import annotations

from connectors.mango.fields import Fields
from connectors.mango.parties import (
    End,
    LegEnds,
    client_of,
    direction_of,
    is_own_device,
    is_talk_with_client,
    place_of,
)
from connectors.mango.reading import Reading
from connectors.mango.words import CALLBACK_INITIATORS, DIRECTIONS, LOCATIONS, STATES, TRANSFERS_TO_CLIENT
from hub.domain.events import CallEvent, Direction, EventKind, Place, Result

_LONGEST_EXTENSION = 64
_ENDED_BEFORE_ANSWER = frozenset({Result.CANCELLED, Result.DECLINED, None})
_TRANSFER_FLAGS = ("was_transferred", "was_transfered")
_CALL_FIELDS = (
    "entry_id", "call_id", "timestamp", "seq", "call_state", "location", "from", "to", "line_number", "transfer", "dct",
    "disconnect_reason", "sip_call_id", "command_id", "task_id", "campaign_id", "callback_initiator",
)  # fmt: skip
_END_FIELDS = (
    "extension", "number", "line_number", "acd_group", "taken_from_call_id", "hold_initiator", *_TRANSFER_FLAGS,
)  # fmt: skip
_SUMMARY_FIELDS = (
    "entry_id", "call_direction", "from", "to", "line_number", "dct", "create_time", "forward_time", "talk_time",
    "end_time", "entry_result", "disconnect_reason", "sip_call_id",
)  # fmt: skip


def call_event(reading: Reading) -> CallEvent:
    """One change of one leg. Raises `Unreadable` when it does not say which leg, when, or what."""
    fields = reading.fields
    caller, called = _ends(fields, _CALL_FIELDS)
    fields.needed_text("call_state")
    kind = reading.word("call_state", STATES) or EventKind.UNKNOWN
    leg = _leg_ends(reading, kind, _end(caller), _end(called))
    place = place_of(leg)
    direction = None if _says_nothing_of_direction(reading, kind, leg) else direction_of(leg)
    client = reading.phone(client_of(leg))
    return CallEvent(
        kind=kind,
        call_key=fields.needed_text("entry_id"),
        event_key=reading.key,
        at=reading.needed_moment("timestamp"),
        leg_key=fields.needed_text("call_id"),
        seq=fields.number("seq"),
        direction=direction,
        place=place,
        client=client,
        hidden=client is None and direction is Direction.INBOUND and not leg.caller.is_ours,
        line=reading.phone(_line(fields, called, place)),
        extension=_extension(leg, place),
        group=called.text("acd_group", _LONGEST_EXTENSION) or (leg.called.extension if place is Place.QUEUE else None),
        with_client=_with_client(reading, leg, place),
        result=_leg_result(reading, place, caller, called) if kind is EventKind.ENDED else None,
        command_id=fields.text("command_id"),
        came_from_leg=caller.text("taken_from_call_id"),
        tracking_number=reading.tracking_number(),
    )


def _ends(fields: Fields, known: tuple[str, ...]) -> tuple[Fields, Fields]:
    fields.know(*known)
    caller, called = fields.part("from"), fields.part("to")
    caller.know(*_END_FIELDS)
    called.know(*_END_FIELDS)
    return caller, called


def _end(part: Fields) -> End:
    return End(part.text("extension", _LONGEST_EXTENSION), part.text("number"))


def _leg_ends(reading: Reading, kind: EventKind, caller: End, called: End) -> LegEnds:
    fields = reading.fields
    location = fields.text("location")
    came_on = fields.part("from").text("taken_from_call_id") is not None
    reading.word("callback_initiator", CALLBACK_INITIATORS)
    named = fields.text("callback_initiator") is not None or fields.text("task_id") not in (None, "0")
    place = None
    if location is not None:
        # "ivr.2.1" names a menu item (mango.md §2.5).
        place = LOCATIONS.get(location.split(".")[0].casefold())
        if place is None:
            fields.count("word", f"location={location}")
    leg = LegEnds(caller, called, place, came_on, ordered=named)
    if named or fields.text("command_id") is None or kind in (EventKind.HELD, EventKind.ENDED):
        return leg
    second_leg_of_order = caller.is_ours and leg.goes_outside
    return LegEnds(caller, called, place, came_on, ordered=not came_on or second_leg_of_order)


def _says_nothing_of_direction(reading: Reading, kind: EventKind, leg: LegEnds) -> bool:
    """A bare command on a hold or an end may be ours to transfer, or the one that ordered the call."""
    by_command = reading.fields.text("command_id") is not None and not leg.ordered
    return by_command and not leg.came_on and kind in (EventKind.HELD, EventKind.ENDED)


def _with_client(reading: Reading, leg: LegEnds, place: Place | None) -> bool:
    transfers = reading.word("transfer", TRANSFERS_TO_CLIENT)
    if place in (Place.MENU, Place.QUEUE):
        return True
    return bool(transfers) or is_talk_with_client(leg, place)


def _extension(leg: LegEnds, place: Place | None) -> str | None:
    """Whose leg it is: the one who is rung, or the one who rings a client."""
    if place in (Place.MENU, Place.QUEUE):
        return None
    return leg.caller.extension if place is Place.CLIENT else leg.called.extension


def _line(fields: Fields, called: Fields, place: Place | None) -> str | None:
    stated = called.text("line_number") or fields.text("line_number")
    return stated or (called.text("number") if place is Place.MENU else None)


def _leg_result(reading: Reading, place: Place | None, caller: Fields, called: Fields) -> Result | None:
    result = reading.result()
    if caller.flag(*_TRANSFER_FLAGS) or called.flag(*_TRANSFER_FLAGS):
        return Result.MOVED
    if result is None:
        return Result.MOVED
    if place is Place.MENU and result in _ENDED_BEFORE_ANSWER:
        return Result.IN_MENU
    return result


def summary_event(reading: Reading) -> CallEvent:
    """The call's end and what it came to. Raises `Unreadable` when it does not say which call, or when it ended."""
    fields = reading.fields
    caller, called = (_end(part) for part in _ends(fields, _SUMMARY_FIELDS))
    direction = reading.word("call_direction", DIRECTIONS)
    answered_at, ended_at = reading.moment("talk_time"), reading.needed_moment("end_time")
    client = reading.phone(_summary_client(direction, caller, called))
    group = _missed_group(direction, called) if answered_at is None else None
    return CallEvent(
        kind=EventKind.SUMMARY,
        call_key=fields.needed_text("entry_id"),
        event_key=reading.key,
        at=ended_at,
        direction=direction,
        client=client,
        hidden=client is None and direction is Direction.INBOUND and not caller.is_ours,
        line=reading.phone(fields.text("line_number") or fields.part("to").text("line_number")),
        extension=_summary_extension(direction, caller, called) if group is None else None,
        group=fields.part("to").text("acd_group", _LONGEST_EXTENSION) or group,
        result=Result.ANSWERED if answered_at else _missed_result(reading, direction),
        # Two clocks that disagree must not make a talk of less than nothing.
        talk_seconds=max(0, int((ended_at - answered_at).total_seconds())) if answered_at else 0,
        started_at=reading.moment("create_time"),
        answered_at=answered_at,
        ended_at=ended_at,
        tracking_number=reading.tracking_number(),
    )


def _summary_client(direction: Direction | None, caller: End, called: End) -> str | None:
    if direction is Direction.INTERNAL:
        return None
    outbound = direction is Direction.OUTBOUND or (direction is None and caller.is_ours)
    number = called.number if outbound else caller.number
    return None if is_own_device(number) else number


def _summary_extension(direction: Direction | None, caller: End, called: End) -> str | None:
    return caller.extension if direction is Direction.OUTBOUND else called.extension


def _missed_group(direction: Direction | None, called: End) -> str | None:
    """A missed call with an extension and no device is a group's (mango.md §2.2, `to.number`)."""
    if direction is not Direction.INBOUND or called.number is not None:
        return None
    return called.extension


def _missed_result(reading: Reading, direction: Direction | None) -> Result | None:
    """Why nobody talked. An inbound call that reached nobody ended in the menu, whoever hung up."""
    result = reading.result()
    in_menu = direction is Direction.INBOUND and not reading.fields.part("to").values
    return Result.IN_MENU if in_menu and result in _ENDED_BEFORE_ANSWER else result
