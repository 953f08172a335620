"""Sending again by hand: the same row on the same path, so that nothing is sent twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub.db.engine import Database, database_now
from hub.db.tables import Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.readiness import same_subject

REPLAYABLE = (
    DeliveryState.DEAD,
    DeliveryState.EXPIRED,
    DeliveryState.BLOCKED,
    DeliveryState.WAITING,
    DeliveryState.VERIFYING,
    DeliveryState.PENDING,
)
_LIVES_AGAIN = timedelta(days=14)


def replay_deliveries(database: Database, ids: Sequence[int], workspace_id: int | None = None) -> int:
    """Make these rows due now; returns how many were. Finished ones, and those being sent, are left alone.

    A replay takes the place of the automatic retry: it is one row, and it is sent once. A row whose
    last outcome is unknown is looked up first, as ever.
    """
    rows = select(DeliveryRow).where(DeliveryRow.id.in_(ids))
    if workspace_id is not None:
        rows = rows.where(DeliveryRow.workspace_id == workspace_id)
    with database.transaction() as session:
        return _replay(session, rows)


def replay_dead(database: Database, connection_name: str | None = None) -> int:
    """Replay every dead row, or those of one connection."""
    rows = select(DeliveryRow).where(DeliveryRow.state == DeliveryState.DEAD)
    if connection_name is not None:
        rows = rows.join(Connection, Connection.id == DeliveryRow.connection_id).where(
            Connection.name == connection_name
        )
    with database.transaction() as session:
        return _replay(session, rows)


def _replay(session: Session, rows: Select[DeliveryRow]) -> int:
    now = database_now(session)
    replayed = 0
    for row in session.scalars(rows.where(DeliveryRow.state.in_(REPLAYABLE)).with_for_update(of=DeliveryRow)):
        _make_due(row, now)
        _release_dependents(session, row, now)
        replayed += 1
    return replayed


def _make_due(row: DeliveryRow, now: datetime) -> None:
    row.state = DeliveryState.VERIFYING if row.unknown_at else DeliveryState.PENDING
    row.attempts, row.taken, row.due_at, row.closed_at = 0, 0, now, None
    if row.expires_at <= now:
        row.expires_at = now + _LIVES_AGAIN


def _release_dependents(session: Session, row: DeliveryRow, now: datetime) -> None:
    """Steps that were blocked because this one was dead go on behind it."""
    blocked = session.scalars(
        select(DeliveryRow).where(
            same_subject(row.call_id, row.callback_id),
            DeliveryRow.connection_id == row.connection_id,
            DeliveryRow.state == DeliveryState.BLOCKED,
        )
    )
    for dependent in blocked:
        if row.step_key in dependent.needs:
            _make_due(dependent, now)
