"""The pieces that timelines are made of: a menu, a ringing phone, a talk, a hand-over (mango.md §2.8)."""

from __future__ import annotations

from collections.abc import Callable

from simulators.mango.calls import LiveCall
from simulators.mango.legs import Leg

Script = Callable[[LiveCall], None]

ENDED, CALLER_HUNG_UP, NO_ANSWER, CALLEE_HUNG_UP, BUSY, DECLINED = 1100, 1110, 1111, 1120, 1121, 1122
QUEUE_OVER, BY_COMMAND, INTERCEPTED, LOST_THE_RACE = 1163, 1181, 1182, 1183


def enter_menu(call: LiveCall) -> Leg:
    """The caller hears the menu, and presses a key when there is one to press."""
    numbers = call.numbers
    menu = call.leg("ivr", call.client_party, {"number": numbers.line, "line_number": numbers.line})
    call.passes(numbers.menu_seconds)
    if numbers.digit:
        call.dials(menu, numbers.digit)
    return menu


def leave_menu(call: LiveCall, menu: Leg) -> None:
    call.ends(menu, ENDED)
    call.forward_at = call.clock


def ring(call: LiveCall, extension: str, after: Leg, *, group: str | None = None, command_id: str | None = None) -> Leg:
    """An employee's phone rings with the client on the other side."""
    to = call.to_employee(extension, group)
    return call.leg("abonent", call.client_party, to, after=after, command_id=command_id)


def answer(call: LiveCall, leg: Leg) -> None:
    """Somebody picks up; the recording begins."""
    call.says(leg, "Connected")
    call.talk_at = call.talk_at or call.clock
    if call.numbers.recorded and leg.extension:
        call.records(leg, leg.extension)


def talk_to_the_end(call: LiveCall, leg: Leg) -> None:
    """They talk, one of them hangs up, the summary comes, and the recording's file."""
    call.passes(call.numbers.talk_seconds)
    hang_up(call, leg)


def hang_up(call: LiveCall, leg: Leg, reason: int | None = None) -> None:
    client_is_caller = call.direction == 1
    by_caller = (call.numbers.hangs_up == "client") is client_is_caller
    reason = reason or (CALLER_HUNG_UP if by_caller else CALLEE_HUNG_UP)
    call.ends(leg, reason)
    call.sums_up(reason, leg.to if leg.place == "abonent" else {})
    call.passes(call.numbers.file_after_seconds)
    call.adds_files()


def answered_by(call: LiveCall, leg: Leg) -> None:
    call.passes(call.numbers.ring_seconds)
    call.waits_for_order(call.numbers.rings_really_seconds)
    answer(call, leg)
    talk_to_the_end(call, leg)


def to_group(
    call: LiveCall, after: Leg, group: str, *, winner: str | None = None, command_id: str | None = None
) -> None:
    """The members of a group ring at once; `winner` picks up, else the first member does."""
    waiting = call.leg("queue", call.client_party, to_queue(call, group), after=after, command_id=command_id)
    members = list(members_of(call, group, winner))
    legs = [ring(call, extension, waiting, group=group) for extension in members]
    call.passes(call.numbers.ring_seconds)
    answer(call, legs[0])
    call.ends(waiting, ENDED)
    for loser in legs[1:]:
        call.ends(loser, LOST_THE_RACE)
    talk_to_the_end(call, legs[0])


def to_queue(call: LiveCall, group: str) -> dict[str, str]:
    return {"number": call.numbers.line, "line_number": call.numbers.line, "acd_group": group}


def members_of(call: LiveCall, group: str, winner: str | None) -> list[str]:
    known = call.office.group(group)
    members = list(known.members) if known else [call.numbers.extension, call.numbers.other_extension]
    first = winner or members[0]
    return [first, *[extension for extension in members if extension != first]]


def consult(call: LiveCall, first: Leg, extension: str, command_id: str | None = None) -> None:
    """The consulted leg keeps its id when the client comes in: Connected is said twice."""
    first.command_id = command_id or first.command_id
    call.says(first, "OnHold")
    asker = call.from_employee(first.extension or "")
    second = call.leg("abonent", asker, call.to_employee(extension), after=first, command_id=command_id)
    call.passes(call.numbers.ring_seconds)
    call.says(second, "Connected")
    if call.numbers.recorded:
        call.records(second, extension)
    call.passes(call.numbers.hold_seconds)
    call.ends(first, CALLEE_HUNG_UP)
    second.frm = {**call.client_party, "taken_from_call_id": first.call_id}
    call.says(second, "Connected")
    talk_to_the_end(call, second)


def blind(call: LiveCall, first: Leg, extension: str, command_id: str | None = None) -> None:
    second = sent_on(call, first, extension, command_id)
    second.frm = {**call.client_party, "taken_from_call_id": first.call_id}
    call.says(second, "Appeared")
    answered_by(call, second)


def sent_on(call: LiveCall, first: Leg, extension: str, command_id: str | None) -> Leg:
    first.seq += 1  # Mango's own diagram skips a number here; counters may have gaps
    asker = call.from_employee(first.extension or "")
    call.ends(first, CALLEE_HUNG_UP)
    return call.leg("abonent", asker, call.to_employee(extension), after=first, command_id=command_id)
