"""Which outbox rows an intent needs at Bitrix24. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.bitrix24.clients import must_be_asked
from connectors.bitrix24.translate_cards import short_key
from connectors.contract import StepSpec, Unsupported
from hub.domain.intents import Intent, IntentKind, Lane
from hub.domain.treatment import LeadOutcome, PersonState

CARD_SECONDS = 60
KEEP_SECONDS = 14 * 24 * 3600

REGISTER = "register"
FINISH = "finish"
SOURCE = "source"
TRACE = "trace"
TASK = "task"
CARD = "card"
TRANSCRIPT = "transcript"
REQUEST = "request"
CLIENT = "client"
DEAL = "deal"


def steps_for(intent: Intent) -> Sequence[StepSpec] | Unsupported:
    """The rows, or why there are none."""
    if intent.kind is IntentKind.REPORT_CONVERSION:
        return Unsupported("Bitrix24 counts conversions itself; this goes to an analytics connection.")
    if intent.call.client is None and intent.kind is not IntentKind.CLOSE_TASK:
        return Unsupported("Bitrix24 registers no call without the client's number.")
    return _STEPS[intent.kind](intent)


def _request() -> StepSpec:
    """A request for a callback is a card before there is a call that could be registered."""
    return StepSpec(REQUEST, 10, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=(CLIENT,), by_client=True)


def _meet(intent: Intent, lane: Lane = Lane.CALLS) -> tuple[StepSpec, ...]:
    """Who the client is, where what the rules want depends on it; one after the other for one number."""
    if not must_be_asked(intent.call):
        return ()
    return (StepSpec(CLIENT, 5, lane, KEEP_SECONDS, repeatable=False, by_client=True),)


def _registered(intent: Intent, lane: Lane = Lane.CALLS) -> tuple[StepSpec, ...]:
    """The registration, after whom it is for was asked."""
    asked = _meet(intent, lane)
    return (*asked, _register(lane, needs=tuple(spec.key for spec in asked)))


def _first(intent: Intent, of_call: str = REGISTER) -> tuple[str, ...]:
    """What the card is known by: the request, else a step of the call."""
    return (REQUEST,) if intent.call.form is not None else (of_call,)


def registration() -> StepSpec:
    """The step that a call which the portal opened itself has behind it."""
    return _register(Lane.CALLS)


def _register(lane: Lane, needs: tuple[str, ...] = ()) -> StepSpec:
    return StepSpec(
        REGISTER, 10, lane, KEEP_SECONDS, repeatable=False, needs=needs, by_client=True, resend_is_safe=True
    )


def _show(intent: Intent) -> Sequence[StepSpec] | Unsupported:
    if not intent.about:
        return Unsupported("The employee is not known to Bitrix24, so there is nobody to show a card to.")
    if intent.call.orders.undecided:
        return Unsupported("By the rules, what becomes of this caller depends on how the call ends: no card before.")
    show = StepSpec(f"show:{intent.about}", 20, Lane.URGENT, CARD_SECONDS, repeatable=True, needs=(REGISTER,))
    return (*_registered(intent, Lane.URGENT), show)


def _card(intent: Intent) -> Sequence[StepSpec]:
    """After the end: `finish` makes whoever had the call responsible for a new card (bitrix24.md §3.10)."""
    return (StepSpec(CARD, 43, Lane.CALLS, KEEP_SECONDS, repeatable=True, needs=_first(intent, FINISH)),)


def _hide(intent: Intent) -> Sequence[StepSpec] | Unsupported:
    if not intent.about:
        return Unsupported("The employee is not known to Bitrix24, so there is no card to hide.")
    return (StepSpec(f"hide:{intent.about}", 21, Lane.URGENT, CARD_SECONDS, repeatable=True, needs=(REGISTER,)),)


def _lead(intent: Intent) -> Sequence[StepSpec]:
    if intent.call.form is not None:
        return (*_meet(intent), _request())
    return _registered(intent)


def _log(intent: Intent) -> Sequence[StepSpec]:
    """A deal of a known client is made after the end: only then it is certain whose it is, and how the call ended."""
    finish = StepSpec(FINISH, 30, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=(REGISTER,), settles=True)
    deal = StepSpec(DEAL, 31, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=(CLIENT, FINISH), by_client=True)
    return (*_registered(intent), finish, *((deal,) if _makes_deals(intent) else ()))


def _makes_deals(intent: Intent) -> bool:
    """Whether the rules make anything that a registration does not make by itself."""
    stranger = intent.call.orders.treatment(PersonState.UNKNOWN).outcome
    known = (one for state, one in intent.call.orders.treatments.items() if state != PersonState.UNKNOWN)
    return must_be_asked(intent.call) and (stranger is LeadOutcome.CONTACT_DEAL or any(one.creates for one in known))


def _source(intent: Intent) -> Sequence[StepSpec]:
    """The fields of the card, and the path of advertising for Sales Intelligence, once the facts have come to rest."""
    return (
        StepSpec(SOURCE, 40, Lane.CALLS, KEEP_SECONDS, repeatable=True, needs=_first(intent)),
        StepSpec(TRACE, 41, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=_first(intent), settles=True),
    )


def _record(intent: Intent) -> Sequence[StepSpec]:
    """A second upload only replaces the first: it is looked up to save the upload, not to keep the portal right.

    One after the other (`by_client`), because the second file of a call must see that the first is there.
    The portal keeps one recording a call, so that each further one is told on the client's card by its link.
    """
    if intent.link in intent.call.recording_links[1:]:
        return _note(intent)
    key = f"record:{short_key(intent.about)}"
    return (
        StepSpec(
            key, 50, Lane.BULK, KEEP_SECONDS, repeatable=False, needs=(FINISH,), by_client=True, resend_is_safe=True
        ),
    )


def _note(intent: Intent) -> Sequence[StepSpec]:
    return (StepSpec(f"note:{intent.key}", 55, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=_first(intent)),)


def _transcript(_intent: Intent) -> Sequence[StepSpec]:
    return (StepSpec(TRANSCRIPT, 52, Lane.BULK, KEEP_SECONDS, repeatable=False, needs=(FINISH,), settles=True),)


def _task(intent: Intent) -> Sequence[StepSpec]:
    return (StepSpec(TASK, 60, Lane.CALLS, KEEP_SECONDS, repeatable=False, needs=_first(intent, FINISH)),)


def _close_task(intent: Intent) -> Sequence[StepSpec]:
    return (StepSpec(f"close_task:{intent.about}", 61, Lane.CALLS, KEEP_SECONDS, repeatable=True),)


_STEPS: dict[IntentKind, Callable[[Intent], Sequence[StepSpec] | Unsupported]] = {
    IntentKind.SHOW_CARD: _show,
    IntentKind.HIDE_CARD: _hide,
    IntentKind.ENSURE_LEAD: _lead,
    IntentKind.LOG_CALL: _log,
    IntentKind.SET_SOURCE: _source,
    IntentKind.ATTACH_RECORDING: _record,
    IntentKind.ATTACH_TRANSCRIPT: _transcript,
    IntentKind.ADD_NOTE: _note,
    IntentKind.LINK_RECORDING: _note,
    IntentKind.SET_CARD: _card,
    IntentKind.ADD_TASK: _task,
    IntentKind.CLOSE_TASK: _close_task,
}
