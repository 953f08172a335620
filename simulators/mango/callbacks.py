"""F: the call that the hub asked for. The operator's leg looks inbound, as Mango's does (mango.md §2.8 F)."""

from __future__ import annotations

from simulators.mango.calls import LiveCall
from simulators.mango.faults import CallbackOutcome
from simulators.mango.legs import Leg
from simulators.mango.pieces import (
    BUSY,
    DECLINED,
    NO_ANSWER,
    Script,
    answer,
    talk_to_the_end,
)

_OPERATOR_LEG_OVER = 1000
_OPERATOR_REASONS = {"operator_no_answer": NO_ANSWER, "operator_declined": DECLINED}
_CLIENT_REASONS = {"client_no_answer": NO_ANSWER, "client_busy": BUSY}


def callback(outcome: CallbackOutcome, group: str | None = None) -> Script:
    """The script of a callback that ends like this: the operator is rung first, then the client.

    With `group` it was ordered for a group: its members' phones are rung with the group's number on the leg.
    """

    def script(call: LiveCall) -> None:
        numbers = call.numbers
        call.direction = 2
        call.callback_initiator = numbers.callback_initiator
        operator = call.leg(
            "abonent",
            call.client_party,
            call.to_employee(numbers.extension, group),
            command_id=numbers.command_id,
        )
        call.passes(numbers.ring_seconds)
        if outcome in _OPERATOR_REASONS:
            _operator_is_away(call, operator, _OPERATOR_REASONS[outcome])
            return
        call.says(operator, "Connected")
        client = _ring_client(call, operator)
        call.passes(numbers.ring_seconds)
        if outcome in _CLIENT_REASONS:
            _client_is_away(call, client, _CLIENT_REASONS[outcome])
            return
        answer(call, client)
        talk_to_the_end(call, client)

    return script


def _operator_is_away(call: LiveCall, operator: Leg, reason: int) -> None:
    call.ends(operator, reason)
    call.sums_up(reason, call.client_party)


def _client_is_away(call: LiveCall, client: Leg, reason: int) -> None:
    call.ends(client, reason)
    call.sums_up(reason, client.to)


def _ring_client(call: LiveCall, operator: Leg) -> Leg:
    """The operator's leg is closed and a second one, now towards the client, takes its place."""
    call.ends(operator, _OPERATOR_LEG_OVER)
    frm = call.from_employee(call.numbers.extension)
    return call.leg("abonent", frm, call.client_party, after=operator, command_id=call.numbers.command_id)


def client_first(outcome: CallbackOutcome, group: str) -> Script:
    """`callback_group` with the sides swapped: the client is rung, then the group's first free member.

    A client who does not pick up ends it: nobody of the group is rung.
    """

    def script(call: LiveCall) -> None:
        numbers = call.numbers
        call.direction = 2
        call.callback_initiator = numbers.callback_initiator
        client = call.leg("abonent", {}, call.client_party, command_id=numbers.command_id)
        call.passes(numbers.ring_seconds)
        if outcome in _CLIENT_REASONS:
            _client_is_away(call, client, _CLIENT_REASONS[outcome])
            return
        call.says(client, "Connected")
        to = call.to_employee(numbers.extension, group)
        employee = call.leg("abonent", call.client_party, to, after=client, command_id=numbers.command_id)
        call.passes(numbers.ring_seconds)
        if outcome in _OPERATOR_REASONS:
            call.ends(client, _OPERATOR_LEG_OVER)
            _operator_is_away(call, employee, _OPERATOR_REASONS[outcome])
            return
        _talk(call, client, employee)

    return script


def _talk(call: LiveCall, client: Leg, employee: Leg) -> None:
    numbers = call.numbers
    answer(call, employee)
    call.ends(client, _OPERATOR_LEG_OVER)
    call.passes(numbers.talk_seconds)
    call.ends(employee, CALLEE_REASON[numbers.hangs_up])
    call.sums_up(employee.reason, call.client_party)
    call.passes(numbers.file_after_seconds)
    call.adds_files()


CALLEE_REASON = {"client": 1110, "employee": 1120}
