"""Incoming leads are listed, accepted, declined and counted (amocrm.md §3.4)."""

from __future__ import annotations

from collections import Counter

from .account import Account, Entity
from .asking import Answer, Asked, Caller, endpoint
from .bodies import unsorted_body
from .crm import nothing
from .entities import first_normal_status, tell_change
from .errors import Problem
from .linking import linked
from .listing import filtered, listed, ordered
from .log import logged
from .unsorted import embedded, is_open

_UID = "leads/unsorted/<string:uid>"


@endpoint("GET", "leads/unsorted")
def unsorted(account: Account, asked: Asked) -> Answer:
    """Incoming leads that wait, or 204."""
    rows = [{**row, "id": row["uid"]} for row in account.unsorted.values() if is_open(account, row)]
    rows = filtered(asked, rows, {"uid": "uid", "category": "category", "pipeline_id": "pipeline_id"})
    rows = ordered(asked, rows, ("created_at", "updated_at"), "created_at")
    return listed(account, asked, "unsorted", rows, lambda row: _rendered(account, row))


@endpoint("GET", "leads/unsorted/summary")
def summary(account: Account, asked: Asked) -> Answer:
    """How many came, were accepted and declined."""
    rows = filtered(asked, list(account.unsorted.values()), {"uid": "uid", "created_at": "created_at"})
    rows = filtered(asked, rows, {"pipeline_id": "pipeline_id"})
    states, categories = Counter(row["state"] for row in rows), Counter(row["category"] for row in rows)
    waits = [row["updated_at"] - row["created_at"] for row in rows if row["state"] != "open"]
    body = {
        "total": len(rows),
        "accepted": states["accept"],
        "declined": states["decline"],
        "average_sort_time": sum(waits) // len(waits) if waits else 0,
        "categories": {name: {"total": categories[name]} for name in ("sip", "mail", "forms", "chats")},
    }
    return Answer(body)


@endpoint("GET", _UID)
def one_unsorted(account: Account, _asked: Asked, uid: str) -> Answer:
    """One incoming lead."""
    row = account.unsorted.get(uid)
    return Answer(_rendered(account, row)) if row and is_open(account, row) else nothing(account)


@endpoint("POST", f"{_UID}/accept")
def accept(account: Account, asked: Asked, uid: str) -> Answer:
    """The lead leaves "unsorted" for `status_id`, or for the first normal status."""
    row, given = _waiting(account, uid), asked.body or {}
    statuses = account.pipelines[row["pipeline_id"]]["statuses"]
    status = given.get("status_id") or first_normal_status(statuses)
    if status not in [one["id"] for one in statuses if one["type"] == 0] or not _is_user(account, given):
        raise Problem(400, "Unknown user_id or status_id")
    return Answer(accepted(account, row, asked.caller, int(status), given.get("user_id")))


@endpoint("DELETE", f"{_UID}/decline")
def decline(account: Account, asked: Asked, uid: str) -> Answer:
    """The lead goes, with the contact that came with it."""
    row, given = _waiting(account, uid), asked.body or {}
    if not _is_user(account, given):
        raise Problem(400, "Unknown user_id")
    return Answer(declined(account, row))


@endpoint("POST", f"{_UID}/link")
def link(account: Account, _asked: Asked, uid: str) -> Answer:
    """Only chats and mail can be linked, which this account does not have."""
    raise Problem(400, f"Unsorted of category {_waiting(account, uid)['category']} can not be linked")


def accepted(account: Account, row: Entity, caller: Caller | None, status_id: int, user_id: int | None) -> Entity:
    """Accepts an incoming lead; `caller` None means somebody in the interface. Gives the answer's body."""
    lead = account.entities["leads"][row["lead_id"]]
    old = {name: lead[name] for name in ("responsible_user_id", "status_id", "pipeline_id")}
    lead |= {"status_id": status_id, "updated_at": account.now()}
    lead["responsible_user_id"] = user_id or (caller.user.id if caller else lead["responsible_user_id"])
    for contact in linked(account, "leads", lead["id"], "contacts"):
        if contact["is_unsorted"]:
            before = {"responsible_user_id": contact["responsible_user_id"]}
            contact |= {"is_unsorted": False, "updated_at": account.now()}
            contact["responsible_user_id"] = lead["responsible_user_id"]
            tell_change(account, "contacts", contact, before)
    row |= {"state": "accept", "updated_at": account.now()}
    account.happened("delete_unsorted", unsorted_body(account, row, "accept"))
    tell_change(account, "leads", lead, old)
    return _sorted(account, row)


def declined(account: Account, row: Entity) -> Entity:
    """Declines an incoming lead. Gives the answer's body."""
    shown = _sorted(account, row)
    lead = account.entities["leads"][row["lead_id"]]
    for contact in linked(account, "leads", lead["id"], "contacts"):
        contact["is_deleted"] = contact["is_unsorted"] or contact["is_deleted"]
    lead["is_deleted"] = True
    row |= {"state": "decline", "updated_at": account.now()}
    logged(account, "lead_deleted", "leads", lead["id"])
    account.happened("delete_unsorted", unsorted_body(account, row, "decline"))
    return shown


def _is_user(account: Account, given: Entity) -> bool:
    return not given.get("user_id") or account.active_user(given["user_id"])


def _waiting(account: Account, uid: str) -> Entity:
    row = account.unsorted.get(uid)
    if row is None or not is_open(account, row):
        raise Problem(404, "Unsorted not found")
    return row


def _sorted(account: Account, row: Entity) -> Entity:
    names = ("uid", "pipeline_id", "category", "created_at")
    return {**{name: row[name] for name in names}, "_embedded": embedded(account, row)}


def _rendered(account: Account, row: Entity) -> Entity:
    shown = {key: value for key, value in row.items() if key not in ("id", "lead_id", "state", "updated_at")}
    return {**shown, "_links": account.href(f"leads/unsorted/{row['uid']}"), "_embedded": embedded(account, row)}
