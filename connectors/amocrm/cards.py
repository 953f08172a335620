"""What hangs on the client's card: the source, a task, a note."""

from __future__ import annotations

from connectors.amocrm.calls import notes_of
from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded, identifier, mapping, number, rows, text
from connectors.amocrm.errors import Refused
from connectors.amocrm.forgiving import add_item, change
from connectors.amocrm.party import LEADS, Card, client_card
from connectors.amocrm.reference import lead_field_codes, settings_for
from connectors.amocrm.translate import MARK, common_note, marker, named, note_words, source_tags, source_values, task
from connectors.amocrm.words import say
from connectors.contract import Absent, Found, Json, LookUp, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.party import Source

_NO_CARD = "the call is on no card"


# --- Source ---------------------------------------------------------------------------------------


def set_source(step: Step, account: Account) -> StepResult:
    """Write the source on the lead that this call created, on no other: a known client keeps theirs.

    Result: `updated` or `missing` (the lead was deleted meanwhile) and the `source` as it stands
    there now; or `skipped`.
    """
    source, created = step.intent.call.source, _created_leads(step)
    if source is None:
        return {"skipped": "the source is not known"}
    if not created:
        return {"skipped": "the call created no lead"}
    before = _written_before(step)
    if before == source_values(source):
        return {"skipped": "the lead has this source already", "source": before}
    fields = _source_change(source, before, account)
    return {"source": source_values(source), **_update(account, created[0], fields)}


def _created_leads(step: Step) -> list[str]:
    made = [row for key in ("create", "call") for row in rows(step.done.get(key, {}).get("created"))]
    return [text(row.get("id")) for row in made if row.get("type") == LEADS]


def _written_before(step: Step) -> dict[str, str]:
    for key in ("source", "call", "create"):
        written = mapping(step.done.get(key, {}).get("source"))
        if written:
            return {code: text(value) for code, value in written.items()}
    return {}


def _source_change(source: Source, before: dict[str, str], account: Account) -> dict[str, Json]:
    """The new values, with those that the earlier source had and this one has not emptied."""
    codes = lead_field_codes(account)
    values = {**dict.fromkeys(before, ""), **source_values(source)}
    fields = [{"field_code": code, "values": [{"value": value}]} for code, value in values.items() if code in codes]
    tags, old = source_tags(source), before.get("UTM_SOURCE")
    stale = [old] if old and old not in tags else []
    return {
        "custom_fields_values": fields or None,
        "tags_to_add": named(tags) or None,
        "tags_to_delete": named(stale) or None,
    }


def _update(account: Account, lead_id: str, fields: dict[str, Json]) -> dict[str, Json]:
    try:
        _, left_out = change(account, f"{LEADS}/{lead_id}", fields)
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return {"missing": [lead_id]}
    return {"updated": [lead_id], **({"left_out": left_out} if left_out else {})}


# --- Task -----------------------------------------------------------------------------------------


def add_task(step: Step, account: Account) -> StepResult:
    """A task on the client's card. Result: `task_id`, `already` when an open one of ours was there; or `skipped`."""
    card = client_card(step.done)
    if card is None:
        return {"skipped": _NO_CARD}
    for row in _open_tasks(account, card):
        if MARK in text(row.get("text")):
            return {"task_id": identifier(row.get("id")), "already": True}
    settings = settings_for(step.intent.call, account)
    item = task(step.intent, card.target, _responsible(step, card) or settings.default_user_id, settings)
    answer, left_out = add_item(account, "tasks", item)
    made = embedded(answer, "tasks")
    task_id = identifier(made[0].get("id")) if made else None
    if task_id is None:
        raise OutcomeUnknown("amoCRM answered without the task's id.")
    return {"task_id": task_id, **({"left_out": left_out} if left_out else {})}


def _responsible(step: Step, card: Card) -> str | None:
    """The client's owner; on a card that this call created, and when no owner is known, who had the call."""
    facts = step.intent.call
    if step.intent.user_id:
        return step.intent.user_id
    if step.done.get("create", {}).get("created"):
        return facts.user_id
    return card.owner or facts.user_id


def _open_tasks(account: Account, card: Card) -> list[dict[str, Json]]:
    entity, entity_id = card.target
    params = {
        "filter[is_completed]": 0,
        "filter[entity_type]": entity,
        "filter[entity_id][]": [entity_id],
        "order[created_at]": "desc",
        "limit": 250,
    }
    found = embedded(account.read("tasks", params), "tasks")
    return [dict(row) for row in found if _is_on(row, entity_id) and row.get("is_completed") is not True]


def _is_on(row: object, entity_id: str) -> bool:
    return identifier(mapping(row).get("entity_id")) in {entity_id, None}


def task_added(step: Step, account: Account) -> LookUp:
    """By our marker in the texts of the card's open tasks."""
    card = client_card(step.done)
    if card is None:
        return Absent()
    sought = marker(step.intent)
    for row in _open_tasks(account, card):
        if sought in text(row.get("text")) and (task_id := identifier(row.get("id"))):
            return Found({"task_id": task_id})
    return Absent()


def close_task(step: Step, account: Account) -> StepResult:
    """Complete a task. Result: `closed`, False when it is no longer there, which is as good."""
    words = say("talked", account.door.connection.locale)
    try:
        account.write("PATCH", f"tasks/{number(step.intent.about)}", {"is_completed": True, "result": {"text": words}})
    except Refused as refusal:
        if refusal.status != 404:
            raise
        return {"closed": False}
    return {"closed": True}


# --- Note -----------------------------------------------------------------------------------------


def add_note(step: Step, account: Account) -> StepResult:
    """A note on the client's card. Result: `note_id`, or `skipped`."""
    card = client_card(step.done)
    if card is None:
        return {"skipped": _NO_CARD}
    return {"note_id": write_note(step, account, card.target, note_words(step.intent))}


def write_note(step: Step, account: Account, target: tuple[str, str], words: str) -> str:
    """A plain note; returns its id."""
    entity, entity_id = target
    answer, _ = add_item(account, f"{entity}/notes", common_note(step.intent, words, entity_id))
    notes = embedded(answer, "notes")
    note_id = identifier(notes[0].get("id")) if notes else None
    if note_id is None:
        raise OutcomeUnknown("amoCRM answered without the note's id.")
    return note_id


def note_added(step: Step, account: Account) -> LookUp:
    """By our marker in the card's notes."""
    card = client_card(step.done)
    if card is None:
        return Absent()
    note_id = marked_note(step, account, card.target)
    return Found({"note_id": note_id}) if note_id else Absent()


def marked_note(step: Step, account: Account, target: tuple[str, str]) -> str | None:
    """The plain note that carries this step's marker."""
    sought = marker(step.intent)
    for row in notes_of(account, target, ("common",)):
        if sought in text(mapping(row.get("params")).get("text")):
            return identifier(row.get("id"))
    return None
