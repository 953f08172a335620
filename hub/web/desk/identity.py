"""Which of the firm's employees a user is, and where they sit."""

from __future__ import annotations

import re

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.tables import Connection, EmployeeRow, User
from hub.web.people import Person
from hub.web.queries.calls import Seat

_PORTAL_ACCOUNT = re.compile(r"([^@]+)@([^@]+)\.bitrix24")


def own_employee(session: Session, person: Person) -> EmployeeRow | None:
    """The employee whom the user was said to be, else the only one with the same account or e-mail in a CRM."""
    user = session.get(User, person.id)
    if user is None:
        return None
    if user.employee_id is not None:
        return session.get(EmployeeRow, user.employee_id)
    known = _crm_users(session, person)
    rows = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == person.workspace_id))
    found = [row for row in rows if any((name, str(crm_id)) in known for name, crm_id in row.users.items())]
    return found[0] if len(found) == 1 else None


def _crm_users(session: Session, person: Person) -> set[tuple[str, str]]:
    """(connection name, user id) of whoever the address names in the workspace's CRMs."""
    portal = _PORTAL_ACCOUNT.fullmatch(person.email)
    if portal is not None:
        return {(portal.group(2), portal.group(1))}
    rows = session.execute(
        select(Connection.name, DirectoryUser.user_id)
        .join(Connection, Connection.id == DirectoryUser.connection_id)
        .where(
            Connection.workspace_id == person.workspace_id,
            func.lower(DirectoryUser.email) == person.email.lower(),
            DirectoryUser.active,
        )
    )
    return {(name, user_id) for name, user_id in rows}


def seats_of(employee: EmployeeRow | None) -> tuple[Seat, ...]:
    """Where the employee sits on each PBX; none for nobody."""
    if employee is None:
        return ()
    return tuple(Seat(None if name == "*" else name, str(ext)) for name, ext in employee.extensions.items())
