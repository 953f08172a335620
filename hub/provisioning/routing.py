"""Who gets a caller: groups, the black list and the settings of routing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.routing import Block, PersonHours, RoutingGroup
from hub.db.tables import EmployeeRow, Provisioned, Workspace
from hub.domain.phone import mask_phone
from hub.provisioning.errors import Mistake, WrongDocument
from hub.provisioning.work import Work, assign, keep, kept, once_each

Item = Mapping[str, Any]
_EVERYWHERE = "*"
_BY_FILE = "cli"


def apply_groups(work: Work, items: Sequence[Item]) -> None:
    """Make the groups those of the file: the file is the whole truth about them."""
    once_each(((("group", n, "name"), item["name"]) for n, item in enumerate(items)), "{value} stands here twice.")
    query = select(RoutingGroup).where(RoutingGroup.workspace_id == work.workspace.id)
    rows = {row.name: row for row in work.session.scalars(query)}
    for item in items:
        values = {"extensions": _extensions(item), "hours": dict(item.get("hours", {})), "weight": item["weight"]}
        row = rows.pop(item["name"], None)
        if row is None:
            work.session.add(RoutingGroup(workspace_id=work.workspace.id, name=item["name"], **values))
            work.added(f"group {item['name']}")
        else:
            work.changed(f"group {row.name}", assign(row, values))
    for row in rows.values():
        work.session.delete(row)
        work.removed(f"group {row.name}")


def _extensions(item: Item) -> dict[str, str]:
    return dict(item["extensions"]) if "extensions" in item else {_EVERYWHERE: item["extension"]}


def apply_blocks(work: Work, items: Sequence[Item]) -> None:
    """Make the black list's numbers that stand for ever those of the file."""
    query = select(Block).where(Block.workspace_id == work.workspace.id, Block.kind == "number", Block.until.is_(None))
    rows = {row.value: row for row in work.session.scalars(query)}
    wanted = {}
    for number, item in enumerate(items):
        phone = work.number(item["phone"], ("block", number, "phone"))
        if phone in wanted:
            raise WrongDocument(Mistake(("block", number, "phone"), "stands here twice."))
        wanted[phone] = item.get("reason", "")
    for phone, reason in wanted.items():
        row = rows.pop(phone, None)
        if row is not None:
            work.changed(f"block {mask_phone(phone)}", assign(row, {"reason": reason}))
            continue
        place = {"workspace_id": work.workspace.id, "kind": "number", "value": phone}
        work.session.add(Block(**place, reason=reason, made_by=_BY_FILE, made_at=work.now))
        work.added(f"block {mask_phone(phone)}")
    for row in rows.values():
        work.session.delete(row)
        work.removed(f"block {mask_phone(row.value)}")


def apply_routing(work: Work, item: Item) -> None:
    """Where everybody else goes, and for which reasons a PBX that does not ask is told."""
    document = {name: value for name, value in item.items() if value is not None}
    known = kept(work, "routing").get("settings")
    if known is None or known.document != document:
        keep(work, "routing", "settings", document)
        work.changed("routing", sorted(document))


def put_own_hours(work: Work, row: EmployeeRow, item: Item) -> None:
    """An employee's own hours; a file that does not name any leaves them as they are."""
    if "hours" not in item:
        return
    work.session.flush()
    hours, own = dict(item["hours"]), work.session.get(PersonHours, row.id)
    if own is None:
        work.session.add(PersonHours(employee_id=row.id, hours=hours))
        work.changed(f"employee {row.name}", ["hours"])
    elif assign(own, {"hours": hours}):
        work.changed(f"employee {row.name}", ["hours"])


# --- Out again -------------------------------------------------------------------------------------


def exported(session: Session, workspace: Workspace) -> dict[str, Any]:
    """The sections above as a file has them; what is empty is left out by whoever writes it."""
    groups = session.scalars(
        select(RoutingGroup).where(RoutingGroup.workspace_id == workspace.id).order_by(RoutingGroup.id)
    )
    blocks = session.scalars(
        select(Block)
        .where(Block.workspace_id == workspace.id, Block.kind == "number", Block.until.is_(None))
        .order_by(Block.id)
    )
    settings = session.scalar(
        select(Provisioned.document).where(
            Provisioned.workspace_id == workspace.id, Provisioned.section == "routing", Provisioned.key == "settings"
        )
    )
    document: dict[str, Any] = {
        "group": [_group(row) for row in groups],
        "block": [{"phone": row.value, **({"reason": row.reason} if row.reason else {})} for row in blocks],
    }
    return {**document, **({"routing": settings} if settings else {})}


def own_hours(session: Session, row: EmployeeRow) -> dict[str, Any]:
    own = session.get(PersonHours, row.id)
    return {"hours": own.hours} if own is not None else {}


def _group(row: RoutingGroup) -> dict[str, Any]:
    everywhere = row.extensions.get(_EVERYWHERE)
    where = {"extension": everywhere} if everywhere and len(row.extensions) == 1 else {"extensions": row.extensions}
    hours = {"hours": row.hours} if row.hours else {}
    return {"name": row.name, **where, "weight": row.weight, **hours}
