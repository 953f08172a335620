"""Which employee an extension is, as one CRM knows them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.tables import Connection, EmployeeRow
from hub.domain.party import Employee


def employees_for(session: Session, pbx: Connection, crm: Connection) -> Mapping[str, Employee]:
    """Extension to employee. What the operator wrote wins over what the CRM's directory says: of an extension and,
    as an extension that somebody has left must not stay theirs, of a person.
    """
    written = [
        (row, str(extension))
        for row in session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == pbx.workspace_id))
        if (extension := row.extensions.get(pbx.name) or row.extensions.get("*"))
    ]
    settled = {str(row.users[crm.name]) for row, _ in written if row.users.get(crm.name)}
    found: dict[str, Employee] = {}
    listed = session.scalars(
        select(DirectoryUser).where(DirectoryUser.connection_id == crm.id, DirectoryUser.active.is_(True))
    )
    for user in listed:
        if user.extension and user.user_id not in settled:
            found.setdefault(user.extension, Employee(user.name, user.extension, user.user_id))
    for row, extension in written:
        known = found.get(extension)
        user_id = row.users.get(crm.name) or (known.user_id if known else None)
        found[extension] = Employee(row.name, extension, str(user_id) if user_id else None)
    return found


def default_user_id(session: Session, crm: Connection) -> str | None:
    """Who gets what nobody was rung for: the connection's setting, else the first employee this CRM knows."""
    chosen = crm.settings.get("default_user_id")
    if chosen:
        return str(chosen)
    rows = session.scalars(
        select(EmployeeRow).where(EmployeeRow.workspace_id == crm.workspace_id).order_by(EmployeeRow.id)
    )
    return next((str(row.users[crm.name]) for row in rows if row.users.get(crm.name)), None)
