"""Whose extension is which, as an administrator enters it in the widget (amocrm.md §3.13)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.tables import Connection, EmployeeRow
from hub.delivery.people import employees_for
from hub.web.amocrm.store import note

_EVERY_PBX = "*"


def extensions_of(session: Session, row: Connection) -> list[dict[str, str]]:
    """The account's active users by name, each with an extension or ""."""
    known = _employees(session, row)
    found = []
    for user in session.scalars(
        select(DirectoryUser)
        .where(DirectoryUser.connection_id == row.id, DirectoryUser.active.is_(True))
        .order_by(DirectoryUser.name, DirectoryUser.user_id)
    ):
        employee = known.get(user.user_id)
        extension = _extension(employee) if employee else user.extension
        found.append({"user_id": user.user_id, "name": user.name, "extension": extension or ""})
    return found


def keep_extensions(session: Session, row: Connection, given: Mapping[str, str]) -> None:
    """Write who has which. A person whom the hub knows by that extension becomes that user; nobody is made twice."""
    names = {
        user.user_id: user.name
        for user in session.scalars(select(DirectoryUser).where(DirectoryUser.connection_id == row.id))
    }
    for user_id, extension in given.items():
        known = _employees(session, row)
        if user_id in names and _extension(known.get(user_id)) != extension:
            _keep(session, row, known.get(user_id), user_id, extension, names[user_id])
    note(session, row, "amocrm_extensions_changed")


def _keep(
    session: Session, row: Connection, employee: EmployeeRow | None, user_id: str, extension: str, name: str
) -> None:
    holder = _holder(session, row, extension)
    if employee is None and holder is not None:
        holder.users = {**holder.users, row.name: user_id}
    elif employee is None:
        extensions = {_EVERY_PBX: extension} if extension else {}
        session.add(
            EmployeeRow(workspace_id=row.workspace_id, name=name, extensions=extensions, users={row.name: user_id})
        )
    else:
        employee.extensions = {_EVERY_PBX: extension} if extension else {}
    session.flush()


def _holder(session: Session, row: Connection, extension: str) -> EmployeeRow | None:
    """Who has the extension already and is nobody in this account yet."""
    if not extension:
        return None
    everybody = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == row.workspace_id))
    free = [one for one in everybody if row.name not in one.users]
    return next((one for one in free if extension in map(str, one.extensions.values())), None)


def _employees(session: Session, row: Connection) -> dict[str, EmployeeRow]:
    rows = session.scalars(
        select(EmployeeRow).where(EmployeeRow.workspace_id == row.workspace_id).order_by(EmployeeRow.id.desc())
    )
    return {str(one.users[row.name]): one for one in rows if one.users.get(row.name)}


def _extension(employee: EmployeeRow | None) -> str:
    if employee is None:
        return ""
    return str(employee.extensions.get(_EVERY_PBX) or next(iter(employee.extensions.values()), ""))


def telephones_of(session: Session, row: Connection, user_id: str) -> dict[int, str]:
    """By PBX connection: the extension at which this user is rung."""
    pbxs = session.scalars(
        select(Connection).where(Connection.workspace_id == row.workspace_id, Connection.vendor != row.vendor)
    )
    found: dict[int, str] = {}
    for pbx in pbxs:
        for extension, employee in sorted(employees_for(session, pbx, row).items()):
            if employee.user_id == user_id:
                found.setdefault(pbx.id, extension)
    return found
