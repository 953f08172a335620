"""What the rules order for a client's card at Bitrix24: title, stage, person and own fields."""

from __future__ import annotations

from connectors.bitrix24.client import Portal
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.own_fields import in_shape
from connectors.bitrix24.requests import own_title
from connectors.bitrix24.translate import Entity, Params, user_id
from connectors.bitrix24.translate_cards import call_entity, created_by, update_params
from connectors.contract import Json, Step, StepResult
from hub.domain.intents import CallFacts
from hub.domain.treatment import LeadOutcome, PersonState, Treatment

_TITLED = frozenset({"LEAD", "DEAL"})


def set_card(step: Step, portal: Portal) -> StepResult:
    """Write what is ordered: on the cards that this call made, and on a known client's the fields that go always.

    Result: `updated` and, for cards deleted meanwhile, `missing`, as "LEAD:5102"; or `skipped`.
    """
    facts, made = step.intent.call, created_by(step.done)
    state = PersonState(str(step.done.get("client", {}).get("person") or PersonState.UNKNOWN))
    ready = created_by({key: step.done[key] for key in ("deal", "request") if key in step.done})
    wanted = [
        (
            entity,
            _fields(portal, facts, entity, always=False) if entity in ready else _dress(portal, facts, entity, state),
        )
        for entity in made
    ]
    known = call_entity(step.done)
    if known is not None and known not in made:
        wanted.append((known, _fields(portal, facts, known, always=True)))
    updated: list[Json] = []
    missing: list[Json] = []
    for entity, fields in wanted:
        if fields:
            there = _update(portal, entity, fields)
            (updated if there else missing).append(f"{entity.type}:{entity.id}")
    return {"updated": updated, "missing": missing} if wanted else {"skipped": "the call is on no CRM card"}


def _dress(portal: Portal, facts: CallFacts, entity: Entity, state: PersonState) -> Params:
    """What a registration, or a contact made before the call was answered, could not say yet."""
    treatment = facts.orders.treatment(state)
    fields = dict(_fields(portal, facts, entity, always=False))
    person = treatment.user_id or (facts.user_id if treatment.outcome is LeadOutcome.CONTACT_DEAL else None)
    if person:
        fields["ASSIGNED_BY_ID"] = user_id(person)
    if entity.type in _TITLED and (treatment.title or facts.orders.client_name):
        fields["TITLE"] = treatment.title or own_title(facts, portal)  # the portal's own title has the whole number
    return {**fields, **_stage(treatment, entity)}


def _stage(treatment: Treatment, entity: Entity) -> Params:
    """A lead has STATUS_ID. A deal's STAGE_ID is of the pipeline that it stands in; `C<id>:` names another (§4.2)."""
    if entity.type == "LEAD":
        return {"STATUS_ID": treatment.stage} if treatment.stage else {}
    if entity.type != "DEAL":
        return {}
    pipeline: Params = {"CATEGORY_ID": user_id(treatment.pipeline)} if treatment.pipeline else {}
    return {**pipeline, "STAGE_ID": treatment.stage} if treatment.stage else pipeline


def _fields(portal: Portal, facts: CallFacts, entity: Entity, *, always: bool) -> Params:
    mine = [one for one in facts.orders.fields if one.entity.upper() == entity.type]
    return dict(in_shape(portal, facts, entity, (one for one in mine if one.always or not always)))


def _update(portal: Portal, entity: Entity, fields: Params) -> bool:
    try:
        portal.call(f"crm.{entity.type.lower()}.update", update_params(entity, fields), write=True)
    except Refused as refusal:
        if refusal.code != "not_found" and not refusal.says("not found"):
            raise
        return False
    return True
