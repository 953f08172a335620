"""Leads, contacts and companies: checked, made, changed, read (amocrm.md §3.7, §4.3)."""

from __future__ import annotations

from typing import Any

from .account import LOST, SINGULAR, WON, Account, Entity
from .asking import Caller
from .bodies import entity_body
from .checks import Field, Rules, flaws_of
from .errors import Flaw, not_supported
from .fields import flaws_of_fields, rendered_values, stored_values, values_of_code
from .linking import linked, main_contact_id, put_link
from .log import logged
from .phones import phone_key
from .tagging import apply_tags, flaws_of_tags, rendered_tags

_COMMON: Rules = {
    "name": Field("text"),
    "responsible_user_id": Field("user"),
    "created_by": Field("user"),
    "updated_by": Field("user"),
    "created_at": Field("moment"),
    "updated_at": Field("moment"),
    "tags_to_add": Field("list"),
    "tags_to_delete": Field("list"),
    "_embedded": Field("object"),
}
_PERSON = {"first_name": Field("text"), "last_name": Field("text")}
_DEAL: Rules = {
    "price": Field("number"),
    "status_id": Field("int"),
    "pipeline_id": Field("int"),
    "closed_at": Field("moment", nullable=True),
    "loss_reason_id": Field("int", nullable=True),
    "visitor_uid": Field("text", nullable=True),
}
RULES: dict[str, Rules] = {"leads": {**_COMMON, **_DEAL}, "contacts": {**_COMMON, **_PERSON}, "companies": _COMMON}
COMPUTED = ("account_id", "group_id", "is_deleted", "is_unsorted", "closest_task_at", "_links", "score", "labor_cost")
"""Fields that reading gives and writing refuses (amocrm.md §3.7)."""


def flaws_of_entity(account: Account, entity_type: str, item: Entity, prefix: str = "") -> list[Flaw]:
    """What is wrong with a body of a lead, contact or company."""
    flaws = flaws_of(account, item, RULES[entity_type], prefix)
    flaws += [not_supported(f"{prefix}{name}") for name in COMPUTED if name in item]
    path = f"{prefix}custom_fields_values"
    flaws += flaws_of_fields(account, entity_type, item.get("custom_fields_values"), path)
    for name in ("tags_to_add", "tags_to_delete"):
        flaws += flaws_of_tags(account, entity_type, item.get(name) or [], f"{prefix}{name}")
    embedded = item.get("_embedded")
    if isinstance(embedded, dict):
        flaws += flaws_of_tags(account, entity_type, embedded.get("tags"), f"{prefix}_embedded.tags")
    return flaws + (_flaws_of_stage(account, item, prefix) if entity_type == "leads" else [])


def flaws_of_references(account: Account, item: Entity) -> list[Flaw]:
    """What a lead embeds must be there already; only `complex` makes it (amocrm.md §4.3)."""
    embedded = item.get("_embedded") or {}
    return [
        not_supported(f"_embedded.{name}.{index}.id")
        for name in ("contacts", "companies")
        for index, one in enumerate(embedded.get(name) or [])
        if not isinstance(one, dict) or account.living_one(name, one.get("id")) is None
    ]


def create(account: Account, entity_type: str, item: Entity, caller: Caller) -> Entity:
    """A new entity from a checked body."""
    now, user = account.now(), caller.user.id
    entity: Entity = {
        "id": account.next_id(entity_type),
        "name": _name(item),
        "responsible_user_id": item.get("responsible_user_id") or user,
        "group_id": 0,
        "created_by": item.get("created_by", user),
        "updated_by": item.get("updated_by", user),
        "created_at": item.get("created_at", now),
        "updated_at": item.get("updated_at", now),
        "closest_task_at": None,
        "is_deleted": False,
        "values": {},
        "tags": [],
        "account_id": account.id,
    }
    entity |= _deal_of(account, item) if entity_type == "leads" else {}
    if entity_type == "contacts":
        entity |= {"first_name": item.get("first_name", ""), "last_name": item.get("last_name", "")}
        entity["is_unsorted"] = False
    values = stored_values(account, entity_type, item.get("custom_fields_values"))
    entity["values"] = {field_id: rows for field_id, rows in values.items() if rows}
    apply_tags(account, entity_type, entity, item)
    _watch_doubles(account, entity_type, entity)
    account.entities[entity_type][entity["id"]] = entity
    return entity


def announce(account: Account, entity_type: str, entity: Entity) -> None:
    """Tells webhooks and the log that the entity is there."""
    logged(account, f"{SINGULAR[entity_type]}_added", entity_type, entity["id"])
    account.happened(f"add_{SINGULAR[entity_type]}", entity_body(account, entity_type, entity, "add"))


def embed(account: Account, lead: Entity, item: Entity) -> None:
    """Links what a lead's `_embedded` refers to."""
    embedded = item.get("_embedded") or {}
    for name in ("contacts", "companies"):
        for one in embedded.get(name) or []:
            is_main = {"is_main": bool(one.get("is_main", name == "contacts"))}
            put_link(account, ("leads", lead["id"]), (name, one["id"]), is_main)


def change(account: Account, entity_type: str, entity: Entity, item: Entity, caller: Caller) -> None:
    """Applies a checked body; fields that are not named stay, named custom fields are replaced as a whole."""
    old = {"responsible_user_id": entity["responsible_user_id"], "status_id": entity.get("status_id")}
    old["pipeline_id"] = entity.get("pipeline_id")
    phones = values_of_code(account, entity_type, entity, "PHONE")
    plain = (set(RULES[entity_type]) & set(item)) - {"_embedded", "tags_to_add", "tags_to_delete", "created_at"}
    entity |= {name: item[name] for name in plain}
    if entity_type == "leads":
        _settle_stage(account, entity, item)
    if {"first_name", "last_name"} & set(item) and "name" not in item:
        entity["name"] = f"{entity['first_name']} {entity['last_name']}".strip()
    for field_id, rows in stored_values(account, entity_type, item.get("custom_fields_values")).items():
        entity["values"].pop(field_id, None)
        if rows:
            entity["values"][field_id] = rows
    apply_tags(account, entity_type, entity, item)
    entity["updated_at"] = item.get("updated_at", max(account.now(), entity["updated_at"]))
    entity["updated_by"] = item.get("updated_by", caller.user.id)
    if lost := set(phones) - set(values_of_code(account, entity_type, entity, "PHONE")):
        account.offence("phone_lost", f"{entity_type} {entity['id']}: {len(lost)} of {len(phones)} numbers gone")
    tell_change(account, entity_type, entity, old)


def tell_change(account: Account, entity_type: str, entity: Entity, old: Entity) -> None:
    """Webhooks of a change: update, and responsible or status when those changed (amocrm.md §5.3)."""
    one = SINGULAR[entity_type]
    before: Entity = {}
    if old["responsible_user_id"] != entity["responsible_user_id"]:
        before["old_responsible_user_id"] = old["responsible_user_id"]
        action = "responsible" if entity_type == "leads" else "update"
        logged(account, "entity_responsible_changed", entity_type, entity["id"])
        account.happened(f"responsible_{one}", entity_body(account, entity_type, entity, action, before))
    if entity_type == "leads" and old["status_id"] != entity["status_id"]:
        stage = {"old_status_id": old["status_id"], "old_pipeline_id": old["pipeline_id"]}
        account.happened("status_lead", entity_body(account, entity_type, entity, "status", stage))
    account.happened(f"update_{one}", entity_body(account, entity_type, entity, "update", before))


def rendered(account: Account, entity_type: str, entity: Entity, with_: set[str]) -> Entity:
    """An entity as it is read; `with_` adds what is linked."""
    shown = {key: value for key, value in entity.items() if key not in ("values", "tags", "source_id")}
    shown["custom_fields_values"] = rendered_values(account, entity_type, entity["values"])
    entity_id = entity["id"]
    embedded: Entity = {"tags": rendered_tags(account, entity_type, entity)}
    for name in ("companies",) if entity_type != "companies" else ():
        embedded[name] = [_reference(account, name, one) for one in linked(account, entity_type, entity_id, name)]
    for name in ("leads", "contacts"):
        if name in with_ and name != entity_type:
            embedded[name] = [_reference(account, name, one) for one in linked(account, entity_type, entity_id, name)]
    if entity_type == "leads":
        main = main_contact_id(account, entity_id)
        for one in embedded.get("contacts", []):
            one["is_main"] = one["id"] == main
        shown |= {"source_id": entity["source_id"]} if "source_id" in with_ else {}
        if "source" in with_:
            embedded["source"] = account.sources.get(entity["source_id"] or 0)
    return {**shown, "_links": account.href(f"{entity_type}/{entity_id}"), "_embedded": embedded}


def _reference(account: Account, entity_type: str, entity: Entity) -> Entity:
    return {"id": entity["id"], "_links": account.href(f"{entity_type}/{entity['id']}")}


def _name(item: Entity) -> str:
    halves = f"{item.get('first_name') or ''} {item.get('last_name') or ''}".strip()
    return str(item.get("name") or halves)


def _flaws_of_stage(account: Account, item: Entity, prefix: str) -> list[Flaw]:
    pipeline_id, status_id = item.get("pipeline_id"), item.get("status_id")
    if pipeline_id is not None and pipeline_id not in account.pipelines:
        return [not_supported(f"{prefix}pipeline_id")]
    pipelines = [account.pipelines[pipeline_id]] if pipeline_id is not None else list(account.pipelines.values())
    if status_id is not None and not any(status_id == one["id"] for each in pipelines for one in each["statuses"]):
        return [not_supported(f"{prefix}status_id")]
    if item.get("loss_reason_id") is not None and status_id != LOST:
        return [not_supported(f"{prefix}loss_reason_id")]
    return []


def _deal_of(account: Account, item: Entity) -> Entity:
    deal: Entity = {"price": item.get("price", 0), "loss_reason_id": item.get("loss_reason_id"), "source_id": None}
    deal |= {"pipeline_id": item.get("pipeline_id"), "status_id": item.get("status_id"), "closed_at": None}
    _settle_stage(account, deal, item)
    return deal


def _settle_stage(account: Account, deal: Entity, item: Entity) -> None:
    """A status names its pipeline, a pipeline its first normal status; closing sets the time of closing."""
    if item.get("pipeline_id") is None and item.get("status_id") not in (None, WON, LOST):
        deal["pipeline_id"] = next(
            one["id"]
            for one in account.pipelines.values()
            if any(status["id"] == item["status_id"] for status in one["statuses"])
        )
    if deal["pipeline_id"] is None:
        deal["pipeline_id"] = account.main_pipeline()["id"]
    statuses = account.pipelines[deal["pipeline_id"]]["statuses"]
    if deal["status_id"] not in [status["id"] for status in statuses]:
        deal["status_id"] = first_normal_status(statuses)
    is_closed = deal["status_id"] in (WON, LOST)
    deal["closed_at"] = (item.get("closed_at") or deal["closed_at"] or account.now()) if is_closed else None


def first_normal_status(statuses: list[Entity]) -> int:
    """Where a lead starts that does not come from "unsorted"."""
    return int(next(one["id"] for one in statuses if one["type"] == 0))


def _watch_doubles(account: Account, entity_type: str, entity: Entity) -> None:
    if entity_type != "contacts":
        return
    keys = {phone_key(phone) for phone in values_of_code(account, entity_type, entity, "PHONE")} - {""}
    for other in account.living("contacts"):
        same = keys & {phone_key(phone) for phone in values_of_code(account, "contacts", other, "PHONE")}
        if same:
            account.offence("contact_doubled", f"…{min(same)[-4:]}: contact {other['id']} and {entity['id']}")


def is_unsorted_status(account: Account, lead: Entity) -> bool:
    """Whether the lead still waits among the incoming ones."""
    statuses: list[Any] = account.pipelines[lead["pipeline_id"]]["statuses"]
    return any(one["id"] == lead["status_id"] and one["type"] == 1 for one in statuses)
