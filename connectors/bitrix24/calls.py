"""The call itself at Bitrix24: registered, its cards shown and hidden, finished."""

from __future__ import annotations

from collections.abc import Callable

from connectors.bitrix24.client import Portal
from connectors.bitrix24.clients import client_from, treatment_of
from connectors.bitrix24.envelope import identifier, mapping, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.statistics import finished_call
from connectors.bitrix24.translate import (
    Params,
    employee,
    finish_params,
    finish_result,
    person_of,
    register_params,
    register_result,
    transcript_params,
    user_id,
)
from connectors.contract import Json, Step, StepResult
from hub.domain.errors import AlreadyThere, NotReady, OutcomeUnknown, Rejected

_UNKNOWN_EMPLOYEE = ("User is not found or is not active", "USER_ID or USER_PHONE_INNER should be set")
_NOT_LIVE = "Call is not found"


def register(step: Step, portal: Portal) -> StepResult:
    """Make the call known. Result: `call_id, created, entity_type, entity_id`; `user_id` and `person` where known."""
    facts, connection = step.intent.call, portal.door.connection

    def send(who: Params) -> Json:
        params = register_params(facts, who, timezone=connection.timezone, source_id=portal.settings.source_id)
        params |= _for_client(step)
        return portal.call("telephony.externalCall.register", params, write=True)

    result, who = _on_somebody(portal, employee(facts, None), send)
    kept = register_result(result, who)
    if kept is None:
        raise OutcomeUnknown("Bitrix24 answered the registration without a CALL_ID.")
    return {**kept, **person_of(kept)}


def _for_client(step: Step) -> Params:
    """Onto whom, and whether the portal makes a card: for a client who was asked after; else it finds out itself."""
    client = client_from(step.done.get("client", {}))
    if client is None:
        return {}
    if client.entity is None:
        return {"CRM_CREATE": int(treatment_of(step.intent.call, client.state).makes(client.state))}
    on: Params = {"CRM_ENTITY_TYPE": client.entity.type, "CRM_ENTITY_ID": user_id(client.entity.id)}
    return {"CRM_CREATE": 0, **(on if client.entity.type != "DEAL" else {})}


def finish(step: Step, portal: Portal) -> StepResult:
    """Log the call. Result: `statistic_id, activity_id, entity_type, entity_id`.

    A call that is not live any more may have been finished by an earlier try whose answer was lost:
    the statistics tell, and then it is `AlreadyThere`.
    """
    call_id, facts = call_id_of(step), step.intent.call
    registered_on = identifier(step.done["register"].get("user_id"))

    def send(who: Params) -> Json:
        return portal.call("telephony.externalCall.finish", finish_params(facts, who, call_id), write=True)

    try:
        result, _ = _on_somebody(portal, employee(facts, registered_on), send)
    except Refused as refusal:
        if not refusal.says(_NOT_LIVE):
            raise
        row = finished_call(portal, "CALL_ID", call_id)
        if row is None:
            raise
        raise AlreadyThere("Bitrix24 has this call as finished already.", dict(finish_result(row))) from refusal
    kept = mapping(result)
    if identifier(kept.get("ID")) is None and not text(kept.get("CALL_ID")):
        raise OutcomeUnknown("Bitrix24 answered the end of the call without a row of its statistics.")
    return finish_result(kept)


def attach_transcript(step: Step, portal: Portal) -> StepResult:
    """What was said, into the finished call. Result: `transcript_id`."""
    params = transcript_params(call_id_of(step), step.intent.phrases)
    try:
        answer = mapping(portal.call("telephony.call.attachTranscription", params, write=True))
    except Refused as refusal:
        if refusal.says("Is it finished?"):
            raise NotReady(refusal.message) from refusal
        raise
    transcript_id = identifier(answer.get("TRANSCRIPT_ID"))
    if transcript_id is None:
        raise OutcomeUnknown("Bitrix24 answered without the transcript's id.")
    return {"transcript_id": transcript_id}


def show(step: Step, portal: Portal) -> StepResult:
    """Open the card of one employee. Result: `shown`, False when the call is over already."""
    return {"shown": _card("telephony.externalCall.show", step, portal)}


def hide(step: Step, portal: Portal) -> StepResult:
    """Close the card of one employee. Result: `hidden`, False when the call is over already."""
    return {"hidden": _card("telephony.externalCall.hide", step, portal)}


def _card(method: str, step: Step, portal: Portal) -> bool:
    params = {"CALL_ID": call_id_of(step), "USER_ID": user_id(step.intent.about)}
    return portal.call(method, params, write=True) is True


def call_id_of(step: Step) -> str:
    """The portal's CALL_ID, as the registration gave it."""
    call_id = step.done.get("register", {}).get("call_id")
    if not isinstance(call_id, str):
        raise Rejected("The call was not registered at Bitrix24, so nothing can be said about it there.")
    return call_id


# --- On whom ----------------------------------------------------------------------------------------


def _on_somebody(portal: Portal, who: Params, send: Callable[[Params], Json]) -> tuple[Json, Params]:
    """Send it for `who`; for the default user when Bitrix24 does not know, or no longer employs, that person.

    The refusal says for certain that nothing was carried out, so the second call can be no second write.
    """
    if who:
        try:
            return send(who), who
        except Refused as refusal:
            if not refusal.says(*_UNKNOWN_EMPLOYEE):
                raise
            fallback: Params = {"USER_ID": user_id(default_user(portal))}
            if fallback == who:
                raise
    else:
        fallback = {"USER_ID": user_id(default_user(portal))}
    return send(fallback), fallback


def default_user(portal: Portal) -> str:
    """Whom to put on a call that nobody took: the setting's user, else the one whom the connection acts as."""
    known = portal.settings.default_user_id or portal.settings.webhook_user_id
    if known:
        return known
    current = identifier(mapping(portal.call("user.current", {}, write=False)).get("ID"))
    if current is None:
        raise Rejected("Bitrix24 does not say as whom the connection acts.", "Set default_user_id in the connection.")
    portal.door.remember({"default_user_id": current})
    return current
