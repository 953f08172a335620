"""The table of one PBX and one CRM as the database has it, and what a change of it writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import CrmUser, ListedExtension
from hub.db.directory import DirectoryUser
from hub.db.routing import PbxExtension
from hub.db.tables import Connection, EmployeeRow
from hub.staff.changes import Change
from hub.staff.matching import Kept, Line, lines_of
from hub.staff.systems import Systems

EVERY_PBX = "*"


def roster_of(session: Session, systems: Systems, listed: Sequence[ListedExtension]) -> list[Line]:
    """Every line of the table; without a PBX, what holds for any that will be connected."""
    return lines_of(listed, users_of(session, systems.crm), _kept(session, systems.pbx, systems.crm))


def users_of(session: Session, crm: Connection) -> list[CrmUser]:
    """The CRM's users as they were read last, those who are gone among them as inactive, by name."""
    rows = session.scalars(
        select(DirectoryUser)
        .where(DirectoryUser.connection_id == crm.id)
        .order_by(DirectoryUser.name, DirectoryUser.user_id)
    )
    return [CrmUser(row.user_id, row.name, row.extension, row.active, row.email) for row in rows]


def listed_before(session: Session, pbx: Connection) -> list[ListedExtension]:
    """The employees' extensions as the PBX named them last time; nobody where it never did."""
    rows = session.scalars(
        select(PbxExtension)
        .where(PbxExtension.connection_id == pbx.id, PbxExtension.kind == "user")
        .order_by(PbxExtension.extension)
    )
    return [ListedExtension(row.extension, row.kind, row.name) for row in rows]


def _kept(session: Session, pbx: Connection | None, crm: Connection) -> list[Kept]:
    return [
        Kept(str(one.users[crm.name]), extension, one.name)
        for one in _people(session, crm.workspace_id)
        if (extension := _extension(one, pbx)) and one.users.get(crm.name)
    ]


def _people(session: Session, workspace_id: int) -> Sequence[EmployeeRow]:
    query = select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id).order_by(EmployeeRow.id)
    return session.scalars(query).all()


def _extension(employee: EmployeeRow, pbx: Connection | None) -> str:
    own = employee.extensions.get(pbx.name) if pbx is not None else ""
    return str(own or employee.extensions.get(EVERY_PBX) or "")


# --- Writing ----------------------------------------------------------------------------------------------


def keep(session: Session, systems: Systems, changes: Sequence[Change]) -> None:
    """Write the changes: first what people lose, then what they get. Nobody is made twice."""
    for change in changes:
        for row in _people(session, systems.crm.workspace_id) if change.was else ():
            is_theirs = str(row.users.get(systems.crm.name, "")) == change.user_id
            if is_theirs and _extension(row, systems.pbx) == change.was:
                row.extensions = _without(row.extensions, systems)
    session.flush()
    for change in changes:
        if change.wanted:
            _give(session, systems, change)
            session.flush()


def _give(session: Session, systems: Systems, change: Change) -> None:
    crm, pbx = systems.crm, systems.pbx
    people = _people(session, crm.workspace_id)
    holders = [one for one in people if _extension(one, pbx) == change.wanted]
    row = _whose(people, holders, systems, change.user_id)
    if row is None:
        row = EmployeeRow(workspace_id=crm.workspace_id, name=change.name[:200], extensions={}, users={})
        session.add(row)
    for holder in holders:
        if holder is not row:
            holder.extensions = _without(holder.extensions, systems)
    if _extension(row, pbx) != change.wanted:
        row.extensions = {**row.extensions, pbx.name if pbx is not None else EVERY_PBX: change.wanted}
    row.users = {**row.users, crm.name: change.user_id}


def _whose(
    people: Sequence[EmployeeRow], holders: Sequence[EmployeeRow], systems: Systems, user_id: str
) -> EmployeeRow | None:
    """Whose row it becomes: of who sits there and is known to another CRM, of that user, of who sits there; or none."""
    free = [one for one in holders if not one.users.get(systems.crm.name)]
    mine = [one for one in people if str(one.users.get(systems.crm.name, "")) == user_id]
    at_rest = [one for one in mine if not _extension(one, systems.pbx)]
    return next((row for row in (*(one for one in free if one.users), *at_rest, *free)), None)


def _without(extensions: Mapping[str, object], systems: Systems) -> dict[str, object]:
    """No extension at this PBX; one that held for every PBX goes on to hold for the others."""
    own = systems.pbx.name if systems.pbx is not None else EVERY_PBX
    left = {name: value for name, value in extensions.items() if name not in (own, EVERY_PBX)}
    everywhere = extensions.get(EVERY_PBX)
    return {**dict.fromkeys(systems.other_pbxs, everywhere), **left} if everywhere and systems.pbx else left
