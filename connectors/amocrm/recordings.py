"""A recording's link on the call's note. amoCRM keeps the link, not the file (amocrm.md §3.12).

As a rule there is nothing to do: the link was known when the call was logged. It is written later
only where the PBX spoke of the recording later. Whether amoCRM takes a change of a call note is not
certain (§3.6); where it refuses, the link comes as a plain note on the same card.
"""

from __future__ import annotations

from connectors.amocrm.calls import call_note_of, notes_of
from connectors.amocrm.cards import marked_note, write_note
from connectors.amocrm.client import Account
from connectors.amocrm.envelope import mapping, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.party import Card, client_card
from connectors.amocrm.reference import settings_for
from connectors.amocrm.translate import call_params, first_link, note_type
from connectors.amocrm.words import say
from connectors.contract import Absent, Found, LookUp, Step, StepResult

_HAS_IT = "the call has this link already"


def attach(step: Step, account: Account) -> StepResult:
    """Bring the link to the call. Result: `note_id`, `changed` or not; or `skipped`."""
    card, link = client_card(step.done), step.intent.link
    if card is None or not link:
        return {"skipped": "the call is on no card" if card is None else "the recording has no address"}
    if link in _links_sent(step):
        return {"skipped": _HAS_IT}
    if first_link(step.intent.call) in {link, None}:
        note = _call_note(step, account, card)
        if note and note.get("link") == link:
            return {"skipped": _HAS_IT}
        if note and not note.get("link") and _changed(step, account, note):
            return {"note_id": note["note_id"], "changed": True}
    words = say("recording", account.door.connection.locale, link=link)
    return {"note_id": write_note(step, account, card.target, words), "changed": False}


def _links_sent(step: Step) -> set[str]:
    return {text(step.done.get(key, {}).get("link")) for key in ("call", "create")}


def _call_note(step: Step, account: Account, card: Card) -> StepResult | None:
    """The call's note: as the step kept it, else found on the lead or the person of an incoming lead."""
    kept = step.done.get("call", {})
    if kept.get("note_id"):
        return kept
    for target in dict.fromkeys((card.target, (card.entity, card.id))):
        found = call_note_of(account, target, step.intent.call.call_id)
        if found:
            return found
    return None


def _changed(step: Step, account: Account, note: StepResult) -> bool:
    """Write the link into the call's note; False when amoCRM refuses to change it."""
    facts = step.intent.call
    params = call_params(facts, settings_for(facts, account), step.intent.link)
    path = f"{note['note_entity']}/{note['note_entity_id']}/notes/{note['note_id']}"
    try:
        account.write("PATCH", path, {"note_type": note_type(facts), "params": params})
    except Refused:
        return False
    return True


def attached(step: Step, account: Account) -> LookUp:
    """By the link in the call's note, or by our marker in a plain one."""
    card = client_card(step.done)
    if card is None:
        return Absent()
    for target in dict.fromkeys((card.target, (card.entity, card.id))):
        for row in notes_of(account, target, ("call_in", "call_out")):
            if mapping(row.get("params")).get("link") == step.intent.link:
                return Found({"note_id": text(row.get("id")), "changed": True})
    note_id = marked_note(step, account, card.target)
    return Found({"note_id": note_id, "changed": False}) if note_id else Absent()
