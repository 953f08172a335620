"""What the application's page shows of a connection."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tables import Connection, ConnectionToken, Workspace
from hub.web.services import web


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
    installed_by: str
    owns_workspace: bool
    zone: ZoneInfo


def overview_of(session: Session, connection_id: int) -> Overview:
    connection = session.get_one(Connection, connection_id)
    workspace = session.get_one(Workspace, connection.workspace_id)
    has_log_in = session.get(ConnectionToken, connection_id) is not None
    return Overview(
        state=connection.state if has_log_in or connection.state != "active" else "waiting",
        reason=connection.state_reason,
        mend=connection.state_mend,
        domain=str(connection.settings.get("domain", "")),
        last_event_at=connection.last_event_at,
        last_success_at=connection.last_success_at,
        telephony=_telephony(session, workspace.id),
        installed_by=str(connection.settings.get("installed_by") or ""),
        owns_workspace=workspace.slug.startswith("b24-"),
        zone=ZoneInfo(workspace.timezone),
    )


def _telephony(session: Session, workspace_id: int) -> tuple[str, ...]:
    vendors = {vendor: one.title for vendor, one in web().services.registry.items() if one.pbx is not None}
    rows = session.scalars(
        select(Connection).where(Connection.workspace_id == workspace_id, Connection.vendor.in_(vendors))
    )
    return tuple(f"{vendors[row.vendor]} ({row.name})" for row in rows)
