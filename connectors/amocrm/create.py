"""Whoever is missing: an incoming lead for an unknown caller, a contact for an unknown number that was called."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded, identifier, mapping
from connectors.amocrm.forgiving import LeftOut, add_item
from connectors.amocrm.known import made_for_known, make_for_known, state_of
from connectors.amocrm.party import (
    COMPANIES,
    CONTACTS,
    LEADS,
    Card,
    card_from,
    card_of_incoming,
    find_card,
    fresh_card,
    incoming,
    kept,
)
from connectors.amocrm.reference import settings_for, takes_incoming
from connectors.amocrm.settings import AccountSettings
from connectors.amocrm.sources import known_codes
from connectors.amocrm.translate import (
    first_link,
    incoming_lead,
    new_contact,
    responsible,
    source_values,
    stranger,
)
from connectors.amocrm.translate_forms import form_id, incoming_form
from connectors.amocrm.with_contact import MERGED, add_with_contact
from connectors.contract import Absent, Found, Json, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.events import Direction
from hub.domain.intents import CallFacts
from hub.domain.treatment import LeadOutcome, PersonState


def find(step: Step, account: Account) -> StepResult:
    """Who the client is. Result: a card (`connectors.amocrm.party.kept`), or `unknown`."""
    client = step.intent.call.client
    assert client is not None
    card = find_card(client, account)
    return {**kept(card), "person": str(state_of(card))} if card else {"unknown": True}


def create(step: Step, account: Account) -> StepResult:
    """Make whoever is missing, or what the rules want made of a client whom amoCRM knows.

    Result: a card and what was `created`, or why nothing was, in `skipped`; and `person`, what the client was before.

    `find` may have looked before an earlier call of the same number brought the client in, and such
    calls come here one after the other: so it is looked once more before anything is made.
    """
    facts = step.intent.call
    known = card_from(step.done.get("find", {}))
    if known is not None:
        return {**make_for_known(facts, account, known), "person": str(state_of(known))}
    if what_to_make(facts, account.settings) is None:
        reason = "the client is unknown, and nobody is to be created for such a call"
        return {"skipped": reason, "person": str(PersonState.UNKNOWN)}
    assert facts.client is not None
    card = fresh_card(facts.client, account)
    if card is not None:
        made = make_for_known(facts, account, card)
        came = {} if made.get("created") else {**kept(card), "skipped": "an earlier call has brought the client in"}
        return {**made, **came, "person": str(state_of(card))}
    return {**make(facts, account), "person": str(PersonState.UNKNOWN)}


def what_to_make(facts: CallFacts, settings: AccountSettings) -> str | None:
    """ "unsorted", "lead", "contact", or None for nobody.

    What the rules want to be logged only still needs somebody whom the call can be logged on. The connection's
    settings speak only where nobody has told what the rules say.
    """
    ruled = facts.orders.treatments.get(PersonState.UNKNOWN)
    if ruled is not None and ruled.outcome is LeadOutcome.NOTHING:
        return None
    if ruled is not None and ruled.creates:
        return "unsorted" if ruled.outcome is LeadOutcome.UNSORTED else "lead"
    if ruled is not None:
        return "contact"
    if facts.form is not None:
        return None if settings.unknown_caller == "nothing" else "unsorted"
    if facts.direction is Direction.OUTBOUND:
        return None if settings.unknown_outbound == "nothing" else "contact"
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
    item = make_item(facts, settings, known_codes(facts, account), account.door.connection.locale)
    answer, left_out = add_item(account, f"leads/unsorted/{category}", item)
    made = embedded(answer, "unsorted")
    card = card_of_incoming(made[0]) if made else None
    if card is None:
        raise OutcomeUnknown("amoCRM answered without the incoming lead's ids.")
    return _result(card, facts, settings, left_out, call_logged=facts.form is None)


def _make_lead(facts: CallFacts, account: Account) -> StepResult:
    settings = settings_for(facts, account)
    card, left_out, merged = add_with_contact(facts, account, settings, stranger(facts))
    if merged:
        return {**kept(card), "skipped": MERGED}
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


# --- Was it made? ---------------------------------------------------------------------------------


def made(step: Step, account: Account) -> LookUp:
    """By our call id among the incoming leads, then by the client's number: before we sent, nobody had it."""
    facts = step.intent.call
    assert facts.client is not None
    settings = settings_for(facts, account)
    known = card_from(step.done.get("find", {}))
    if known is not None:
        return made_for_known(facts, account, known)
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
