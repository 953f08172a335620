"""Which addresses hear of what (amocrm.md §5.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .account import Account, Entity
from .asking import NO_CONTENT, Answer, Asked, endpoint
from .brackets import values_of
from .checks import checked
from .errors import Flaw, Problem, missing, not_supported, wrong_type

_MOST = 100
_ENTITIES = ("lead", "contact", "company")
_ACTIONS = ("add", "update", "delete", "restore", "responsible", "note")
CODES = {f"{action}_{entity}" for action in _ACTIONS for entity in _ENTITIES} | {"status_lead"}
CODES |= {"add_task", "update_task", "delete_task", "responsible_task"}
CODES |= {f"{action}_customer" for action in ("add", "update", "delete", "responsible", "note")}
CODES |= {"add_talk", "update_talk", "add_message", "add_chat_template_review"}
UNDOCUMENTED = {"add_unsorted", "delete_unsorted"}
"""Codes that no list names, though their payload is known (amocrm.md §5.2): accepted, and sent with leads' codes."""


@endpoint("GET", "webhooks")
def webhooks(account: Account, asked: Asked) -> Answer:
    """What is registered; 401 for all but administrators."""
    _allowed(account, asked, 401)
    rows = list(account.webhooks.values())
    wanted = asked.query.get("filter")
    if isinstance(wanted, Mapping) and "destination" in wanted:
        rows = [row for row in rows if row["destination"] in _destinations(wanted["destination"])]
    return Answer({"_total_items": len(rows), "_embedded": {"webhooks": rows}}) if rows else NO_CONTENT


@endpoint("POST", "webhooks")
def put_webhook(account: Account, asked: Asked) -> Answer:
    """Registers one object; a destination that is there gets the new settings and is enabled."""
    _allowed(account, asked, 401)
    item = asked.single()
    checked(account, item, _flaws(item))
    row = _by_destination(account, item["destination"])
    if row is None and len(account.webhooks) >= _MOST:
        raise Problem(422, f"At most {_MOST} webhooks per account")
    is_new = row is None
    row = row or _made(account, asked, item["destination"])
    settings = list(dict.fromkeys(item["settings"]))
    if account.settings.webhook_repost == "merge":
        settings = list(dict.fromkeys([*row["settings"], *settings]))
    row |= {"settings": settings, "sort": item.get("sort", row["sort"]), "updated_at": account.now(), "disabled": False}
    return Answer(dict(row), 201 if is_new else 200)


@endpoint("DELETE", "webhooks")
def remove_webhook(account: Account, asked: Asked) -> Answer:
    """Removes by address."""
    _allowed(account, asked, 403)
    row = _by_destination(account, str(asked.single().get("destination", "")))
    if row is None:
        raise Problem(404, "Webhook not found")
    del account.webhooks[row["id"]]
    return NO_CONTENT


def _allowed(account: Account, asked: Asked, status: int) -> None:
    if not account.settings.webhook_plan:
        raise Problem(402, "Webhooks are not available on this plan")
    if not asked.caller.user.is_admin:
        raise Problem(status, "Only an administrator may manage webhooks")


def _destinations(wanted: Any) -> list[str]:
    return values_of(wanted) if isinstance(wanted, Mapping) else [str(wanted)]


def _by_destination(account: Account, destination: str) -> Entity | None:
    return next((row for row in account.webhooks.values() if row["destination"] == destination), None)


def _made(account: Account, asked: Asked, destination: str) -> Entity:
    now = account.now()
    row: Entity = {"id": account.next_id("webhooks"), "destination": destination, "created_at": now, "updated_at": now}
    row |= {"account_id": account.id, "created_by": asked.caller.user.id, "sort": 1, "disabled": False, "settings": []}
    account.webhooks[row["id"]] = row
    return row


def _flaws(item: Entity) -> list[Flaw]:
    flaws = []
    for name, kind, type_name in (("destination", str, "string"), ("settings", list, "array")):
        if name not in item:
            flaws.append(missing(name))
        elif not isinstance(item[name], kind) or not item[name]:
            flaws.append(wrong_type(name, type_name))
    if flaws:
        return flaws
    address = urlsplit(item["destination"])
    is_local = address.hostname in ("127.0.0.1", "localhost")
    if not address.hostname or address.scheme not in (("http", "https") if is_local else ("https",)):
        flaws.append(not_supported("destination"))
    unknown = [index for index, code in enumerate(item["settings"]) if code not in CODES | UNDOCUMENTED]
    return flaws + [not_supported(f"settings.{index}") for index in unknown]
