"""What integrators stumble over (bitrix24.md §10), as scenarios: armed where the portal is the cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import actions
from .entities import add_entity
from .portal import Portal

REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"
_PLAN = "REST API is available only on commercial plans"
_SHARED_NUMBER = "+74951234567"


@dataclass(frozen=True)
class Trap:
    """`arm` makes the portal behave so; None where only a client can fall into it, by its own doing.

    `offences` are the codes under which the ledger keeps a fall.
    """

    title: str
    arm: Callable[[Portal], Any] | None = None
    offences: tuple[str, ...] = ()


def _fault(kind: str, method: str, **details: Any) -> Callable[[Portal], Any]:
    return lambda portal: portal.faults.add(kind, method, **details)


def _switches(**values: Any) -> Callable[[Portal], None]:
    def arm(portal: Portal) -> None:
        for name, value in values.items():
            setattr(portal.settings, name, value)

    return arm


def _unfinished_installation(portal: Portal) -> None:
    portal.app.installed = False


def _nobody_has_an_extension(portal: Portal) -> None:
    for user in portal.users.values():
        user.extension = ""


def _three_share_a_number(portal: Portal) -> None:
    for kind, name in (("LEAD", "TITLE"), ("CONTACT", "NAME"), ("COMPANY", "TITLE")):
        phone = [{"VALUE": f"{_SHARED_NUMBER}#{len(name)}", "VALUE_TYPE": "WORK"}]
        admin = actions.admin_id(portal)
        fields = {name: f"{kind} of the shared number", "PHONE": phone, "ASSIGNED_BY_ID": admin}
        add_entity(portal, kind, fields, admin)


TRAPS: dict[int, Trap] = {
    1: Trap("two calls of one number at once get one CALL_ID", None, ("register_without_external_call_id",)),
    2: Trap("a call that was never finished swallows the next", None, ("register_after_finish", "finish_twice")),
    3: Trap(
        "two cards on click to call",
        lambda portal: actions.click_to_call(portal, actions.admin_id(portal), "+79001112233"),
        ("click_to_call_registered_again",),
    ),
    4: Trap("a card for every queue member registers several calls", None, ("card_left_open", "show_after_finish")),
    5: Trap("an unanswered leg is finished before the answered one", None, ("finish_twice", "finish_without_register")),
    6: Trap("the finisher becomes the owner of what the call made"),
    7: Trap("a missed call has no operator's leg", None, ("finish_without_register",)),
    8: Trap("an extension that no employee has", _nobody_has_an_extension),
    9: Trap("one user.get comes back empty", _fault("empty", "user.get")),
    10: Trap("the answer to a registration is lost, and a lead is made again", _fault("drop_after", REGISTER)),
    11: Trap("the answer to a long write is lost", _fault("drop_after", FINISH)),
    12: Trap("RECORD_URL fails without a word", None, ("record_url_in_finish", "record_url_failed_silently")),
    13: Trap(
        "the upload address died while waiting",
        _fault("error_before", "upload", status=403, code="ERROR_UPLOAD_TOKEN", description="The upload token is used"),
        ("upload_to_stale_url",),
    ),
    14: Trap("the installation was not finished: no event comes", _unfinished_installation),
    15: Trap("keys of events vanish", _switches(event_handler_id=False, event_server_endpoint=False)),
    16: Trap("an event that was not taken is gone", None, ("event_lost",)),
    17: Trap("two refreshes at once end the access", actions.expire_tokens, ("refresh_token_reused",)),
    18: Trap("too many requests", _fault("throttle", "*", times=2), ("request_limit_exceeded",)),
    19: Trap("a gateway's page in place of JSON, after the work was done", _fault("html_502_after", FINISH)),
    20: Trap("a method is blocked for its operating time", _fault("operating", FINISH), ("operating_limit_exceeded",)),
    21: Trap("one number with extensions is three clients", _three_share_a_number),
    22: Trap("times without an offset are read in the portal's zone", None, ("start_date_without_offset",)),
    23: Trap("a click in a list of calls comes to nothing"),
    24: Trap("a webhook's address without its last slash"),
    25: Trap("the plan ended", _fault("error_before", "*", status=403, code="ACCESS_DENIED", description=_PLAN)),
    26: Trap("the portal moved", _fault("redirect", "*", location="https://moved.example/rest/")),
    27: Trap("parameters in another case are not seen", None, ("parameter_case",)),
    28: Trap("our own change is told to us as an event"),
}


def arm(portal: Portal, number: int) -> str:
    """Make the portal the trap of that number; its title. Raises `ValueError` where there is nothing to arm."""
    trap = TRAPS.get(number)
    if trap is None or trap.arm is None:
        known = ", ".join(str(one) for one, each in TRAPS.items() if each.arm is not None)
        raise ValueError(f"nothing to arm for {number}; one of: {known}")
    trap.arm(portal)
    return trap.title
