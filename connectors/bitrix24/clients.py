"""Who the client is, where the rules ask for it, and the contact of somebody unknown (bitrix24.md §3.5, §4.2, §4.4).

A registered call makes a lead of somebody unknown by itself, or a contact and a deal in simple CRM mode (§3.10).
Everything else that rules may order needs to be known, or made, before the call is registered on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.envelope import Envelope, identifier, rows, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.owners import PLACES
from connectors.bitrix24.translate import ENTITY_TYPE_IDS, Entity, user_id
from connectors.bitrix24.translate_cards import inert
from connectors.contract import Absent, Found, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts
from hub.domain.phone import format_phone
from hub.domain.treatment import LeadOutcome, PersonState, Treatment

ORIGINATOR = "dozvon"
SEARCH, DEALS = "telephony.externalCall.searchCrmEntities", "crm.deal.list"
CLASSIC, SIMPLE = "classic", "simple"
_OWNER_FIELDS = {"CONTACT": "CONTACT_ID", "COMPANY": "COMPANY_ID"}
_CLOSED = frozenset({"WON", "LOSE", "APOLOGY", "S", "F"})
_NEWEST = 50


@dataclass(frozen=True, slots=True)
class Client:
    """Whom the portal keeps behind a number: `entity` None when nobody. `open_deals` has the newest first."""

    state: PersonState
    entity: Entity | None = None
    owner: str | None = None
    open_deals: tuple[str, ...] = ()


def must_be_asked(facts: CallFacts) -> bool:
    """Whether what is to be done depends on who the client is, beyond what a registration does by itself. Pure."""
    ordered = facts.orders.treatments
    if facts.form is not None:
        return True
    stranger = facts.orders.treatment(PersonState.UNKNOWN).outcome
    return stranger in (LeadOutcome.CONTACT_DEAL, LeadOutcome.NOTHING) or any(
        state != PersonState.UNKNOWN for state in ordered
    )


def find_client(facts: CallFacts, portal: Portal) -> Client:
    """Contacts before companies before leads, as a registered call is tied to them. Raises delivery errors."""
    assert facts.client is not None
    if facts.party is not None and facts.party.kind in ENTITY_TYPE_IDS:
        return client_on(Entity(facts.party.kind, facts.party.id), portal, facts.party.owner_user_id)
    best = preferred(rows(portal.call(SEARCH, {"PHONE_NUMBER": facts.client.display}, write=False)))
    if best is None:
        return Client(PersonState.UNKNOWN)
    entity, row = best
    return client_on(entity, portal, identifier(row.get("ASSIGNED_BY_ID")))


def preferred(found: Iterable[Envelope]) -> tuple[Entity, Envelope] | None:
    """The card that a call goes on, of those that the search has found."""
    cards = [(Entity(kind, card), row) for row in found if (kind := _kind(row)) and (card := _card_id(row))]
    return min(cards, key=lambda one: PLACES[one[0].type]) if cards else None


def _kind(row: Envelope) -> str:
    kind = text(row.get("CRM_ENTITY_TYPE")).upper()
    return kind if kind in PLACES else ""


def _card_id(row: Envelope) -> str | None:
    return identifier(row.get("CRM_ENTITY_ID"))


def client_on(entity: Entity, portal: Portal, owner: str | None = None) -> Client:
    """The client of a card that is known."""
    if entity.type == "LEAD":
        return Client(PersonState.LEAD, entity, owner)
    if entity.type == "DEAL":
        return Client(PersonState.CONTACT_WITH_DEAL, entity, owner, (entity.id,))
    deals = open_deals(entity, portal)
    return Client(PersonState.CONTACT_WITH_DEAL if deals else PersonState.CONTACT, entity, owner, deals)


def open_deals(entity: Entity, portal: Portal) -> tuple[str, ...]:
    """The deals of a contact or company that are neither won nor lost, each checked by value (§2.6)."""
    query = deals_of(entity)
    if query is None:
        return ()
    return open_among(rows(portal.call(DEALS, query, write=False)), entity)


def deals_of(entity: Entity) -> Params | None:
    """The question for the deals of a contact or company, the newest first; None for a card that has none."""
    field = _OWNER_FIELDS.get(entity.type)
    if field is None:
        return None
    return {
        "order": {"ID": "DESC"},
        "filter": {field: user_id(entity.id)},
        "select": ["ID", field, "STAGE_ID", "STAGE_SEMANTIC_ID", "CLOSED"],
    }


def open_among(found: Sequence[Envelope], entity: Entity) -> tuple[str, ...]:
    """The ids of the open ones among the deals that were listed for this card."""
    field = _OWNER_FIELDS[entity.type]
    mine = [row for row in found[:_NEWEST] if identifier(row.get(field)) == entity.id and not _is_closed(row)]
    return tuple(deal for row in mine if (deal := identifier(row.get("ID"))))


def _is_closed(row: Envelope) -> bool:
    """`C5:WON` is a stage of pipeline 5 (§4.2)."""
    stage = text(row.get("STAGE_ID")).rpartition(":")[2]
    return stage in _CLOSED or text(row.get("STAGE_SEMANTIC_ID")) in _CLOSED or row.get("CLOSED") == "Y"


def crm_mode(portal: Portal) -> str:
    """Classic, with leads; or simple, with contacts and deals. A portal that does not tell is taken for classic."""
    try:
        said = text(portal.call("crm.settings.mode.get", {}, write=False))
    except Refused:
        return CLASSIC
    return SIMPLE if said == "2" else CLASSIC


# --- The step -----------------------------------------------------------------------------------------


def meet(step: Step, portal: Portal) -> StepResult:
    """Find the client, and make a contact of somebody unknown where the rules want a deal of them.

    Result: `person` and their `entity_type, entity_id, owner`; `mode` where it matters; `created`; or `skipped`, with
    `person`, where the rules want nothing written of such a client.
    """
    facts, known = step.intent.call, _registered(step)
    client = client_on(known, portal) if known else find_client(facts, portal)
    treatment = treatment_of(facts, client.state)
    if treatment.outcome is LeadOutcome.NOTHING and not step.done.get("register"):
        return {"person": str(client.state), "skipped": "the rules want nothing written of such a client"}
    if not treatment.makes(client.state):
        return told(client)
    mode = crm_mode(portal)
    if not _needs_contact(facts, client, treatment, mode):
        return told(client, mode=mode)
    fields = contact_fields(facts, treatment, portal)
    return _with_contact(client, mode, add_card(portal, "contact", fields))


def met(step: Step, portal: Portal) -> LookUp:
    """By our key on the contacts (`ORIGIN_ID`); each row is checked by value, for unknown filters are dropped."""
    contact = find_ours(portal, "contact", step.intent.call.call_id)
    if contact is None:
        return Absent()
    return Found(_with_contact(Client(PersonState.UNKNOWN), crm_mode(portal), contact))


def _registered(step: Step) -> Entity | None:
    """The card that a call is on which was registered before anybody asked, as one that the portal opened itself."""
    kept = step.done.get("register", {})
    kind, card = kept.get("entity_type"), kept.get("entity_id")
    return Entity(kind, card) if isinstance(kind, str) and isinstance(card, str) else None


def _needs_contact(facts: CallFacts, client: Client, treatment: Treatment, mode: str) -> bool:
    """A deal needs its contact first. In simple mode a registered call makes both by itself, a request cannot."""
    if client.state not in (PersonState.UNKNOWN, PersonState.LEAD):
        return False
    if mode == SIMPLE:
        return facts.form is not None
    return treatment.outcome is LeadOutcome.CONTACT_DEAL


def _with_contact(client: Client, mode: str, contact: str) -> StepResult:
    made = {"entity_type": "CONTACT", "entity_id": contact, "created": [{"type": "CONTACT", "id": contact}]}
    return {**told(client, mode=mode), **made}


def told(client: Client, *, mode: str = "") -> StepResult:
    """A client as the result of a step."""
    kept: dict[str, object] = {
        "person": str(client.state),
        "entity_type": client.entity.type if client.entity else None,
        "entity_id": client.entity.id if client.entity else None,
        "owner": client.owner,
        "created": [],
    }
    return {**kept, "mode": mode} if mode else kept


def client_from(result: StepResult) -> Client | None:
    """The client that the step `meet` has told of; a contact that it made is the client's card."""
    person, kind, card = result.get("person"), result.get("entity_type"), identifier(result.get("entity_id"))
    if not isinstance(person, str):
        return None
    entity = Entity(str(kind), card) if kind and card else None
    return Client(PersonState(person), entity, identifier(result.get("owner")))


def is_unwanted(step: Step) -> StepResult | None:
    """What the steps after the first one have to say of a call of which nothing is to be written."""
    reason = step.done.get("client", {}).get("skipped")
    return {"skipped": reason} if isinstance(reason, str) else None


# --- What is made -------------------------------------------------------------------------------------


def treatment_of(facts: CallFacts, state: PersonState) -> Treatment:
    """What the rules say of the client; a request without any orders is a lead."""
    if facts.form is not None and not facts.orders.treatments:
        return Treatment(LeadOutcome.LEAD)
    return facts.orders.treatment(state)


def responsible(facts: CallFacts, treatment: Treatment, owner: str | None = None) -> str | None:
    """Who gets a new card: the client's owner where they come first or nobody is named, else who had the call."""
    return (owner if treatment.owner_first else None) or treatment.user_id or owner or facts.user_id


def contact_fields(facts: CallFacts, treatment: Treatment, portal: Portal) -> Params:
    """The contact of somebody unknown. Who is responsible is always said: else it would be the token's user (§4.2)."""
    assert facts.client is not None
    person = responsible(facts, treatment) or portal.settings.default_user_id
    name = facts.form.name if facts.form else ""
    return {
        "NAME": inert(name or facts.orders.client_name or format_phone(facts.client)),
        "PHONE": [{"VALUE": facts.client.display, "VALUE_TYPE": "WORK"}],
        "SOURCE_ID": facts.orders.crm_source or portal.settings.source_id,
        "ASSIGNED_BY_ID": user_id(person) if person else "",
        "ORIGINATOR_ID": ORIGINATOR,
        "ORIGIN_ID": facts.call_id,
    }


def _new(fields: Params) -> Params:
    return {"fields": {name: value for name, value in fields.items() if value}, "params": {"REGISTER_SONET_EVENT": "N"}}


def add_card(portal: Portal, kind: str, fields: Params) -> str:
    """`crm.<kind>.add`; its id. Fields without a value are left out."""
    made = identifier(portal.call(f"crm.{kind}.add", _new(fields), write=True))
    if made is None:
        raise OutcomeUnknown(f"Bitrix24 answered without the {kind}'s id.")
    return made


def find_ours(portal: Portal, kind: str, key: str) -> str | None:
    """The card of that kind which carries our key."""
    query: Params = {
        "filter": {"ORIGINATOR_ID": ORIGINATOR, "ORIGIN_ID": key},
        "select": ["ID", "ORIGINATOR_ID", "ORIGIN_ID"],
    }
    found = rows(portal.call(f"crm.{kind}.list", query, write=False))
    mine = [row for row in found if text(row.get("ORIGIN_ID")) == key and text(row.get("ORIGINATOR_ID")) == ORIGINATOR]
    return identifier(mine[0].get("ID")) if mine else None
