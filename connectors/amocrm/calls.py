"""The call itself: shown while it rings, and kept as a note on the client's card.

A note on a card that we chose is used, not `/calls`: there amoCRM picks the card itself, by ten digits
of the number and by how many leads are open, and says 400 where it finds nobody (amocrm.md §3.1, §3.6).
A note is found again by `params.uniq`, which is the hub's call id.
"""

from __future__ import annotations

from collections.abc import Iterator

from connectors.amocrm.client import Account
from connectors.amocrm.create import make, what_to_make
from connectors.amocrm.envelope import Envelope, embedded, identifier, mapping, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.forgiving import LeftOut, add_item
from connectors.amocrm.party import Card, card_from, card_of_incoming, client_card, find_card, incoming, kept
from connectors.amocrm.reference import settings_for
from connectors.amocrm.translate import call_note, first_link, ringing
from connectors.contract import Absent, Found, Json, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts

_PAGE = 250
_MOST_PAGES = 8
CALL_NOTES = ("call_in", "call_out")


def show(step: Step, account: Account) -> StepResult:
    """Bring up the card of the caller for one employee; amoCRM finds the caller itself. Result: `shown`."""
    account.ring(ringing(step.intent.call, step.intent.about))
    return {"shown": True}


def log(step: Step, account: Account) -> StepResult:
    """Log the call once. Result: `note_entity, note_entity_id, note_id, link`, or `skipped`."""
    facts, created = step.intent.call, step.done.get("create", {})
    if created.get("call_logged"):
        return {"skipped": "the incoming lead has the call on it", **_link(created.get("link"))}
    card = client_card(step.done)
    if card is None:
        return {"skipped": created.get("skipped", "the client is unknown")}
    if created.get("looked_up"):
        already = call_note_of(account, card.target, facts.call_id)
        if already:
            return already
    try:
        return _write(facts, account, card)
    except Refused as refusal:
        if not _is_gone(refusal):
            raise
        return _log_elsewhere(facts, account, card, refusal)


def _write(facts: CallFacts, account: Account, card: Card) -> StepResult:
    entity, entity_id = card.target
    note = call_note(facts, settings_for(facts, account), entity_id)
    answer, left_out = add_item(account, f"{entity}/notes", note)
    notes = embedded(answer, "notes")
    note_id = identifier(notes[0].get("id")) if notes else None
    if note_id is None:
        raise OutcomeUnknown("amoCRM answered without the note's id.")
    return {**_noted((entity, entity_id), note_id, first_link(facts)), **_left(left_out)}


def _log_elsewhere(facts: CallFacts, account: Account, gone: Card, refusal: Refused) -> StepResult:
    """The card was deleted, merged or lost its number meanwhile: look again, and go on as for a stranger if need be."""
    assert facts.client is not None
    card = find_card(facts.client, account)
    if card is not None and card.target != gone.target:
        return {**_write(facts, account, card), **kept(card)}
    if card is not None or what_to_make(facts, account.settings) is None:
        raise refusal
    created = make(facts, account)
    new = card_from(created)
    if created.get("call_logged") or new is None:
        return created
    return {**created, **_write(facts, account, new)}


def _is_gone(refusal: Refused) -> bool:
    return refusal.status == 404 or refusal.about("entity_id")


def _noted(target: tuple[str, str], note_id: str, link: str | None) -> dict[str, Json]:
    return {"note_entity": target[0], "note_entity_id": target[1], "note_id": note_id, **_link(link)}


def _link(link: Json) -> dict[str, Json]:
    return {"link": link} if link else {}


def _left(left_out: LeftOut) -> dict[str, Json]:
    return {"left_out": left_out} if left_out else {}


# --- Notes found again ----------------------------------------------------------------------------


def logged(step: Step, account: Account) -> LookUp:
    """By our call id among the notes of the client's card, as it was chosen and as it would be chosen now."""
    facts = step.intent.call
    assert facts.client is not None
    chosen = client_card(step.done)
    if chosen and (found := call_note_of(account, chosen.target, facts.call_id)):
        return Found(found)
    now = find_card(facts.client, account)
    if now and (not chosen or now.target != chosen.target):
        found = call_note_of(account, now.target, facts.call_id)
        if found:
            return Found({**found, **kept(now)})
    for item in incoming(account):
        card = card_of_incoming(item)
        if card and mapping(item.get("metadata")).get("uniq") == facts.call_id:
            return Found({**kept(card), "call_logged": True})
    return Absent()


def call_note_of(account: Account, target: tuple[str, str], call_id: str) -> StepResult | None:
    """The note of this call on a card, as `log` would have returned it."""
    for row in notes_of(account, target, CALL_NOTES):
        params = mapping(row.get("params"))
        note_id = identifier(row.get("id"))
        if params.get("uniq") == call_id and note_id:
            return _noted(target, note_id, text(params.get("link")) or None)
    return None


def notes_of(account: Account, target: tuple[str, str], kinds: tuple[str, ...]) -> Iterator[Envelope]:
    """Notes of these kinds on a card, the newest first."""
    entity, entity_id = target
    for page in range(1, _MOST_PAGES + 1):
        params = {"filter[note_type][]": list(kinds), "order[id]": "desc", "limit": _PAGE, "page": page}
        document = account.read(f"{entity}/{entity_id}/notes", params)
        yield from embedded(document, "notes")
        if "next" not in mapping(mapping(document).get("_links")):
            return
