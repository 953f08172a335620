"""What the rules want made of a client whom amoCRM knows: a new lead on the person's own card (amocrm.md §4.3).

The person is referred to, never made again, and stays with whoever owns them.
"""

from __future__ import annotations

from dataclasses import replace

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded, identifier, mapping, number, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.forgiving import add_item
from connectors.amocrm.party import COMPANIES, CONTACTS, LEADS, Card, card_of, find_card, kept, open_leads
from connectors.amocrm.reference import settings_for
from connectors.amocrm.sources import known_codes, source_of
from connectors.amocrm.translate import Item, lead_fields, pipeline_id, source_values, status_id, unix
from connectors.amocrm.with_contact import MERGED, add_with_contact
from connectors.contract import Absent, Found, LookUp, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts
from hub.domain.treatment import LeadOutcome, PersonState, Treatment


def state_of(card: Card | None) -> PersonState:
    """What amoCRM keeps of the client of a card."""
    if card is None:
        return PersonState.UNKNOWN
    if card.entity == LEADS:
        return PersonState.LEAD
    return PersonState.CONTACT_WITH_DEAL if card.lead_id else PersonState.CONTACT


def make_for_known(facts: CallFacts, account: Account, card: Card) -> StepResult:
    """The one write, or why there is none, in `skipped`. Result: the card with the new lead, and what was `created`."""
    treatment = facts.orders.treatment(state_of(card))
    if not treatment.makes(state_of(card)):
        return {"skipped": "the client is known"}
    if treatment.outcome is LeadOutcome.UNSORTED:
        return {"skipped": "amoCRM takes incoming leads of unknown clients only"}
    if card.entity == LEADS:
        return _make_person(facts, account, card, treatment)
    now = _as_now(card, account)
    if treatment.reuse and now.lead_id:
        return {**kept(now), "skipped": "the client has an open lead by now"}
    return _make_lead(facts, account, now, treatment)


def _make_person(facts: CallFacts, account: Account, card: Card, treatment: Treatment) -> StepResult:
    """Of whom amoCRM knows by a lead alone: nobody can be put on that lead, so the new one gets a contact."""
    owner = card.owner if treatment.owner_first else None
    made, left_out, merged = add_with_contact(facts, account, settings_for(facts, account), treatment, owner)
    if merged:
        return {**kept(made), "skipped": MERGED}
    left = {"left_out": left_out} if left_out else {}
    return {**_told(replace(made, owner=owner or treatment.user_id), facts), **left}


def _told(made: Card, facts: CallFacts) -> StepResult:
    """A new lead with a new contact."""
    created = [{"type": LEADS, "id": made.lead_id}]
    if made.entity == CONTACTS:
        created.append({"type": CONTACTS, "id": made.id})
    written = source_values(facts.source)
    return {**kept(made), "created": created, **({"source": written} if written else {})}


def _as_now(card: Card, account: Account) -> Card:
    """The card with the leads that it has at this moment: another call may have made one since it was found."""
    row = mapping(account.read(f"{card.entity}/{card.id}", {"with": LEADS}))
    if identifier(row.get("id")) != card.id:
        return card
    return card_of(card.entity, row, {text(lead.get("id")): lead for lead in open_leads(account, [row])})


def _make_lead(facts: CallFacts, account: Account, card: Card, treatment: Treatment) -> StepResult:
    settings = settings_for(facts, account)
    owner = (card.owner if treatment.owner_first else None) or treatment.user_id or card.owner
    codes = known_codes(facts, account)
    item: Item = {
        **lead_fields(facts, settings, codes, account.door.connection.locale, treatment),
        "pipeline_id": pipeline_id(facts, settings, treatment),
        "status_id": status_id(settings, treatment),
        "created_at": unix(facts.started_at),
        "request_id": facts.call_id,
        "_embedded": {**_person(card), **source_of(facts, account)},
    }
    if owner:
        item["responsible_user_id"] = number(owner)
    answer, left_out = add_item(account, LEADS, item)
    made = embedded(answer, LEADS)
    lead = identifier(made[0].get("id")) if made else None
    if lead is None:
        raise OutcomeUnknown("amoCRM answered without the lead's id.")
    left = {"left_out": left_out} if left_out else {}
    return {**_result(card, lead, owner, facts), **left}


def _person(card: Card) -> Item:
    name = COMPANIES if card.entity == COMPANIES else CONTACTS
    main = {"is_main": True} if name == CONTACTS else {}
    return {name: [{"id": number(card.id), **main}]}


def _result(card: Card, lead: str, owner: str | None, facts: CallFacts) -> StepResult:
    on = Card(card.entity, card.id, card.name, owner or card.owner, lead, (lead, *card.open_leads))
    written = source_values(facts.source)
    return {**kept(on), "created": [{"type": LEADS, "id": lead}], **({"source": written} if written else {})}


def made_for_known(facts: CallFacts, account: Account, card: Card) -> LookUp:
    """Whether the lead was made: one on the person's card that was not there before, and began when the call did."""
    assert facts.client is not None
    try:
        now = _as_now(card, account) if card.entity != LEADS else find_card(facts.client, account)
    except Refused:
        now = find_card(facts.client, account)
    fresh = [lead for lead in (now.open_leads if now else ()) if lead not in card.open_leads]
    if now is None or not fresh:
        return Absent()
    found = embedded(account.read(LEADS, {"filter[id][]": fresh, "limit": len(fresh)}), LEADS)
    for row in found:
        lead = identifier(row.get("id"))
        if lead in fresh and text(row.get("created_at")) == str(unix(facts.started_at)):
            owner = identifier(row.get("responsible_user_id"))
            on = (
                _told(replace(now, owner=owner, lead_id=lead), facts)
                if card.entity == LEADS
                else _result(card, lead, owner, facts)
            )
            return Found({**on, "looked_up": True, "person": str(state_of(card))})
    return Absent()
