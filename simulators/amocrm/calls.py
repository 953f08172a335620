"""`POST /api/v4/calls`: the account finds the card by the number (amocrm.md §3.1)."""

from __future__ import annotations

from functools import partial
from typing import Any

from .account import SINGULAR, Account, Entity
from .asking import Answer, Asked, Caller, denied, endpoint, request_id_of
from .checks import Field, Rules, checked_batch, flaws_of, note_unknown
from .errors import Flaw
from .fields import values_of_code
from .linking import active_leads
from .notes import put_note
from .phones import phone_key

_RULES: Rules = {
    "direction": Field("text", required=True, choices=("inbound", "outbound")),
    "duration": Field("int", required=True),
    "source": Field("text", required=True),
    "phone": Field("text", required=True),
    "uniq": Field("text"),
    "link": Field("text"),
    "call_result": Field("text"),
    "call_status": Field("int", choices=tuple(range(1, 9))),
    "call_responsible": Field("responder", nullable=True),
    "responsible_user_id": Field("user"),
    "created_by": Field("user"),
    "updated_by": Field("user"),
    "created_at": Field("moment"),
    "updated_at": Field("moment"),
}
_PARAMS = ("uniq", "duration", "source", "link", "phone", "call_result", "call_status", "call_responsible")
_NOT_FOUND = {"title": "Entity not found", "status": 404, "detail": "Entity not found"}


@endpoint("POST", "calls")
def add_calls(account: Account, asked: Asked) -> Answer:
    """Attaches finished calls; those whose number is unknown are listed in `errors`, 400 when that is all of them."""
    items = checked_batch(account, asked.batch(), partial(_flaws, account))
    added, errors = [], []
    for index, item in enumerate(items):
        note_unknown(account, "calls", item, _RULES)
        card = card_for(account, item["phone"])
        request_id = request_id_of(item, index)
        if card is None:
            errors.append({**_NOT_FOUND, "request_id": request_id})
        else:
            added.append({**_attached(account, asked.caller, item, *card), "request_id": request_id})
    body = {"_total_items": len(added), "errors": errors, "_embedded": {"calls": added}}
    return Answer(body, 200 if added else 400)


def card_for(account: Account, phone: str) -> tuple[str, Entity] | None:
    """The card that a call of this number goes to: the one active lead, else the contact or company, else None."""
    for entity_type in ("contacts", "companies"):
        client = _client(account, entity_type, phone)
        if client is not None:
            leads = active_leads(account, entity_type, client["id"])
            return ("leads", leads[0]) if len(leads) == 1 else (entity_type, client)
    return None


def _client(account: Account, entity_type: str, phone: str) -> Entity | None:
    key = phone_key(phone)
    found = [
        one
        for one in account.living(entity_type)
        if key in {phone_key(each) for each in values_of_code(account, entity_type, one, "PHONE")}
        and (account.settings.calls_match_unsorted or not one.get("is_unsorted"))
    ]
    if account.settings.which_contact == "last":
        found.sort(key=lambda one: one["updated_at"])
        return found[-1] if found and key else None
    return found[0] if found and key else None


def _attached(account: Account, caller: Caller, item: Entity, entity_type: str, entity: Entity) -> dict[str, Any]:
    denied(account, caller, entity_type, "view")
    note_type = "call_in" if item["direction"] == "inbound" else "call_out"
    params = {name: item[name] for name in _PARAMS if name in item}
    written = {"created_by": 0, **item, "entity_id": entity["id"], "note_type": note_type, "params": params}
    note = put_note(account, entity_type, written, caller, "calls")
    if "created_by" not in item and item.get("call_responsible") is None:
        account.offence("call_by_robot", str(item.get("uniq", "")))
    links = account.href(f"{entity_type}/{entity['id']}")
    return {
        "id": note["id"],
        "entity_id": entity["id"],
        "entity_type": SINGULAR[entity_type],
        "account_id": account.id,
        "_embedded": {"entity": {"id": entity["id"], "_links": links}},
    }


def _flaws(account: Account, item: Entity) -> list[Flaw]:
    return flaws_of(account, item, _RULES)
