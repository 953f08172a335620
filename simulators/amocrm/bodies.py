"""What webhooks post, before it becomes a form (amocrm.md §5.3)."""

from __future__ import annotations

import datetime as dt
from typing import Any

from .account import SINGULAR, Account, Entity
from .fields import rendered_values

_ELEMENT_TYPES = {"contacts": 1, "leads": 2, "companies": 3}
_NOTE_TYPES = {"common": 4, "call_in": 10, "call_out": 11, "service_message": 25}
_ZONE = dt.timezone(dt.timedelta(hours=3))


def entity_body(
    account: Account, entity_type: str, entity: Entity, action: str, old: Entity | None = None
) -> dict[str, Any]:
    """An added or changed entity; companies come under `contacts` with their type."""
    shown: Entity = {
        "id": entity["id"],
        "name": entity["name"],
        "responsible_user_id": entity["responsible_user_id"],
        "date_create": entity["created_at"],
        "last_modified": entity["updated_at"],
        "created_user_id": entity["created_by"],
        "modified_user_id": entity["updated_by"],
        "created_at": entity["created_at"],
        "updated_at": entity["updated_at"],
        "account_id": account.id,
        **(old or {}),
    }
    if entity_type == "leads":
        shown |= {name: entity[name] for name in ("status_id", "pipeline_id", "price", "loss_reason_id")}
    else:
        shown["type"] = SINGULAR[entity_type]
    if fields := _fields(account, entity_type, entity):
        shown["custom_fields"] = fields
    if entity["tags"]:
        tags = [account.tags[entity_type][tag] for tag in entity["tags"]]
        shown["tags"] = [{"id": tag["id"], "name": tag["name"]} for tag in tags]
    return {_top(entity_type): {action: [shown]}}


def deleted_body(entity_type: str, entity: Entity) -> dict[str, Any]:
    """A deleted entity: its id, with the stage of a lead or the type of the others."""
    if entity_type == "leads":
        shown = {name: entity[name] for name in ("id", "status_id", "pipeline_id")}
    else:
        shown = {"id": entity["id"], "type": SINGULAR[entity_type]}
    return {_top(entity_type): {"delete": [shown]}}


def note_body(account: Account, note: Entity) -> dict[str, Any]:
    """A note that was added to an entity."""
    shown = {
        "id": note["id"],
        "created_by": note["created_by"],
        "note_type": _NOTE_TYPES.get(note["note_type"], 4),
        "text": note["params"].get("text", ""),
        "element_id": note["entity_id"],
        "element_type": _ELEMENT_TYPES[note["entity_type"]],
        "date_create": _local(note["created_at"]),
        "account_id": account.id,
    }
    return {_top(note["entity_type"]): {"note": [{"note": shown}]}}


def task_body(account: Account, task: Entity, action: str) -> dict[str, Any]:
    """A task; its times are in the account's zone (amocrm.md §5.3)."""
    shown = {
        "id": task["id"],
        "element_id": task["entity_id"] or 0,
        "element_type": _ELEMENT_TYPES.get(task["entity_type"] or "", 0),
        "task_type": task["task_type_id"],
        "text": task["text"],
        "status": int(task["is_completed"]),
        "responsible_user_id": task["responsible_user_id"],
        "complete_till": _local(task["complete_till"]),
        "date_create": _local(task["created_at"]),
        "last_modified": _local(task["updated_at"]),
        "account_id": account.id,
    }
    return {"task": {action: [shown]}}


def unsorted_body(account: Account, row: Entity, action: str) -> dict[str, Any]:
    """An incoming lead that came, or was accepted or declined, which are both told as deleted."""
    shown: Entity = {"uid": row["uid"], "category": row["category"], "created_at": row["created_at"]}
    shown |= {"pipeline_id": row["pipeline_id"], "source_uid": row["source_uid"], "account_id": account.id}
    if action == "add":
        shown |= {"lead_id": row["lead_id"], "source_data": row["metadata"]}
        return {"unsorted": {"add": [shown]}}
    return {"unsorted": {"delete": [{**shown, "action": action, f"{action}_result": {"leads": [row["lead_id"]]}}]}}


def _top(entity_type: str) -> str:
    return "leads" if entity_type == "leads" else "contacts"


def _fields(account: Account, entity_type: str, entity: Entity) -> list[Entity]:
    return [
        {
            "id": one["field_id"],
            "name": one["field_name"],
            **({"code": one["field_code"]} if one["field_code"] else {}),
            "values": [_value(value) for value in one["values"]],
        }
        for one in rendered_values(account, entity_type, entity["values"]) or []
    ]


def _value(value: Entity) -> Entity:
    enum = {"enum": value["enum_id"]} if value.get("enum_id") else {}
    return {"value": value["value"], **enum}


def _local(moment: int) -> str:
    return dt.datetime.fromtimestamp(moment, _ZONE).strftime("%Y-%m-%d %H:%M:%S")
