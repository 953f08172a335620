"""What the routing pages read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.routing import Absence, CommandRow, OwnerSync, PersonHours, PhoneOwner, RouteDecision, RoutingGroup
from hub.db.tables import CallRow, Connection, EmployeeRow
from hub.web.paging import Cursor, Page, page_of


@dataclass(frozen=True, slots=True)
class Trial:
    """A decision about a call, and the commands that followed."""

    decision: RouteDecision
    commands: Sequence[CommandRow] = ()


@dataclass(frozen=True, slots=True)
class SyncView:
    """How far the owners of one CRM are read; `sync` is None before the first time."""

    connection: Connection
    sync: OwnerSync | None
    phones: int


@dataclass(frozen=True, slots=True)
class EmployeeView:
    row: EmployeeRow
    hours: Mapping[str, Any]
    absences: Sequence[Absence]


def decisions_of_call(session: Session, call: CallRow) -> list[Trial]:
    """What was decided about a call: while it rang here, or when its PBX asked with its own id of it."""
    same: ColumnElement[bool] = (RouteDecision.connection_id == call.connection_id) & (
        RouteDecision.call_key == call.call_key
    )
    rows = session.scalars(
        select(RouteDecision)
        .where(RouteDecision.workspace_id == call.workspace_id, or_(RouteDecision.call_id == call.id, same))
        .order_by(RouteDecision.id)
    ).all()
    commands = session.scalars(select(CommandRow).where(CommandRow.call_id == call.id).order_by(CommandRow.id)).all()
    return [Trial(row, commands if row is rows[-1] else ()) for row in rows]


def list_decisions(session: Session, workspace_id: int, *, cursor: Cursor | None, limit: int) -> Page[RouteDecision]:
    """The newest first."""
    query = select(RouteDecision).where(RouteDecision.workspace_id == workspace_id)
    if cursor is not None:
        query = query.where(RouteDecision.id < cursor.id)
    rows = session.scalars(query.order_by(RouteDecision.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: Cursor(row.id))


def sync_views(session: Session, workspace_id: int, registry: Registry) -> list[SyncView]:
    """One for each CRM that can tell owners."""
    able = [vendor for vendor, connector in registry.items() if connector.owners is not None]
    rows = session.execute(
        select(Connection, OwnerSync)
        .outerjoin(OwnerSync, OwnerSync.connection_id == Connection.id)
        .where(Connection.workspace_id == workspace_id, Connection.vendor.in_(able))
        .order_by(Connection.name)
    ).all()
    counted = select(PhoneOwner.connection_id, func.count()).where(PhoneOwner.workspace_id == workspace_id)
    phones = {row[0]: row[1] for row in session.execute(counted.group_by(PhoneOwner.connection_id))}
    return [SyncView(connection, sync, phones.get(connection.id, 0)) for connection, sync in rows]


def pbx_names(session: Session, workspace_id: int, registry: Registry) -> list[str]:
    """The connections that may ask or be told who gets a caller."""
    able = [vendor for vendor, connector in registry.items() if connector.crm is None]
    query = select(Connection.name).where(Connection.workspace_id == workspace_id, Connection.vendor.in_(able))
    return list(session.scalars(query.order_by(Connection.id)))


def find_pbx(session: Session, workspace_id: int, name: str) -> Connection | None:
    return session.scalar(select(Connection).where(Connection.workspace_id == workspace_id, Connection.name == name))


def employees(session: Session, workspace_id: int, now: datetime) -> list[EmployeeView]:
    """Everybody with hours of their own and absences that are not over."""
    rows = session.scalars(
        select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id).order_by(EmployeeRow.name)
    ).all()
    ids = [row.id for row in rows]
    own = {one.employee_id: one.hours for one in session.scalars(_of(PersonHours, ids))}
    away: dict[int, list[Absence]] = {}
    for absence in session.scalars(_of(Absence, ids).where(Absence.until > now).order_by(Absence.since)):
        away.setdefault(absence.employee_id, []).append(absence)
    return [EmployeeView(row, own.get(row.id, {}), away.get(row.id, [])) for row in rows]


def _of(table: Any, employee_ids: Sequence[int]) -> Any:
    return select(table).where(table.employee_id.in_(employee_ids))


def groups(session: Session, workspace_id: int) -> Sequence[RoutingGroup]:
    return session.scalars(
        select(RoutingGroup).where(RoutingGroup.workspace_id == workspace_id).order_by(RoutingGroup.id)
    ).all()
