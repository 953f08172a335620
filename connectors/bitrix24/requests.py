"""A request for a callback: on the client's card, or a new lead (bitrix24.md §3.5, §4.2).

There is no call yet that could be registered and make the lead, and a registered call must not be left
open until tomorrow (§10, no. 2), so the lead is made here; the call that follows finds it by the number.
"""

from __future__ import annotations

from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.envelope import Envelope, identifier, rows, text
from connectors.bitrix24.owners import PLACES
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, user_id
from connectors.bitrix24.translate_cards import inert
from connectors.contract import Absent, Found, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts
from hub.domain.phone import format_phone
from hub.domain.treatment import LeadOutcome, PersonState

ORIGINATOR = "dozvon"
_SOURCE = "CALLBACK"
_TITLES = {"ru": "Обратный звонок {client}", "en": "Callback for {client}"}


def take(step: Step, portal: Portal) -> StepResult:
    """Result: `entity_type, entity_id, created`; both ids None when the client is unknown and no lead is wanted."""
    facts = step.intent.call
    if facts.party is not None and facts.party.kind in ENTITY_TYPE_IDS:
        return _on(facts.party.kind, facts.party.id)
    known = _known(facts, portal)
    if known is not None:
        return known
    ruled = facts.orders.treatments.get(PersonState.UNKNOWN)
    if ruled is not None and ruled.outcome in (LeadOutcome.NOTHING, LeadOutcome.ACTIVITY_ONLY):
        return {"entity_type": None, "entity_id": None, "created": [], "skipped": "the rules want no lead of a request"}
    lead = identifier(portal.call("crm.lead.add", _lead(facts, portal), write=True))
    if lead is None:
        raise OutcomeUnknown("Bitrix24 answered without the lead's id.")
    return _on("LEAD", lead, created=True)


def taken(step: Step, portal: Portal) -> LookUp:
    """By our key on the leads (`ORIGIN_ID`); each row is checked by value, for unknown filters are dropped."""
    key = step.intent.call.call_id
    query: Params = {
        "filter": {"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": key},
        "select": ["ID", "ORIGINATOR_ID", "ORIGIN_ID"],
    }
    for row in rows(portal.call("crm.lead.list", query, write=False)):
        if text(row.get("ORIGIN_ID")) == key and (lead := identifier(row.get("ID"))):
            return Found(_on("LEAD", lead, created=True))
    return Absent()


def _on(kind: str, card: str, *, created: bool = False) -> StepResult:
    made = [{"type": kind, "id": card}] if created else []
    return {"entity_type": kind, "entity_id": card, "created": made}


def _known(facts: CallFacts, portal: Portal) -> StepResult | None:
    assert facts.client is not None
    params = {"PHONE_NUMBER": facts.client.display}
    found = rows(portal.call("telephony.externalCall.searchCrmEntities", params, write=False))

    def place(row: Envelope) -> int:
        return PLACES.get(text(row.get("CRM_ENTITY_TYPE")).upper(), len(PLACES))

    for row in sorted(found, key=place):
        kind, card = text(row.get("CRM_ENTITY_TYPE")).upper(), identifier(row.get("CRM_ENTITY_ID"))
        if kind in PLACES and card:
            return _on(kind, card)
    return None


def _lead(facts: CallFacts, portal: Portal) -> Params:
    assert facts.client is not None
    assert facts.form is not None
    treatment, source = facts.orders.treatment(PersonState.UNKNOWN), facts.source
    title = _TITLES.get(portal.door.connection.locale, _TITLES["en"]).format(client=format_phone(facts.client))
    person = treatment.user_id or facts.user_id
    fields = {
        "TITLE": inert(treatment.title or title),
        "NAME": inert(facts.form.name),
        "SOURCE_ID": _SOURCE,
        "ASSIGNED_BY_ID": user_id(person) if person else "",
        "STATUS_ID": treatment.stage or "",
        "PHONE": [{"VALUE": facts.client.display, "VALUE_TYPE": "WORK"}],
        "COMMENTS": inert(facts.form.comment),
        "ORIGINATOR_ID": ORIGINATOR,
        "ORIGIN_ID": facts.call_id,
        "UTM_SOURCE": source.source if source else "",
        "UTM_MEDIUM": (source.medium or "") if source else "",
        "UTM_CAMPAIGN": (source.campaign or "") if source else "",
    }
    return {"fields": {name: value for name, value in fields.items() if value}, "params": {"REGISTER_SONET_EVENT": "N"}}
