"""Tasks (amocrm.md §3.9)."""

from __future__ import annotations

from functools import partial

from .account import Account, Entity
from .asking import Answer, Asked, denied, endpoint, request_id_of
from .bodies import task_body
from .checks import Field, Rules, checked, checked_batch, flaws_of, note_unknown
from .crm import nothing
from .errors import Flaw, missing, not_supported
from .listing import filtered, listed, ordered

TASK_TYPES = {1: "Связаться", 2: "Встреча"}
_KINDS = ("leads", "contacts", "companies")
_CHANGED: Rules = {
    "text": Field("text"),
    "complete_till": Field("moment"),
    "task_type_id": Field("int", choices=tuple(TASK_TYPES)),
    "entity_id": Field("int", nullable=True),
    "entity_type": Field("text", nullable=True, choices=_KINDS),
    "responsible_user_id": Field("user"),
    "duration": Field("int"),
    "created_by": Field("user"),
    "updated_by": Field("user"),
    "created_at": Field("moment"),
    "updated_at": Field("moment"),
    "is_completed": Field("bool"),
    "result": Field("object"),
}
_RULES: Rules = {
    **_CHANGED,
    "text": Field("text", required=True),
    "complete_till": Field("moment", required=True),
}
_FILTERS = {
    "id": "id",
    "is_completed": "is_completed",
    "entity_type": "entity_type",
    "entity_id": "entity_id",
    "task_type": "task_type_id",
    "task_type_id": "task_type_id",
    "responsible_user_id": "responsible_user_id",
    "updated_at": "updated_at",
}


@endpoint("GET", "tasks")
def tasks(account: Account, asked: Asked) -> Answer:
    """A page of tasks, or 204."""
    rows = filtered(asked, list(account.tasks.values()), _FILTERS)
    rows = ordered(asked, rows, ("id", "created_at", "complete_till"))
    return listed(account, asked, "tasks", rows, lambda row: _rendered(account, row))


@endpoint("GET", "tasks/<int:number>")
def task(account: Account, _asked: Asked, number: int) -> Answer:
    """One task."""
    row = account.tasks.get(number)
    return Answer(_rendered(account, row)) if row else nothing(account)


@endpoint("POST", "tasks")
def add_tasks(account: Account, asked: Asked) -> Answer:
    """Makes tasks."""
    denied(account, asked.caller, "tasks", "add")
    items = checked_batch(account, asked.batch(), partial(_flaws, account))
    made = []
    for index, item in enumerate(items):
        note_unknown(account, "tasks", item, _RULES)
        row = _made(account, asked, item)
        made.append({**_short(account, row), "request_id": request_id_of(item, index)})
    return Answer({"_links": account.href("tasks"), "_embedded": {"tasks": made}})


@endpoint("PATCH", "tasks")
def change_tasks(account: Account, asked: Asked) -> Answer:
    """Changes tasks by the `id` of each item."""
    items = checked_batch(account, asked.batch(), partial(_flaws_of_changed, account))
    for item in items:
        _apply(account, account.tasks[item["id"]], item)
    rows = [
        _short(account, account.tasks[item["id"]]) | {"request_id": request_id_of(item, n)}
        for n, item in enumerate(items)
    ]
    return Answer({"_links": account.href("tasks"), "_embedded": {"tasks": rows}})


@endpoint("PATCH", "tasks/<int:number>")
def change_task(account: Account, asked: Asked, number: int) -> Answer:
    """Changes one task; completing it may leave a `result`."""
    row = account.tasks.get(number)
    if row is None:
        return nothing(account)
    item = {**asked.single(), "id": number}
    _apply(account, row, checked(account, item, _flaws_of_changed(account, item)))
    return Answer(_short(account, row))


def _made(account: Account, asked: Asked, item: Entity) -> Entity:
    now, user = account.now(), asked.caller.user.id
    row: Entity = {
        "id": account.next_id("tasks"),
        "text": item["text"],
        "complete_till": item["complete_till"],
        "task_type_id": item.get("task_type_id", 1),
        "entity_id": item.get("entity_id"),
        "entity_type": item.get("entity_type"),
        "responsible_user_id": item.get("responsible_user_id") or user,
        "duration": item.get("duration", 0),
        "created_by": item.get("created_by", user),
        "updated_by": item.get("updated_by", user),
        "created_at": item.get("created_at", now),
        "updated_at": item.get("updated_at", now),
        "is_completed": item.get("is_completed", False),
        "result": item.get("result", []),
        "group_id": 0,
        "account_id": account.id,
    }
    _watch_doubles(account, row)
    account.tasks[row["id"]] = row
    account.happened("add_task", task_body(account, row, "add"))
    return row


def _apply(account: Account, row: Entity, item: Entity) -> None:
    before = row["responsible_user_id"]
    row |= {name: item[name] for name in _CHANGED if name in item}
    row["updated_at"] = item.get("updated_at", account.now())
    if before != row["responsible_user_id"]:
        account.happened("responsible_task", task_body(account, row, "responsible"))
    account.happened("update_task", task_body(account, row, "update"))


def _flaws(account: Account, item: Entity) -> list[Flaw]:
    return flaws_of(account, item, _RULES) + _flaws_of_card(account, item)


def _flaws_of_changed(account: Account, item: Entity) -> list[Flaw]:
    known = [] if item.get("id") in account.tasks else [not_supported("id")]
    return known + flaws_of(account, item, _CHANGED) + _flaws_of_card(account, item)


def _flaws_of_card(account: Account, item: Entity) -> list[Flaw]:
    entity_type, entity_id = item.get("entity_type"), item.get("entity_id")
    if entity_type is None and entity_id is None:
        return []
    if entity_type is None or entity_id is None:
        return [missing("entity_type" if entity_type is None else "entity_id")]
    is_known = entity_type in _KINDS and account.living_one(entity_type, entity_id) is not None
    return [] if is_known else [not_supported("entity_id")]


def _watch_doubles(account: Account, row: Entity) -> None:
    card = (row["entity_type"], row["entity_id"])
    for other in account.tasks.values():
        same = (other["entity_type"], other["entity_id"]) == card and other["task_type_id"] == row["task_type_id"]
        if row["entity_id"] and same and not other["is_completed"]:
            account.offence("task_doubled", f"{card[0]} {card[1]}: tasks {other['id']} and {row['id']}")


def _short(account: Account, row: Entity) -> Entity:
    return {"id": row["id"], "updated_at": row["updated_at"], "_links": account.href(f"tasks/{row['id']}")}


def _rendered(account: Account, row: Entity) -> Entity:
    return {**row, "_links": account.href(f"tasks/{row['id']}")}
