"""How a call goes on after a command of the hub (mango.md §2.8 C, D, G and §3.1)."""

from __future__ import annotations

from simulators.mango.calls import LiveCall
from simulators.mango.legs import Leg, Order, Ordered
from simulators.mango.pieces import (
    BY_COMMAND,
    ENDED,
    INTERCEPTED,
    Script,
    answered_by,
    blind,
    consult,
    hang_up,
    ring,
    talk_to_the_end,
    to_group,
)


def play_through(call: LiveCall, script: Script) -> None:
    """Play `script`, and whatever commands make of it, to the end."""
    while True:
        try:
            script(call)
            return
        except Ordered as ordered:
            script = _continuation(call, ordered.order)


def _continuation(call: LiveCall, order: Order) -> Script:
    leg = next(each for each in call.legs if each.call_id == order.call_id)
    if order.kind == "route":
        return lambda call: _route(call, leg, order)
    if order.kind == "transfer":
        return lambda call: _transfer(call, leg, order)
    if order.kind == "recording":
        return lambda call: _record(call, leg, order)
    return lambda call: _hang_up(call, leg)


def _route(call: LiveCall, leg: Leg, order: Order) -> None:
    """Out of the menu, the queue, or from a ringing phone, to somebody else."""
    for other in call.live_legs:
        call.ends(other, INTERCEPTED if other is leg and leg.place == "abonent" else ENDED)
    call.forward_at = call.forward_at or call.clock
    if call.office.group(order.to):
        to_group(call, leg, order.to, command_id=order.command_id)
    elif call.office.employee(order.to):
        answered_by(call, ring(call, order.to, leg, command_id=order.command_id))
    else:
        to = {"number": order.to, "line_number": call.numbers.line}
        answered_by(call, call.leg("abonent", call.client_party, to, after=leg, command_id=order.command_id))


def _transfer(call: LiveCall, leg: Leg, order: Order) -> None:
    if order.method == "hold":
        consult(call, leg, order.to, order.command_id)
    else:
        blind(call, leg, order.to, order.command_id)


def _record(call: LiveCall, leg: Leg, order: Order) -> None:
    call.records(leg, order.to, order.command_id)
    talk_to_the_end(call, leg)


def _hang_up(call: LiveCall, leg: Leg) -> None:
    for other in call.live_legs:
        if other is not leg:
            call.ends(other, ENDED)
    hang_up(call, leg, reason=BY_COMMAND)
