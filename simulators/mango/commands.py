"""What the hub may tell the PBX to do (mango.md §3): check, start the thing, return the result code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from simulators.mango.callbacks import callback, client_first
from simulators.mango.calls import LiveCall
from simulators.mango.checks import (
    WRONG_PARAMETERS,
    Refused,
    command_id,
    dialled,
    one_of,
    table,
    text,
)
from simulators.mango.exchange import Exchange
from simulators.mango.faults import Faults
from simulators.mango.legs import Leg, Numbers, Order
from simulators.mango.office import Office
from simulators.mango.pieces import Script

Body = Mapping[str, Any]
DONE, IMPOSSIBLE, GONE, RECORDED_ALREADY = 1000, 4100, 4101, 4102
UNKNOWN_PARTY = 3330


class Starts(Protocol):
    """Begins a call on its own thread, some time from now."""

    def __call__(self, script: Script, numbers: Numbers) -> None: ...


@dataclass(frozen=True, slots=True)
class Switchboard:
    """What a command may reach."""

    exchange: Exchange
    office: Office
    faults: Faults
    starts: Starts
    numbers: Numbers
    """What callbacks are played with where the command does not say it."""


def call_back(body: Body, board: Switchboard) -> int:
    """`commands/callback`: the employee is rung, then `to_number`."""
    extension = text(table(body, "from", required=True), "extension", required=True)
    text(table(body, "from"), "number")
    to_number = dialled(body, "to_number")
    table(body, "sip_headers")  # headers that Mango does not know are ignored in silence (mango.md §3)
    if board.office.employee(extension) is None:
        raise Refused(WRONG_PARAMETERS, f"no employee has the extension {extension}", {"from.extension": UNKNOWN_PARTY})
    _check_line(body, board.office)
    if board.faults.callback_code == DONE:
        numbers = _with(board.numbers, body, extension=extension, client=to_number)
        board.starts(callback(board.faults.next_callback_outcome()), numbers)
    return board.faults.callback_code


def call_back_group(body: Body, board: Switchboard) -> int:
    """`commands/callback_group`: one of `from` and `to` is a group's extension, the other a number outside."""
    frm, to = dialled(body, "from"), dialled(body, "to")
    text(body, "line_number", required=True)
    _check_line(body, board.office)
    sides = [board.office.group(side) for side in (frm, to)]
    if sum(side is not None for side in sides) != 1:
        raise Refused(WRONG_PARAMETERS, "one of from and to must be a group, the other a number outside")
    group = sides[0] or sides[1]
    assert group is not None
    if board.faults.callback_code == DONE:
        numbers = _with(board.numbers, body, extension=group.members[0], client=to if sides[0] else frm)
        order = callback if sides[0] else client_first
        board.starts(order(board.faults.next_callback_outcome(), group.extension), numbers)
    return board.faults.callback_code


def route(body: Body, board: Switchboard) -> int:
    """`commands/route`: out of the menu, a queue, or away from a phone that rings."""
    call_id = text(body, "call_id", required=True)
    to = _known_target(dialled(body, "to_number"), board)
    table(body, "sip_headers")  # headers that Mango does not know are ignored in silence (mango.md §3)
    found = _live_leg(call_id, board)
    if found is None:
        return GONE
    call, leg = found
    if leg.place == "abonent" and leg.state != "Appeared":
        return IMPOSSIBLE
    call.orders.put(Order("route", leg.call_id, command_id(body), to))
    return DONE


def transfer(body: Body, board: Switchboard) -> int:
    """`commands/transfer`: only a leg that is Connected; `initiator` must be an employee on it."""
    call_id = text(body, "call_id", required=True)
    method = one_of(body, "method", ("blind", "hold"))
    to = _known_target(dialled(body, "to_number"), board)
    initiator = text(body, "initiator", required=True)
    found = _live_leg(call_id, board)
    if found is None:
        return GONE
    call, leg = found
    if leg.state != "Connected" or initiator not in _employee_names(leg):
        return IMPOSSIBLE
    call.orders.put(Order("transfer", leg.call_id, command_id(body), to, method))
    return DONE


def hang_up(body: Body, board: Switchboard) -> int:
    """`commands/call/hangup`: a leg in the menu or at an employee, not in a queue."""
    found = _live_leg(text(body, "call_id", required=True), board)
    if found is None:
        return GONE
    call, leg = found
    if leg.place == "queue":
        return IMPOSSIBLE
    call.orders.put(Order("hangup", leg.call_id, command_id(body)))
    return DONE


def start_recording(body: Body, board: Switchboard) -> int:
    """`commands/recording/start`: `call_party_number` is an employee on a Connected leg that is not recorded."""
    call_id = text(body, "call_id", required=True)
    party = text(body, "call_party_number", required=True) or ""
    found = _live_leg(call_id, board)
    if found is None:
        return GONE
    call, leg = found
    if party not in _employee_names(leg):
        raise Refused(UNKNOWN_PARTY, f"{party} is not on this call")
    if leg.state != "Connected":
        return IMPOSSIBLE
    if any(recording.leg is leg and not recording.completed for recording in call.recordings):
        return RECORDED_ALREADY
    call.orders.put(Order("recording", leg.call_id, command_id(body), leg.extension or party))
    return DONE


COMMANDS: Mapping[str, Callable[[Body, Switchboard], int]] = {
    "commands/callback": call_back,
    "commands/callback_group": call_back_group,
    "commands/route": route,
    "commands/transfer": transfer,
    "commands/call/hangup": hang_up,
    "commands/recording/start": start_recording,
}


def _with(numbers: Numbers, body: Body, *, extension: str | None, client: str | None) -> Numbers:
    line = text(body, "line_number") or numbers.line
    return replace(numbers, extension=extension or "", client=client, line=line, command_id=command_id(body))


def _live_leg(call_id: str | None, board: Switchboard) -> tuple[LiveCall, Leg] | None:
    found = board.exchange.find_leg(call_id or "")
    return None if found is None or found[1].is_over else found


def _known_target(to: str | None, board: Switchboard) -> str:
    """A short number must be somebody's; a long one, or a SIP address, is dialled unseen."""
    target = to or ""
    short = target.isdigit() and len(target) <= 5
    if short and not (board.office.employee(target) or board.office.group(target)):
        raise Refused(board.faults.unknown_extension_code, f"nobody has the extension {target}")
    return target


def _employee_names(leg: Leg) -> set[str]:
    """The values by which a command may name the employee on this leg."""
    sides = [side for side in (leg.frm, leg.to) if "extension" in side]
    return {side[name] for side in sides for name in ("extension", "number") if name in side}


def _check_line(body: Body, office: Office) -> None:
    line = text(body, "line_number")
    if line and not office.has_line(line):
        raise Refused(WRONG_PARAMETERS, f"{line} is no line of this product", {"line_number": WRONG_PARAMETERS})
