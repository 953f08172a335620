"""Connections with their health, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.statements import NoticeRow
from hub.db.tables import Connection, DriftRow
from hub.db.work import InboxRow, InboxState, QuotaUse
from hub.web.queries.statements import standing_notices

QUOTA_WINDOW = timedelta(hours=24)


class Health(StrEnum):
    """`quiet`: nothing heard yet; `troubled`: mends itself; `stopped`: needs a person."""

    GOOD = "good"
    QUIET = "quiet"
    TROUBLED = "troubled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PurposeUse:
    """Requests made for one purpose: an intent, or something like "fetch_recording"."""

    purpose: str
    requests: int
    throttled: int


@dataclass(frozen=True, slots=True)
class LaneUse:
    """Requests of one lane in the last 24 hours, how many of them a budget held back, and what they were for."""

    lane: str
    purposes: Sequence[PurposeUse]

    @property
    def requests(self) -> int:
        return sum(one.requests for one in self.purposes)

    @property
    def throttled(self) -> int:
        return sum(one.throttled for one in self.purposes)


@dataclass(frozen=True, slots=True)
class ConnectionView:
    connection: Connection
    health: Health
    breaker_open: bool
    quota: Sequence[LaneUse]
    drift: Sequence[DriftRow]
    quarantined: int
    notices: Sequence[NoticeRow] = ()


def health_of(connection: Connection, now: datetime, notices: Sequence[NoticeRow] = ()) -> Health:
    if connection.state != "active":
        return Health.STOPPED
    if breaker_open(connection, now) or connection.failing_since is not None or notices:
        return Health.TROUBLED
    if connection.last_event_at is None and connection.last_success_at is None:
        return Health.QUIET
    return Health.GOOD


def breaker_open(connection: Connection, now: datetime) -> bool:
    return connection.breaker_until is not None and connection.breaker_until > now


def list_connections(session: Session, workspace_id: int, now: datetime) -> list[ConnectionView]:
    """All connections of the workspace by name, each with quota use, drift and quarantine."""
    query = select(Connection).where(Connection.workspace_id == workspace_id).order_by(Connection.name)
    return [_view(session, connection, now) for connection in session.scalars(query).all()]


def find_connection(session: Session, workspace_id: int, connection_id: int, now: datetime) -> ConnectionView | None:
    query = select(Connection).where(Connection.workspace_id == workspace_id, Connection.id == connection_id)
    connection = session.scalar(query)
    return _view(session, connection, now) if connection else None


def connection_names(session: Session, workspace_id: int) -> list[str]:
    query = select(Connection.name).where(Connection.workspace_id == workspace_id).order_by(Connection.name)
    return list(session.scalars(query))


def stopped_connections(session: Session, workspace_id: int) -> set[str]:
    """The names of those that hold everything back until a person does something."""
    query = select(Connection.name).where(Connection.workspace_id == workspace_id, Connection.state != "active")
    return set(session.scalars(query))


def _view(session: Session, connection: Connection, now: datetime) -> ConnectionView:
    drift = session.scalars(
        select(DriftRow).where(DriftRow.connection_id == connection.id).order_by(DriftRow.seen.desc(), DriftRow.id)
    ).all()
    quarantined = session.scalar(
        select(func.count()).where(
            InboxRow.connection_id == connection.id, InboxRow.state == InboxState.QUARANTINED.value
        )
    )
    notices = standing_notices(session, connection.workspace_id).get(connection.id, [])
    return ConnectionView(
        connection=connection,
        health=health_of(connection, now, notices),
        breaker_open=breaker_open(connection, now),
        quota=_lane_use(session, connection.id, now),
        drift=drift,
        quarantined=quarantined or 0,
        notices=notices,
    )


def _lane_use(session: Session, connection_id: int, now: datetime) -> list[LaneUse]:
    rows = session.execute(
        select(QuotaUse.lane, QuotaUse.purpose, func.sum(QuotaUse.requests), func.sum(QuotaUse.throttled))
        .where(QuotaUse.connection_id == connection_id, QuotaUse.hour > now - QUOTA_WINDOW)
        .group_by(QuotaUse.lane, QuotaUse.purpose)
        .order_by(QuotaUse.lane, func.sum(QuotaUse.requests).desc(), QuotaUse.purpose)
    )
    lanes: dict[str, list[PurposeUse]] = {}
    for lane, purpose, requests, throttled in rows:
        lanes.setdefault(lane, []).append(PurposeUse(purpose, int(requests), int(throttled)))
    return [LaneUse(lane, purposes) for lane, purposes in lanes.items()]


def hourly_use(session: Session, connection_id: int, now: datetime) -> list[tuple[datetime, str, int]]:
    """(hour, lane, requests) of the last 24 hours, the oldest first."""
    rows = session.execute(
        select(QuotaUse.hour, QuotaUse.lane, func.sum(QuotaUse.requests))
        .where(QuotaUse.connection_id == connection_id, QuotaUse.hour > now - QUOTA_WINDOW)
        .group_by(QuotaUse.hour, QuotaUse.lane)
        .order_by(QuotaUse.hour)
    )
    return [(hour, lane, int(requests)) for hour, lane, requests in rows]
