"""Notes of entities; a call is a note (amocrm.md §3.6)."""

from __future__ import annotations

from functools import partial
from typing import Any

from .account import SINGULAR, Account, Entity
from .asking import Answer, Asked, Caller, denied, endpoint, request_id_of
from .bodies import note_body
from .brackets import values_of
from .checks import Field, Rules, checked, checked_batch, flaws_of
from .crm import nothing
from .errors import Flaw, not_supported
from .listing import filtered, listed, ordered
from .log import logged

_TYPES = "<any(leads,contacts,companies):kind>"
_RULES: Rules = {
    "entity_id": Field("int"),
    "note_type": Field("text", required=True),
    "params": Field("object", required=True),
    "created_by": Field("user"),
    "responsible_user_id": Field("user"),
    "created_at": Field("moment"),
    "updated_at": Field("moment"),
    "is_need_to_trigger_digital_pipeline": Field("bool"),
}
CALL_PARAMS: Rules = {
    "uniq": Field("text", required=True),
    "duration": Field("int", required=True),
    "source": Field("text", required=True),
    "phone": Field("text", required=True),
    "link": Field("text"),
    "call_result": Field("text"),
    "call_status": Field("int", choices=tuple(range(1, 9))),
    "call_responsible": Field("responder"),
}
_TEXT: Rules = {"text": Field("text", required=True)}
_SERVICE: Rules = {**_TEXT, "service": Field("text", required=True)}
_SMS: Rules = {**_TEXT, "phone": Field("text", required=True)}
PARAMS: dict[str, Rules] = {
    "call_in": CALL_PARAMS,
    "call_out": CALL_PARAMS,
    "common": _TEXT,
    "service_message": _SERVICE,
    "extended_service_message": _SERVICE,
    "sms_in": _SMS,
    "sms_out": _SMS,
}
PARAMS |= {name: {} for name in ("attachment", "geolocation", "site_visit", "message_cashier", "invoice_paid")}
PARAMS |= {name: {} for name in ("targeting_in", "targeting_out", "zoom_meeting", "link_followed", "ai_result")}
CALLS = ("call_in", "call_out")


@endpoint("GET", f"{_TYPES}/notes")
def notes_of_type(account: Account, asked: Asked, kind: str) -> Answer:
    """Notes of all entities of a type."""
    return _listed(account, asked, [one for one in account.notes.values() if one["entity_type"] == kind])


@endpoint("GET", f"{_TYPES}/<int:number>/notes")
def notes_of_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """Notes of one entity; calls on a contact are not among those of its leads."""
    rows = [one for one in account.notes.values() if (one["entity_type"], one["entity_id"]) == (kind, number)]
    return _listed(account, asked, rows)


@endpoint("GET", f"{_TYPES}/notes/<int:note_id>")
def note_of_type(account: Account, _asked: Asked, kind: str, note_id: int) -> Answer:
    """One note."""
    note = account.notes.get(note_id)
    return Answer(rendered_note(account, note)) if note and note["entity_type"] == kind else nothing(account)


@endpoint("GET", f"{_TYPES}/<int:number>/notes/<int:note_id>")
def note_of_entity(account: Account, _asked: Asked, kind: str, number: int, note_id: int) -> Answer:
    """One note of one entity."""
    note = account.notes.get(note_id)
    is_there = note is not None and (note["entity_type"], note["entity_id"]) == (kind, number)
    return Answer(rendered_note(account, note)) if note and is_there else nothing(account)


@endpoint("POST", f"{_TYPES}/notes")
def add_notes(account: Account, asked: Asked, kind: str) -> Answer:
    """Makes notes, each with its `entity_id`."""
    return _added(account, asked, kind, asked.batch())


@endpoint("POST", f"{_TYPES}/<int:number>/notes")
def add_notes_to_entity(account: Account, asked: Asked, kind: str, number: int) -> Answer:
    """Makes notes on one entity."""
    return _added(account, asked, kind, [{**item, "entity_id": number} for item in asked.batch()])


@endpoint("PATCH", f"{_TYPES}/notes")
def change_notes(account: Account, asked: Asked, kind: str) -> Answer:
    """Changes notes by the `id` of each item."""
    items = checked_batch(account, asked.batch(), partial(_flaws_of_changed, account, kind))
    changed = [_changed(account, item) | {"request_id": request_id_of(item, n)} for n, item in enumerate(items)]
    return Answer({"_links": account.href(f"{kind}/notes"), "_embedded": {"notes": changed}})


@endpoint("PATCH", f"{_TYPES}/<int:number>/notes/<int:note_id>")
def change_note(account: Account, asked: Asked, kind: str, number: int, note_id: int) -> Answer:
    """Changes one note."""
    item = {**asked.single(), "id": note_id}
    flaws = _flaws_of_changed(account, kind, item)
    if not flaws and account.notes[note_id]["entity_id"] != number:
        flaws = [not_supported("id")]
    return Answer(_changed(account, checked(account, item, flaws)))


def put_note(account: Account, kind: str, item: Entity, caller: Caller | None, via: str) -> Entity:
    """A new note from a checked item; `via` tells which route made it."""
    now = account.now()
    entity = account.entities[kind][item["entity_id"]]
    note: Entity = {
        "id": account.next_id("notes"),
        "entity_id": item["entity_id"],
        "entity_type": kind,
        "note_type": item["note_type"],
        "params": item["params"],
        "created_by": item.get("created_by", caller.user.id if caller else 0),
        "updated_by": item.get("updated_by", caller.user.id if caller else 0),
        "responsible_user_id": item.get("responsible_user_id") or entity["responsible_user_id"],
        "created_at": item.get("created_at", now),
        "updated_at": item.get("updated_at", now),
        "group_id": 0,
        "account_id": account.id,
        "via": via,
    }
    if note["note_type"] in CALLS:
        watch_call(account, note)
        name = "incoming_call" if note["note_type"] == "call_in" else "outgoing_call"
        logged(account, name, kind, note["entity_id"], [{"note": {"id": note["id"]}}])
    account.notes[note["id"]] = note
    account.happened(f"note_{SINGULAR[kind]}", note_body(account, note))
    return note


def watch_call(account: Account, note: Entity) -> None:
    """Offences of a logged call: the same call twice, and a link that a browser will not play."""
    params = note["params"]
    calls = [one for one in account.notes.values() if one["note_type"] in CALLS]
    if params.get("uniq") and any(one["params"].get("uniq") == params["uniq"] for one in calls):
        account.offence("call_logged_twice", str(params["uniq"]))
    watch_link(account, params.get("link"))


def watch_link(account: Account, link: Any) -> None:
    """Browsers do not play what does not come by https; only this machine is let off."""
    is_fine = not link or str(link).startswith(("https://", "http://127.0.0.1", "http://localhost"))
    if not is_fine:
        account.offence("recording_not_https", str(link)[:60])


def rendered_note(account: Account, note: Entity) -> Entity:
    """A note as it is read."""
    shown = {key: value for key, value in note.items() if key not in ("entity_type", "via")}
    return {**shown, "_links": account.href(f"{note['entity_type']}/{note['entity_id']}/notes/{note['id']}")}


def _listed(account: Account, asked: Asked, rows: list[Entity]) -> Answer:
    names = {"id": "id", "entity_id": "entity_id", "updated_at": "updated_at", "note_type": "note_type"}
    rows = ordered(asked, filtered(asked, rows, names), ("id", "updated_at"))
    return listed(account, asked, "notes", rows, lambda note: rendered_note(account, note))


def _added(account: Account, asked: Asked, kind: str, items: list[Entity]) -> Answer:
    denied(account, asked.caller, kind, "edit")
    checked_batch(account, items, partial(_flaws_of_new, account, kind))
    made = []
    for index, item in enumerate(items):
        note = put_note(account, kind, item, asked.caller, "notes")
        links = account.href(f"{kind}/{note['entity_id']}/notes/{note['id']}")
        shown = {"id": note["id"], "entity_id": note["entity_id"], "request_id": request_id_of(item, index)}
        made.append({**shown, "_links": links})
    return Answer({"_links": account.href(f"{kind}/notes"), "_embedded": {"notes": made}})


def _flaws_of_new(account: Account, kind: str, item: Entity) -> list[Flaw]:
    flaws = flaws_of(account, item, _RULES)
    if account.living_one(kind, item.get("entity_id")) is None:
        flaws.append(not_supported("entity_id"))
    known = PARAMS.get(str(item.get("note_type")))
    if known is None:
        return flaws if "note_type" not in item else [*flaws, not_supported("note_type")]
    params = item.get("params")
    return flaws + (flaws_of(account, params, known, "params.") if isinstance(params, dict) else [])


def _flaws_of_changed(account: Account, kind: str, item: Entity) -> list[Flaw]:
    note = account.notes.get(item["id"]) if isinstance(item.get("id"), int) else None
    if note is None or note["entity_type"] != kind:
        return [not_supported("id")]
    params = item.get("params")
    if params is None:
        return flaws_of(account, item, {"params": Field("object")})
    if note["note_type"] in CALLS and not account.settings.call_notes_editable:
        return [not_supported("params")]
    merged = {**note["params"], **params} if isinstance(params, dict) else {}
    return flaws_of(account, merged, PARAMS[note["note_type"]], "params.")


def _changed(account: Account, item: Entity) -> Entity:
    note = account.notes[item["id"]]
    note["params"] = {**note["params"], **(item.get("params") or {})}
    note["updated_at"] = item.get("updated_at", account.now())
    watch_link(account, note["params"].get("link"))
    links = account.href(f"{note['entity_type']}/{note['entity_id']}/notes/{note['id']}")
    return {"id": note["id"], "entity_id": note["entity_id"], "updated_at": note["updated_at"], "_links": links}


def filter_texts(asked: Asked, name: str) -> list[str]:
    """The texts of one filter, empty when it is not there."""
    wanted = asked.query.get("filter")
    return values_of(wanted.get(name)) if isinstance(wanted, dict) else []
