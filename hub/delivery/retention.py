"""What need not be kept for ever goes, a little at a time: raw webhooks, and the attempts of closed deliveries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow, InboxState
from hub.runtime import Runtime

log = structlog.get_logger()

ATTEMPT_DAYS = 90
QUARANTINE_TIMES = 3
"""What was not understood is kept so many times as long: a fix may come late."""
BATCH = 1000
MOST_BATCHES = 200
_READ = (InboxState.PROCESSED, InboxState.IGNORED)

Sweep = Callable[[Session, int], tuple[int, int | None]]
"""Takes a session and the id to go on after; returns how many rows went, and the last id seen, None at the end."""


def sweep_old_rows(runtime: Runtime, *, batch: int = BATCH) -> dict[str, int]:
    """Delete what is older than its time; returns how many rows of each kind went.

    Each batch is a transaction of its own, so that nobody waits for long; a great backlog goes in
    several runs.
    """
    inbox = _walk(runtime, lambda session, after: _sweep_inbox(session, after, runtime.settings.inbox_days, batch))
    attempts = _walk(runtime, lambda session, after: _sweep_attempts(session, after, batch))
    if inbox or attempts:
        log.info("old_rows_deleted", inbox=inbox, attempts=attempts)
    return {"inbox": inbox, "attempts": attempts}


def _walk(runtime: Runtime, sweep: Sweep) -> int:
    gone, after = 0, 0
    for _ in range(MOST_BATCHES):
        with runtime.database.transaction() as session:
            deleted, last = sweep(session, after)
        gone += deleted
        if last is None:
            break
        after = last
    return gone


def _sweep_inbox(session: Session, after: int, days: int, batch: int) -> tuple[int, int | None]:
    """Ids rise with time, so the walk goes along them and ends at the first batch with nothing old in it."""
    now = database_now(session)
    limit, quarantine_limit = now - timedelta(days=days), now - timedelta(days=days * QUARANTINE_TIMES)
    rows = session.execute(
        select(InboxRow.id, InboxRow.state, InboxRow.received_at)
        .where(InboxRow.id > after)
        .order_by(InboxRow.id)
        .limit(batch)
    ).all()
    old = [
        row.id
        for row in rows
        if (row.state in _READ and row.received_at < limit)
        or (row.state == InboxState.QUARANTINED and row.received_at < quarantine_limit)
    ]
    session.execute(delete(InboxRow).where(InboxRow.id.in_(old)).execution_options(synchronize_session=False))
    return len(old), _next([(row.id, row.received_at) for row in rows], limit, batch)


def _sweep_attempts(session: Session, after: int, batch: int) -> tuple[int, int | None]:
    limit = database_now(session) - timedelta(days=ATTEMPT_DAYS)
    rows = session.execute(
        select(DeliveryAttempt.id, DeliveryAttempt.at, DeliveryRow.closed_at)
        .join(DeliveryRow, DeliveryRow.id == DeliveryAttempt.delivery_id)
        .where(DeliveryAttempt.id > after)
        .order_by(DeliveryAttempt.id)
        .limit(batch)
    ).all()
    old = [row.id for row in rows if row.at < limit and row.closed_at is not None]
    session.execute(
        delete(DeliveryAttempt).where(DeliveryAttempt.id.in_(old)).execution_options(synchronize_session=False)
    )
    return len(old), _next([(row.id, row.at) for row in rows], limit, batch)


def _next(rows: Sequence[tuple[int, datetime]], limit: datetime, batch: int) -> int | None:
    """Where the walk goes on; None when the rows have become young, or there are no more."""
    if len(rows) < batch or all(at >= limit for _, at in rows):
        return None
    return rows[-1][0]
