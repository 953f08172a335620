"""What the application's page shows of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.tables import Connection, ConnectionToken, EmployeeRow, Workspace
from hub.web.services import web

_MOST_EMPLOYEES = 200


@dataclass(frozen=True, slots=True)
class Colleague:
    name: str
    extension: str


@dataclass(frozen=True, slots=True)
class Overview:
    """`state` is active, paused, needs_reconnect or waiting; `telephony` are the names of the PBX connections."""

    state: str
    reason: str
    mend: str
    domain: str
    last_event_at: datetime | None
    last_success_at: datetime | None
    telephony: tuple[str, ...]
    colleagues: tuple[Colleague, ...]
    without_extension: int
    installed_by: str
    owns_workspace: bool
    zone: ZoneInfo


def overview_of(session: Session, connection_id: int) -> Overview:
    connection = session.get_one(Connection, connection_id)
    workspace = session.get_one(Workspace, connection.workspace_id)
    known = _colleagues(session, connection)
    has_log_in = session.get(ConnectionToken, connection_id) is not None
    return Overview(
        state=connection.state if has_log_in or connection.state != "active" else "waiting",
        reason=connection.state_reason,
        mend=connection.state_mend,
        domain=str(connection.settings.get("domain", "")),
        last_event_at=connection.last_event_at,
        last_success_at=connection.last_success_at,
        telephony=_telephony(session, workspace.id),
        colleagues=tuple(one for one in known if one.extension),
        without_extension=sum(not one.extension for one in known),
        installed_by=str(connection.settings.get("installed_by") or ""),
        owns_workspace=workspace.slug.startswith("b24-"),
        zone=ZoneInfo(workspace.timezone),
    )


def _colleagues(session: Session, connection: Connection) -> list[Colleague]:
    """The portal's employees; an extension that was written down in the hub wins over the portal's own."""
    written = {
        str(row.users[connection.name]): next((str(value) for value in row.extensions.values() if value), "")
        for row in session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == connection.workspace_id))
        if row.users.get(connection.name)
    }
    listed = session.scalars(
        select(DirectoryUser)
        .where(DirectoryUser.connection_id == connection.id, DirectoryUser.active.is_(True))
        .order_by(DirectoryUser.name)
        .limit(_MOST_EMPLOYEES)
    )
    return [Colleague(user.name, written.get(user.user_id) or user.extension or "") for user in listed]


def _telephony(session: Session, workspace_id: int) -> tuple[str, ...]:
    vendors = {vendor: one.title for vendor, one in web().services.registry.items() if one.pbx is not None}
    rows = session.scalars(
        select(Connection).where(Connection.workspace_id == workspace_id, Connection.vendor.in_(vendors))
    )
    return tuple(f"{vendors[row.vendor]} ({row.name})" for row in rows)
