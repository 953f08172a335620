"""Which outbox rows an intent needs at amoCRM. Pure.

`find` looks for the client, `create` makes whoever is missing, `call` logs the call; what hangs on
the client's card comes after them. The card that a ringing phone brings up has the last rank, so
that one which cannot be shown holds nothing up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.amocrm.translate import short_key
from connectors.contract import StepSpec, Unsupported
from hub.domain.intents import Intent, IntentKind, Lane

CARD_SECONDS = 60
KEEP_SECONDS = 14 * 24 * 3600

FIND, CREATE, CALL = "find", "create", "call"


def steps_for(intent: Intent) -> Sequence[StepSpec] | Unsupported:
    """The rows, or why there are none."""
    if intent.kind is IntentKind.REPORT_CONVERSION:
        return Unsupported("amoCRM counts conversions itself; this goes to an analytics connection.")
    if intent.kind is IntentKind.ATTACH_TRANSCRIPT:
        return Unsupported("amoCRM keeps no transcripts of calls; the hub's page of the call shows it.")
    if intent.call.client is None and intent.kind is not IntentKind.CLOSE_TASK:
        return Unsupported("amoCRM keeps no call without the client's number.")
    return _STEPS[intent.kind](intent)


def _calls_lane(key: str, rank: int, *, repeatable: bool, needs: tuple[str, ...] = ()) -> StepSpec:
    return StepSpec(key, rank, Lane.CALLS, KEEP_SECONDS, repeatable=repeatable, needs=needs)


def _client() -> tuple[StepSpec, StepSpec]:
    """Two at a time for one number would both find nobody, and both make somebody."""
    create = StepSpec(
        CREATE, 20, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=(FIND,), by_client=True, settles=True
    )
    return _calls_lane(FIND, 10, repeatable=True), create


def _show(intent: Intent) -> Sequence[StepSpec] | Unsupported:
    if not intent.about:
        return Unsupported("The employee is not known to amoCRM, so there is nobody to show a card to.")
    return (StepSpec(f"show:{intent.about}", 90, Lane.URGENT, CARD_SECONDS, repeatable=True),)


def _hide(_intent: Intent) -> Sequence[StepSpec]:
    """A card that has not gone out is taken back by the outbox; one that has closes by itself."""
    return ()


def _lead(intent: Intent) -> Sequence[StepSpec]:
    """An incoming lead is made of a call that is over: it carries the call's length and who took it."""
    return _client() if intent.call.ended_at is not None else ()


def _log(_intent: Intent) -> Sequence[StepSpec]:
    call = StepSpec(CALL, 30, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=(FIND, CREATE), settles=True)
    return (*_client(), call)


def _source(_intent: Intent) -> Sequence[StepSpec]:
    return (_calls_lane("source", 40, repeatable=True, needs=(CREATE,)),)


def _record(intent: Intent) -> Sequence[StepSpec]:
    key = f"record:{short_key(intent.about)}"
    return (StepSpec(key, 50, Lane.BULK, KEEP_SECONDS, repeatable=False, needs=(CREATE, CALL)),)


def _card(intent: Intent) -> Sequence[StepSpec]:
    """Only own fields are left to be written: the rest is known when the card is made."""
    if not intent.call.orders.fields:
        return ()
    needs = (CREATE,) if intent.call.form is not None else (CREATE, CALL)
    return (_calls_lane("card", 43, repeatable=True, needs=needs),)


def _note(intent: Intent) -> Sequence[StepSpec]:
    return (_calls_lane(f"note:{intent.key}", 55, repeatable=False, needs=(FIND, CREATE)),)


def _task(_intent: Intent) -> Sequence[StepSpec]:
    return (_calls_lane("task", 60, repeatable=False, needs=(FIND, CREATE)),)


def _close_task(intent: Intent) -> Sequence[StepSpec]:
    return (_calls_lane(f"close_task:{intent.about}", 61, repeatable=True),)


_STEPS: dict[IntentKind, Callable[[Intent], Sequence[StepSpec] | Unsupported]] = {
    IntentKind.SHOW_CARD: _show,
    IntentKind.HIDE_CARD: _hide,
    IntentKind.ENSURE_LEAD: _lead,
    IntentKind.LOG_CALL: _log,
    IntentKind.SET_SOURCE: _source,
    IntentKind.ATTACH_RECORDING: _record,
    IntentKind.ADD_NOTE: _note,
    IntentKind.LINK_RECORDING: _record,
    IntentKind.SET_CARD: _card,
    IntentKind.ADD_TASK: _task,
    IntentKind.CLOSE_TASK: _close_task,
}
