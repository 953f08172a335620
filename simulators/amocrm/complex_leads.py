"""`POST /api/v4/leads/complex`: a lead with its contact and company at once (amocrm.md §3.5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from .account import Account, Entity
from .asking import Answer, Asked, denied, endpoint
from .calls import card_for
from .checks import checked_batch, note_unknown
from .entities import RULES, announce, change, create, flaws_of_entity
from .errors import Flaw, missing, not_supported, wrong_type
from .fields import values_of_code
from .linking import active_leads, linked, put_link
from .sources import flaws_of_source, source_of
from .unsorted import METADATA, flaws_of_embedded, flaws_of_metadata, flaws_of_place, incoming

_MOST_LEADS = 50
_MOST_VALUES = 40


@endpoint("POST", "leads/complex")
def add_complex(account: Account, asked: Asked) -> Answer:
    """Makes leads with new contacts; the answer is a bare array, with `request_id` as an array."""
    denied(account, asked.caller, "leads", "add")
    items = checked_batch(account, asked.batch(_MOST_LEADS, 400), partial(_flaws, account))
    made = []
    for index, item in enumerate(items):
        note_unknown(account, "leads/complex", item, RULES["leads"], ("custom_fields_values",))
        made.append({**_made(account, asked, item), "request_id": [str(item.get("request_id", index))]})
    return Answer({"_embedded": {"leads": made}} if account.settings.complex_envelope else made)


def _made(account: Account, asked: Asked, item: Entity) -> Entity:
    bodies = item.get("_embedded") or {}
    known = _double(account, asked, bodies)
    if known is not None:
        lead, contact = known
        body = {key: value for key, value in item.items() if key != "_embedded"}
        change(account, "leads", lead, body, asked.caller)
        return {"id": lead["id"], "contact_id": contact["id"], "company_id": None, "merged": True}
    metadata = bodies.get("metadata")
    lead = _incoming(account, asked, item, metadata) if metadata else _direct(account, asked, item)
    lead["source_id"] = source_of(account, asked.caller, item)
    contact_ids, company_ids = (
        [one["id"] for one in linked(account, "leads", lead["id"], kind)] for kind in ("contacts", "companies")
    )
    return {
        "id": lead["id"],
        "contact_id": next(iter(contact_ids), None),
        "company_id": next(iter(company_ids), None),
        "merged": False,
    }


def _direct(account: Account, asked: Asked, item: Entity) -> Entity:
    lead = create(account, "leads", item, asked.caller)
    for kind in ("contacts", "companies"):
        for body in (item.get("_embedded") or {}).get(kind, []):
            client = account.living_one(kind, body.get("id"))
            if client is None:
                client = create(account, kind, body, asked.caller)
                announce(account, kind, client)
            put_link(account, ("leads", lead["id"]), (kind, client["id"]), {"is_main": kind == "contacts"})
    announce(account, "leads", lead)
    return lead


def _incoming(account: Account, asked: Asked, item: Entity, metadata: Entity) -> Entity:
    bodies = item.get("_embedded") or {}
    lead = {**item, "_embedded": {"tags": bodies.get("tags") or []}}
    clients = {kind: bodies.get(kind, []) for kind in ("contacts", "companies")}
    name = asked.caller.integration.name
    envelope = {"source_uid": name, "source_name": name, "metadata": metadata, "_embedded": {"leads": [lead]} | clients}
    place = {"pipeline_id": item["pipeline_id"]} if item.get("pipeline_id") else {}
    row = incoming(account, metadata["category"], envelope | place, asked.caller)
    return account.entities["leads"][row["lead_id"]]


def _double(account: Account, asked: Asked, bodies: Entity) -> tuple[Entity, Entity] | None:
    """The active lead and contact that duplicate control merges into; it needs a widget (amocrm.md §3.5)."""
    if not account.settings.duplicate_control or not asked.caller.integration.has_widget:
        return None
    for phone in _phones(account, bodies):
        card = card_for(account, phone)
        if card is None:
            continue
        lead = card[1] if card[0] == "leads" else next(iter(active_leads(account, *_key(card))), None)
        contact = next(iter(linked(account, "leads", lead["id"], "contacts")), None) if lead else None
        if lead and contact:
            return lead, contact
    return None


def _key(card: tuple[str, Entity]) -> tuple[str, int]:
    return card[0], card[1]["id"]


def _phones(account: Account, bodies: Entity) -> list[str]:
    phones: list[str] = []
    for body in bodies.get("contacts", []):
        for field in body.get("custom_fields_values") or []:
            definition = account.fields["contacts"].get(field.get("field_id"), {})
            if "PHONE" in (field.get("field_code"), definition.get("code")):
                phones += [str(value["value"]) for value in field["values"] or []]
        known = account.living_one("contacts", body.get("id"))
        phones += values_of_code(account, "contacts", known, "PHONE") if known else []
    return phones


def _flaws(account: Account, item: Entity) -> list[Flaw]:
    flaws = flaws_of_entity(account, "leads", item)
    bodies = item.get("_embedded")
    if not isinstance(bodies, dict):
        return flaws
    flaws += flaws_of_embedded(account, bodies, ("contacts", "companies")) + flaws_of_source(account, item)
    flaws += _flaws_of_many_values(item, "custom_fields_values")
    for kind in ("contacts", "companies"):
        for index, one in enumerate(bodies.get(kind) or []):
            flaws += _flaws_of_many_values(one, f"_embedded.{kind}.{index}.custom_fields_values")
    return flaws + (_flaws_of_category(account, item, bodies["metadata"]) if "metadata" in bodies else [])


def _flaws_of_category(account: Account, item: Entity, metadata: Any) -> list[Flaw]:
    path = "_embedded.metadata"
    if not isinstance(metadata, dict):
        return [wrong_type(path, "object")]
    if "category" not in metadata:
        return [missing(f"{path}.category")]
    if metadata["category"] not in METADATA:
        return [not_supported(f"{path}.category")]
    plain = {key: value for key, value in metadata.items() if key != "category"}
    flaws = flaws_of_metadata(account, metadata["category"], plain, f"{path}.")
    return flaws + flaws_of_place(account, item.get("pipeline_id"))


def _flaws_of_many_values(body: Any, path: str) -> list[Flaw]:
    values = body.get("custom_fields_values") if isinstance(body, dict) else None
    is_long = isinstance(values, list) and len(values) > _MOST_VALUES
    return [Flaw("TooMany", path, f"At most {_MOST_VALUES} values.")] if is_long else []
