"""Whoever is missing: an incoming lead for an unknown caller, a contact for an unknown number that was called."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded, identifier, mapping
from connectors.amocrm.errors import Refused
from connectors.amocrm.forgiving import LeftOut, add_item
from connectors.amocrm.party import (
    COMPANIES,
    CONTACTS,
    LEADS,
    Card,
    card_from,
    card_of_incoming,
    find_card,
    first_id,
    fresh_card,
    incoming,
    kept,
)
from connectors.amocrm.reference import lead_field_codes, settings_for, takes_incoming
from connectors.amocrm.settings import AccountSettings
from connectors.amocrm.translate import (
    first_link,
    incoming_lead,
    lead_with_contact,
    new_contact,
    responsible,
    source_id,
    source_name,
    source_values,
    stranger,
)
from connectors.amocrm.translate_forms import form_id, incoming_form
from connectors.contract import Absent, Found, Json, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.events import Direction
from hub.domain.intents import CallFacts
from hub.domain.treatment import LeadOutcome, PersonState

_SOURCE_KNOWN_FOR = timedelta(hours=1)


def find(step: Step, account: Account) -> StepResult:
    """Who the client is. Result: a card (`connectors.amocrm.party.kept`), or `unknown`."""
    client = step.intent.call.client
    assert client is not None
    card = find_card(client, account)
    return kept(card) if card else {"unknown": True}


def create(step: Step, account: Account) -> StepResult:
    """Make whoever is missing. Result: a card and what was `created`, or why nothing was, in `skipped`.

    `find` may have looked before an earlier call of the same number brought the client in, and such
    calls come here one after the other: so it is looked once more before anything is made.
    """
    facts = step.intent.call
    if card_from(step.done.get("find", {})) is not None:
        return {"skipped": "the client is known"}
    if what_to_make(facts, account.settings) is None:
        return {"skipped": "the client is unknown, and nobody is to be created for such a call"}
    assert facts.client is not None
    card = fresh_card(facts.client, account)
    if card is not None:
        return {**kept(card), "skipped": "an earlier call has brought the client in"}
    return make(facts, account)


def what_to_make(facts: CallFacts, settings: AccountSettings) -> str | None:
    """ "unsorted", "lead", "contact", or None for nobody.

    What the rules want to be logged only still needs somebody whom the call can be logged on.
    """
    ruled = facts.orders.treatments.get(PersonState.UNKNOWN)
    if ruled is not None and ruled.outcome is LeadOutcome.NOTHING:
        return None
    if ruled is not None and ruled.creates:
        return "unsorted" if ruled.outcome is LeadOutcome.UNSORTED else "lead"
    if facts.form is not None:
        return None if settings.unknown_caller == "nothing" else "unsorted"
    if facts.direction is Direction.OUTBOUND:
        return None if settings.unknown_outbound == "nothing" else "contact"
    if ruled is not None:
        return "contact"
    if not facts.creates_lead or settings.unknown_caller == "nothing":
        return None
    return settings.unknown_caller


def make(facts: CallFacts, account: Account) -> StepResult:
    """The one write. `call_logged` says that amoCRM put the call on the new card by itself."""
    match what_to_make(facts, account.settings):
        case "contact":
            return _make_contact(facts, account)
        case "unsorted" if takes_incoming(account, stranger(facts).pipeline):
            return _make_incoming(facts, account)
    return _make_lead(facts, account)


def _make_incoming(facts: CallFacts, account: Account) -> StepResult:
    settings = settings_for(facts, account)
    make_item, category = (incoming_form, "forms") if facts.form else (incoming_lead, "sip")
    item = make_item(facts, settings, _codes(facts, account), account.door.connection.locale)
    answer, left_out = add_item(account, f"leads/unsorted/{category}", item)
    made = embedded(answer, "unsorted")
    card = card_of_incoming(made[0]) if made else None
    if card is None:
        raise OutcomeUnknown("amoCRM answered without the incoming lead's ids.")
    return _result(card, facts, settings, left_out, call_logged=facts.form is None)


def _make_lead(facts: CallFacts, account: Account) -> StepResult:
    settings = settings_for(facts, account)
    item = lead_with_contact(facts, settings, _codes(facts, account), account.door.connection.locale)
    if not _has_source(facts, account):
        item["_embedded"] = {CONTACTS: mapping(item["_embedded"])[CONTACTS]}
    answer, left_out = add_item(account, "leads/complex", item)
    made = embedded(answer, LEADS)
    lead = identifier(made[0].get("id")) if made else None
    if lead is None:
        raise OutcomeUnknown("amoCRM answered without the lead's id.")
    contact = identifier(made[0].get("contact_id")) or first_id(made[0], CONTACTS)
    card = Card(CONTACTS, contact, lead_id=lead, open_leads=(lead,)) if contact else Card(LEADS, lead, lead_id=lead)
    if made[0].get("merged") is True:
        return {**kept(card), "skipped": "amoCRM's duplicate control put the call on a lead that was there"}
    return _result(card, facts, settings, left_out, call_logged=False)


def _make_contact(facts: CallFacts, account: Account) -> StepResult:
    settings = settings_for(facts, account)
    answer, left_out = add_item(account, CONTACTS, {**new_contact(facts, settings), "request_id": facts.call_id})
    made = embedded(answer, CONTACTS)
    contact = identifier(made[0].get("id")) if made else None
    if contact is None:
        raise OutcomeUnknown("amoCRM answered without the contact's id.")
    return _result(Card(CONTACTS, contact), facts, settings, left_out, call_logged=False)


def _result(
    card: Card, facts: CallFacts, settings: AccountSettings, left_out: LeftOut, *, call_logged: bool
) -> StepResult:
    created = [{"type": LEADS, "id": card.lead_id}] if card.lead_id else []
    if card.entity in {CONTACTS, COMPANIES}:
        created.append({"type": card.entity, "id": card.id})
    found: dict[str, Json] = {**kept(card), "created": created, "call_logged": call_logged}
    person = identifier(responsible(facts, settings))
    link = first_link(facts) if call_logged else None
    written = source_values(facts.source) if card.lead_id else {}
    extra = {"owner": person, "link": link, "source": written, "left_out": left_out}
    return {**found, **{name: value for name, value in extra.items() if value}}


def _codes(facts: CallFacts, account: Account) -> Collection[str]:
    """The lead fields that exist; none when nothing is to be written, or when amoCRM does not tell."""
    if not source_values(facts.source):
        return ()
    try:
        return lead_field_codes(account)
    except Refused:
        return ()


def _has_source(facts: CallFacts, account: Account) -> bool:
    """Whether the line is a source of our integration; made when it is not, which may be done twice.

    `external_id` is unique there. When amoCRM takes no more sources, the lead goes without one.
    """
    external_id = source_id(facts)
    key, now = (*account.key("source"), external_id), account.door.now()
    if account.memory.recall(key, now):
        return True
    try:
        known = embedded(account.read("sources", {"filter[external_id][]": [external_id]}), "sources")
        if not any(row.get("external_id") == external_id for row in known):
            name = source_name(facts, account.settings)
            account.write("POST", "sources", [{"name": name, "external_id": external_id, "request_id": external_id}])
    except Refused:
        return False
    account.memory.keep(key, True, now + _SOURCE_KNOWN_FOR)
    return True


# --- Was it made? ---------------------------------------------------------------------------------


def made(step: Step, account: Account) -> LookUp:
    """By our call id among the incoming leads, then by the client's number: before we sent, nobody had it."""
    facts = step.intent.call
    assert facts.client is not None
    settings = settings_for(facts, account)
    for item in incoming(account):
        if _is_ours(mapping(item.get("metadata")), facts) and (card := card_of_incoming(item)):
            logged = facts.form is None
            return Found({**_result(card, facts, settings, [], call_logged=logged), "looked_up": True})
    card = find_card(facts.client, account)
    if card is None:
        return Absent()
    return Found({**_result(card, facts, settings, [], call_logged=False), **_owner(card), "looked_up": True})


def _is_ours(about: Mapping[str, Json], facts: CallFacts) -> bool:
    return about.get("form_id") == form_id(facts) if facts.form else about.get("uniq") == facts.call_id


def _owner(card: Card) -> Mapping[str, Json]:
    return {"owner": card.owner} if card.owner else {}
