"""The timelines that the PBX plays, lettered as in mango.md §2.8, and their relatives."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.mango.calls import LiveCall
from simulators.mango.legs import Leg
from simulators.mango.pieces import (
    CALLER_HUNG_UP,
    NO_ANSWER,
    QUEUE_OVER,
    Script,
    answer,
    answered_by,
    blind,
    consult,
    enter_menu,
    leave_menu,
    members_of,
    ring,
    sent_on,
    talk_to_the_end,
    to_group,
    to_queue,
)

# --- inbound ------------------------------------------------------------------------------------------------------


def queue_answered(call: LiveCall) -> None:
    """A: menu, queue, every member of the group rings, the first number's extension wins."""
    numbers = call.numbers
    menu = enter_menu(call)
    leave_menu(call, menu)
    to_group(call, menu, numbers.group, winner=numbers.extension)


def answered(call: LiveCall) -> None:
    """A without its queue: menu, then one employee."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    answered_by(call, ring(call, call.numbers.extension, menu))


def missed(call: LiveCall) -> None:
    """B: one employee rings and does not answer; `reason` 1111, 1121, 1122, 1131 …"""
    menu = enter_menu(call)
    leave_menu(call, menu)
    leg = ring(call, call.numbers.extension, menu)
    call.passes(call.numbers.ring_seconds)
    reason = call.numbers.reason or NO_ANSWER
    call.ends(leg, reason)
    call.sums_up(reason, leg.to)


def missed_in_queue(call: LiveCall) -> None:
    """B with a queue: all members ring, nobody answers, the queue gives up."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    waiting = call.leg("queue", call.client_party, to_queue(call, call.numbers.group), after=menu)
    legs = [ring(call, each, waiting, group=call.numbers.group) for each in members_of(call, call.numbers.group, None)]
    call.passes(call.numbers.ring_seconds)
    for leg in legs:
        call.ends(leg, NO_ANSWER)
    reason = call.numbers.reason or QUEUE_OVER
    call.ends(waiting, reason)
    call.sums_up(reason, legs[0].to)


def hung_up_in_menu(call: LiveCall) -> None:
    """B, only the menu: the summary names nobody. With reason 1170 `entry_result` is 1, as in Mango's own sample."""
    menu = enter_menu(call)
    reason = call.numbers.reason or CALLER_HUNG_UP
    call.ends(menu, reason)
    call.sums_up(reason, {})


def off_hours(call: LiveCall) -> None:
    """Outside the employee's hours his phone is not told of: only the menu and the summary are (mango.md §1.4)."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    call.sums_up(call.numbers.reason or 1192, call.to_employee(call.numbers.extension))


def consult_transfer(call: LiveCall) -> None:
    """C: 101 holds the client, asks 102, and leaves them together."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    first = ring(call, call.numbers.extension, menu)
    call.passes(call.numbers.ring_seconds)
    answer(call, first)
    call.passes(call.numbers.hold_seconds)
    consult(call, first, call.numbers.other_extension)


def blind_transfer(call: LiveCall) -> None:
    """D: 101 sends the client on to 102, who picks up."""
    first = _talking(call)
    blind(call, first, call.numbers.other_extension)


def blind_transfer_returned(call: LiveCall) -> None:
    """D, but 102 does not answer: 101 is rung again and talks on."""
    first = _talking(call)
    second = sent_on(call, first, call.numbers.other_extension, None)
    call.passes(call.numbers.ring_seconds)
    call.ends(second, NO_ANSWER)
    to = call.to_employee(call.numbers.extension)
    back = call.leg("abonent", call.client_party, to, after=second, transfer="return_blind")
    answered_by(call, back)


def _talking(call: LiveCall) -> Leg:
    menu = enter_menu(call)
    leave_menu(call, menu)
    first = ring(call, call.numbers.extension, menu)
    call.passes(call.numbers.ring_seconds)
    answer(call, first)
    call.passes(call.numbers.hold_seconds)
    return first


def vip_route(call: LiveCall) -> None:
    """G: the caller stays in the menu until `commands/route` comes; without it the employee is rung."""
    menu = enter_menu(call)
    call.waits_for_order(call.numbers.wait_for_command_seconds)
    leave_menu(call, menu)
    answered_by(call, ring(call, call.numbers.extension, menu))


def ringing_until_routed(call: LiveCall) -> None:
    """G, interception: the employee's phone rings until `commands/route` takes the call away."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    leg = ring(call, call.numbers.extension, menu)
    call.waits_for_order(call.numbers.wait_for_command_seconds)
    answered_by(call, leg)


def talking_until_ordered(call: LiveCall) -> None:
    """A talk that lasts until a transfer, hang-up or recording command comes."""
    menu = enter_menu(call)
    leave_menu(call, menu)
    leg = ring(call, call.numbers.extension, menu)
    call.passes(call.numbers.ring_seconds)
    answer(call, leg)
    call.waits_for_order(call.numbers.wait_for_command_seconds)
    talk_to_the_end(call, leg)


# --- outbound and internal ------------------------------------------------------------------------------------------


def outbound(call: LiveCall) -> None:
    """E: an employee calls the client, who picks up."""
    leg = _dial_out(call)
    call.passes(call.numbers.ring_seconds)
    answer(call, leg)
    talk_to_the_end(call, leg)


def outbound_unanswered(call: LiveCall) -> None:
    """E, but the client does not pick up; `reason` 1111, 1121, 1131 …"""
    leg = _dial_out(call)
    call.passes(call.numbers.ring_seconds)
    reason = call.numbers.reason or NO_ANSWER
    call.ends(leg, reason)
    call.sums_up(reason, leg.to if leg.place == "abonent" else {})


def _dial_out(call: LiveCall) -> Leg:
    call.direction = 2
    # The device is often missing when the call appears, and known from the answer on.
    leg = call.leg("abonent", {"extension": call.numbers.extension}, call.client_party)
    leg.frm = call.from_employee(call.numbers.extension)
    return leg


def internal(call: LiveCall) -> None:
    """One employee calls another: no line, no client."""
    call.direction = 0
    frm = call.from_employee(call.numbers.extension)
    leg = call.leg("abonent", frm, call.to_employee(call.numbers.other_extension))
    call.passes(call.numbers.ring_seconds)
    call.says(leg, "Connected")
    call.talk_at = call.clock
    talk_to_the_end(call, leg)


TIMELINES: Mapping[str, Script] = {
    "queue_answered": queue_answered,
    "answered": answered,
    "missed": missed,
    "missed_in_queue": missed_in_queue,
    "hung_up_in_menu": hung_up_in_menu,
    "off_hours": off_hours,
    "consult_transfer": consult_transfer,
    "blind_transfer": blind_transfer,
    "blind_transfer_returned": blind_transfer_returned,
    "outbound": outbound,
    "outbound_unanswered": outbound_unanswered,
    "internal": internal,
    "vip_route": vip_route,
    "ringing_until_routed": ringing_until_routed,
    "talking_until_ordered": talking_until_ordered,
}
LETTERS = {
    "A": "queue_answered",
    "B": "missed",
    "C": "consult_transfer",
    "D": "blind_transfer",
    "E": "outbound",
    "F": "callback",
    "G": "vip_route",
}
