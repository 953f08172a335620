"""Cards on the screens of employees: show and hide (bitrix24.md §3.4)."""

from __future__ import annotations

from .methods import Caller, Params, rest_method
from .portal import LiveCall, Portal
from .values import integers, text


def close_cards(portal: Portal, call: LiveCall, user_id: int) -> None:
    """Finishing closes the card of the finisher alone; cards of others should have been hidden before."""
    shown = portal.cards.pop(call.call_id, set())
    if left := shown - {user_id}:
        portal.offence("card_left_open", f"{call.call_id}: users {sorted(left)}")


@rest_method("telephony.externalCall.show", "telephony", documented="CALL_ID USER_ID")
def show(portal: Portal, _caller: Caller, params: Params) -> bool:
    """Opens the card on the screens of the named people; False for a call that is not live."""
    call = _live_for_card(portal, params, "show")
    if call is None:
        return False
    portal.cards.setdefault(call.call_id, set()).update(integers(params.get("USER_ID")) or [call.user_id])
    return True


@rest_method("telephony.externalCall.hide", "telephony", documented="CALL_ID USER_ID")
def hide(portal: Portal, _caller: Caller, params: Params) -> bool:
    """Closes the card on the screens of the named people; False for a call that is not live."""
    call = _live_for_card(portal, params, "hide")
    if call is None:
        return False
    portal.cards.setdefault(call.call_id, set()).difference_update(integers(params.get("USER_ID")) or [call.user_id])
    return True


def _live_for_card(portal: Portal, params: Params, verb: str) -> LiveCall | None:
    call_id = text(params.get("CALL_ID"))
    call = portal.live.get(call_id)
    if call is None:
        portal.offence(f"{verb}_after_finish", call_id)
    return call
