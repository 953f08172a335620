"""What hangs on the client's CRM card: the source, a task, a note."""

from __future__ import annotations

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import identifier, mapping, rows, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.translate import Entity, user_id
from connectors.bitrix24.translate_cards import (
    call_entity,
    created_by,
    note_params,
    source_fields,
    task_params,
    trace_params,
    update_params,
)
from connectors.contract import Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts

_NO_CARD = "the call is on no CRM card"


def set_source(step: Step, portal: Portal) -> StepResult:
    """Write the source on the cards that this call created, on no other: a known client keeps theirs.

    Result: `updated` and, for cards deleted meanwhile, `missing`, as "LEAD:5102"; or `skipped`.
    """
    source, created = step.intent.call.source, created_by(step.done)
    if source is None:
        return {"skipped": "the source is not known"}
    if not created:
        return {"skipped": "the call created no CRM card"}
    updated: list[str] = []
    missing: list[str] = []
    for entity in created:
        fields = source_fields(source, step.intent.text, entity.type)
        there = _update(portal, entity, fields)
        (updated if there else missing).append(f"{entity.type}:{entity.id}")
    return {"updated": updated, "missing": missing}


def add_trace(step: Step, portal: Portal) -> StepResult:
    """The path of advertising on the cards that this call created. Result: `trace_id`, or `skipped`.

    A portal without Sales Intelligence, or a card that we may not touch, is said and spoils nothing.
    """
    facts, created = step.intent.call, created_by(step.done)
    if facts.source is None or not created:
        return {"skipped": "the call created no CRM card, or its source is not known"}
    try:
        params = trace_params(facts.source, facts.visit, created, facts.started_at)
        answer = portal.call("crm.tracking.trace.add", params, write=True)
    except Refused as refusal:
        if refusal.code != "error_method_not_found" and not refusal.says("You have no access to entity"):
            raise
        return {"skipped": refusal.message}
    trace_id = identifier(answer)
    if trace_id is None:
        raise OutcomeUnknown("Bitrix24 answered without the trace's id.")
    return {"trace_id": trace_id}


def _update(portal: Portal, entity: Entity, fields: dict[str, object]) -> bool:
    try:
        portal.call(f"crm.{entity.type.lower()}.update", update_params(entity, fields), write=True)
    except Refused as refusal:
        if not _is_gone(refusal):
            raise
        return False
    return True


def _is_gone(refusal: Refused) -> bool:
    return refusal.code == "not_found" or refusal.says("not found")


def add_task(step: Step, portal: Portal) -> StepResult:
    """A to-do on the call's card. Result: `task_id`, or `skipped`."""
    entity = call_entity(step.done)
    if entity is None:
        return {"skipped": _NO_CARD}
    responsible = _responsible(step, portal, entity)
    params = task_params(step.intent, entity, responsible, portal.door.connection.timezone)
    task_id = identifier(mapping(portal.call("crm.activity.todo.add", params, write=True)).get("id"))
    if task_id is None:
        raise OutcomeUnknown("Bitrix24 answered without the task's id.")
    return {"task_id": task_id}


def _responsible(step: Step, portal: Portal, entity: Entity) -> str | None:
    """The client's owner; on a card that this call created, and when no owner is known, who had the call."""
    facts = step.intent.call
    if step.intent.user_id:
        return step.intent.user_id
    owner = None
    if entity not in created_by(step.done):
        owner = (facts.party and facts.party.owner_user_id) or _owner(portal, facts, entity)
    return owner or facts.user_id or identifier(step.done.get("register", {}).get("user_id"))


def _owner(portal: Portal, facts: CallFacts, entity: Entity) -> str | None:
    """Who owns the card in the CRM. A refusal leaves the owner unknown: the task matters more."""
    assert facts.client is not None
    params = {"PHONE_NUMBER": facts.client.display}
    try:
        found = portal.call("telephony.externalCall.searchCrmEntities", params, write=False)
    except Refused:
        return None
    for row in rows(found):
        if (text(row.get("CRM_ENTITY_TYPE")), identifier(row.get("CRM_ENTITY_ID"))) == entity:
            return identifier(row.get("ASSIGNED_BY_ID"))
    return None


def close_task(step: Step, portal: Portal) -> StepResult:
    """Complete a to-do. Result: `closed`, False when it is no longer there, which is as good."""
    params = {"id": user_id(step.intent.about), "fields": {"COMPLETED": "Y"}}
    try:
        portal.call("crm.activity.update", params, write=True)
    except Refused as refusal:
        if not _is_gone(refusal):
            raise
        return {"closed": False}
    return {"closed": True}


def add_note(step: Step, portal: Portal) -> StepResult:
    """A comment on the call's card. Result: `comment_id`, or `skipped`."""
    entity = call_entity(step.done)
    if entity is None:
        return {"skipped": _NO_CARD}
    comment_id = identifier(portal.call("crm.timeline.comment.add", note_params(step.intent, entity), write=True))
    if comment_id is None:
        raise OutcomeUnknown("Bitrix24 answered without the comment's id.")
    return {"comment_id": comment_id}
