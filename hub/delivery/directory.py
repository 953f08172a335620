"""Keeping a CRM's list of employees: refreshed on demand and by the clock, never wiped by a failed answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from connectors.contract import CrmUser
from hub.db.directory import DirectoryUser
from hub.db.engine import database_now
from hub.db.routing import PbxExtension
from hub.db.statements import NoticeRow
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.delivery.reference import NOTICE, Said, duty_name, tell
from hub.delivery.upkeep import due_now, keep_up_soon
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.runtime import Runtime

log = structlog.get_logger()

FRESH_FOR = timedelta(minutes=10)
EMPLOYEES_GONE = "employees_gone"


def refresh_directories(runtime: Runtime, *, older_than: timedelta = FRESH_FOR) -> int:
    """Refresh each active CRM connection's employees when they are older than that; returns how many were."""
    refreshed = 0
    vendors = [vendor for vendor, connector in runtime.registry.items() if connector.crm is not None]
    for connection_id, vendor in lists_to_read(runtime, vendors, DirectoryUser, older_than):
        crm = runtime.registry[vendor].crm
        if crm is None:
            continue
        try:
            with open_door(runtime, connection_id, Lane.BULK, purpose="directory") as door:
                users = crm.users(door)
        except DeliveryError as error:
            log.warning("directory_not_refreshed", connection_id=connection_id, reason=str(error)[:200])
            continue
        keep_users(runtime, connection_id, users)
        refreshed += 1
    return refreshed


def lists_to_read(
    runtime: Runtime, vendors: Sequence[str], kept: type[DirectoryUser | PbxExtension], older_than: timedelta
) -> Sequence[tuple[int, str]]:
    """Active connections of these vendors, with their vendor, whose list in table `kept` is as old as that, or none."""
    with runtime.database.reading() as session:
        limit = database_now(session) - older_than
        newest = select(kept.connection_id, func.max(kept.refreshed_at).label("at")).group_by(kept.connection_id)
        read = newest.subquery()
        rows = session.execute(
            select(Connection.id, Connection.vendor)
            .outerjoin(read, read.c.connection_id == Connection.id)
            .where(
                Connection.vendor.in_(vendors),
                Connection.state == "active",
                (read.c.at.is_(None)) | (read.c.at < limit),
            )
        ).all()
    return [(row.id, row.vendor) for row in rows]


def read_again_soon(session: Session, connection_id: int) -> None:
    """Let the next round read the employees and the dictionaries, and end what was told of earlier changes."""
    now = database_now(session)
    session.execute(
        update(DirectoryUser)
        .where(DirectoryUser.connection_id == connection_id)
        .values(refreshed_at=now - FRESH_FOR - timedelta(seconds=1))
    )
    session.execute(
        update(NoticeRow)
        .where(
            NoticeRow.connection_id == connection_id,
            NoticeRow.kind.in_((NOTICE, EMPLOYEES_GONE)),
            NoticeRow.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    due_now(session, duty_name(connection_id))
    keep_up_soon(session, connection_id)


def keep_users(runtime: Runtime, connection_id: int, users: Sequence[CrmUser]) -> None:
    """Write the list; who is missing from it becomes inactive. An empty list changes nothing."""
    if not users:
        return
    with runtime.database.transaction() as session:
        now = database_now(session)
        known = {
            row.user_id: row
            for row in session.scalars(select(DirectoryUser).where(DirectoryUser.connection_id == connection_id))
        }
        for user in users:
            row = known.pop(user.user_id, None) or _new_user(session, connection_id, user.user_id)
            row.name, row.extension, row.email = user.name, user.extension, user.email
            row.active, row.refreshed_at = user.active, now
        gone = [row for row in known.values() if row.active]
        for row in known.values():
            row.active, row.refreshed_at = False, now
        if gone:
            news = [Said("employee_gone", name=row.name, extension=row.extension or "—") for row in gone]
            tell(session, connection_id, EMPLOYEES_GONE, news, now)


def _new_user(session: Session, connection_id: int, user_id: str) -> DirectoryUser:
    row = DirectoryUser(connection_id=connection_id, user_id=user_id)
    session.add(row)
    return row
