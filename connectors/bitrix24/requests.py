"""Leads and deals that the hub makes itself (bitrix24.md §3.10, §4.2, §4.4).

Of a request for a callback there is no call yet that could be registered and make the lead, and a registered call
must not be left open until tomorrow (§10, no. 2); of a client whom the portal knows a registration makes nothing.
"""

from __future__ import annotations

from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.clients import (
    ORIGINATOR,
    SIMPLE,
    Client,
    add_card,
    client_from,
    crm_mode,
    find_client,
    find_ours,
    is_unwanted,
    open_deals,
    responsible,
    treatment_of,
)
from connectors.bitrix24.translate import user_id
from connectors.bitrix24.translate_cards import inert
from connectors.contract import Absent, Found, LookUp, Step, StepResult
from hub.domain.intents import CallFacts
from hub.domain.phone import format_phone
from hub.domain.treatment import LeadOutcome, PersonState, Treatment

_OF_A_REQUEST = "CALLBACK"
_TITLES = {
    "request": {"ru": "Обратный звонок {client}", "en": "Callback for {client}"},
    "call": {"ru": "Звонок {client}", "en": "Call {client}"},
}


def take(step: Step, portal: Portal) -> StepResult:
    """A request: on the client's card, or a new lead or deal. Result: `entity_type, entity_id, created`, both ids None
    when the client is unknown and nobody is to be made.

    `client` may have looked before the registered call of the same number made a lead, and the steps of one client
    come here one after the other: so it is looked once more before anything is made of a stranger.
    """
    facts = step.intent.call
    unwanted = is_unwanted(step)
    if unwanted:
        return {"entity_type": None, "entity_id": None, "created": [], **unwanted}
    client = client_from(step.done.get("client", {}))
    if client is None or client.entity is None:
        client = find_client(facts, portal)
    made = _make(step, portal, client)
    if client.entity is not None:
        kept: StepResult = {"entity_type": client.entity.type, "entity_id": client.entity.id, "created": []}
        return {**kept, **{name: value for name, value in made.items() if name == "created"}}
    if not made.get("created"):
        return {"entity_type": None, "entity_id": None, "created": [], "skipped": "the rules want no lead of a request"}
    return {"entity_type": made["type"], "entity_id": made["id"], "created": made["created"]}


def add_deal(step: Step, portal: Portal) -> StepResult:
    """What the rules make of a known client, or beside a new contact. Result: `created`, or `skipped`."""
    client = client_from(step.done.get("client", {}))
    if client is None:
        return {"skipped": "who the client is was not asked"}
    return _make(step, portal, client)


def _make(step: Step, portal: Portal, client: Client) -> StepResult:
    facts, treatment = step.intent.call, treatment_of(step.intent.call, client.state)
    if not treatment.makes(client.state):
        return {"skipped": "the rules make nothing of such a client"}
    mode = str(step.done.get("client", {}).get("mode") or "") or crm_mode(portal)
    if facts.form is None and client.state is PersonState.UNKNOWN and client.entity is None:
        return {"skipped": "the registered call has made the card"}
    if treatment.reuse and client.entity is not None and open_deals(client.entity, portal):
        return {"skipped": "the client has an open deal by now"}
    kind = "lead" if treatment.outcome is LeadOutcome.LEAD and mode != SIMPLE else "deal"
    made = add_card(portal, kind, _fields(facts, treatment, client, kind, portal))
    return {"created": [{"type": kind.upper(), "id": made}], "type": kind.upper(), "id": made}


def _fields(facts: CallFacts, treatment: Treatment, client: Client, kind: str, portal: Portal) -> Params:
    assert facts.client is not None
    person = responsible(facts, treatment, client.owner) or portal.settings.default_user_id
    source, asked = facts.source, facts.form
    return {
        "TITLE": inert(treatment.title or own_title(facts, portal)),
        "SOURCE_ID": facts.orders.crm_source or (_OF_A_REQUEST if asked else portal.settings.source_id),
        "ASSIGNED_BY_ID": user_id(person) if person else "",
        "COMMENTS": inert(asked.comment) if asked else "",
        "ORIGINATOR_ID": ORIGINATOR,
        "ORIGIN_ID": facts.call_id,
        "UTM_SOURCE": source.source if source else "",
        "UTM_MEDIUM": (source.medium or "") if source else "",
        "UTM_CAMPAIGN": (source.campaign or "") if source else "",
        **_whose(facts, client, kind),
        **_place(treatment, kind),
    }


def own_title(facts: CallFacts, portal: Portal) -> str:
    """What a card is called where no rule says it; the client as the rules let them be shown."""
    assert facts.client is not None
    titles = _TITLES["request" if facts.form else "call"]
    shown = facts.orders.client_name or format_phone(facts.client)
    return titles.get(portal.door.connection.locale, titles["en"]).format(client=shown)


def _whose(facts: CallFacts, client: Client, kind: str) -> Params:
    """A card that is there is named; else a lead carries the number itself. A deal has none (§4.2)."""
    if client.entity is not None and client.entity.type in {"CONTACT", "COMPANY"}:
        return {f"{client.entity.type}_ID": user_id(client.entity.id)}
    if kind == "deal":
        return {}
    assert facts.client is not None
    name = inert(facts.form.name) if facts.form else ""
    return {"NAME": name, "PHONE": [{"VALUE": facts.client.display, "VALUE_TYPE": "WORK"}]}


def _place(treatment: Treatment, kind: str) -> Params:
    if kind == "lead":
        return {"STATUS_ID": treatment.stage or ""}
    return {"CATEGORY_ID": user_id(treatment.pipeline) if treatment.pipeline else "", "STAGE_ID": treatment.stage or ""}


# --- Was it made? -------------------------------------------------------------------------------------


def taken(step: Step, portal: Portal) -> LookUp:
    """By our key on the leads and deals (`ORIGIN_ID`)."""
    made = _ours(step, portal)
    if made is None:
        return Absent()
    kind, card = made
    client = client_from(step.done.get("client", {}))
    on = (client.entity.type, client.entity.id) if client and client.entity else (kind, card)
    return Found({"entity_type": on[0], "entity_id": on[1], "created": [{"type": kind, "id": card}]})


def deal_added(step: Step, portal: Portal) -> LookUp:
    """The same for what was made of a known client."""
    made = _ours(step, portal)
    return Found({"created": [{"type": made[0], "id": made[1]}]}) if made else Absent()


def _ours(step: Step, portal: Portal) -> tuple[str, str] | None:
    kinds = ("lead", "deal")
    found = ((kind.upper(), find_ours(portal, kind, step.intent.call.call_id)) for kind in kinds)
    return next(((kind, card) for kind, card in found if card), None)
