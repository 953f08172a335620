"""Taking rows from the inbox: a lease in database time, and a guard against rows that kill whoever reads them.

A process that dies says nothing. What shows is a lease that ended without a word, of each row that it
had in hand. Such a row is a suspect, no more: the process may have been killed, or a neighbour's row did
it. From then on it is read alone, so that the next death accuses nobody else, and three deaths with
nothing else in hand are taken for its doing. Any word about a row, good or bad, clears it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Row, String, bindparam, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.work import DEADLY_AFTER_LEASES, InboxRow, InboxState
from hub.runtime import Runtime
from webhooks.contract import InboxItem

log = structlog.get_logger()

DEADLY = (
    "3 times the process that read it, and nothing else, ended without a word; replay it after an update, "
    "or after a look at the machine's memory"
)
_IS_WAITING = InboxRow.state == bindparam("received", str(InboxState.RECEIVED), String, literal_execute=True)
"""Written out and not bound: only then does a database see that the index of what waits holds all of it."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """An inbox row in this worker's hands until its lease lapses; the hub failed on it `attempts` times before."""

    id: int
    connection_id: int
    item: InboxItem
    received_at: datetime
    attempts: int


def claim(runtime: Runtime, limit: int) -> list[Claimed]:
    """Lease up to `limit` due rows, or a suspect alone when it is the first in turn.

    Suspects that were read alone often enough are put into quarantine on the way.
    """
    with runtime.database.transaction() as session:
        now = database_now(session)
        due = session.execute(
            select(InboxRow.id, InboxRow.taken)
            .where(_IS_WAITING, InboxRow.due_at <= now)
            .order_by(InboxRow.due_at, InboxRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        deadly = [row.id for row in due if row.taken >= DEADLY_AFTER_LEASES]
        mark(session, deadly, InboxState.QUARANTINED, DEADLY, None)
        lease_until = now + timedelta(seconds=runtime.settings.lease_seconds / 2)
        rows = _lease(session, _one_suspect_or_none([row for row in due if row.id not in deadly]), lease_until)
    for inbox_id in deadly:
        log.warning("quarantined", inbox_id=inbox_id, reason=DEADLY)
    return rows


def _one_suspect_or_none(due: Sequence[Row[int, int]]) -> list[int]:
    if due and due[0].taken:
        return [due[0].id]
    return [row.id for row in due if not row.taken]


def _lease(session: Session, ids: Sequence[int], until: datetime) -> list[Claimed]:
    if not ids:
        return []
    leased = session.execute(
        update(InboxRow)
        .where(InboxRow.id.in_(ids))
        .values(due_at=until, taken=InboxRow.taken + 1)
        .returning(
            InboxRow.id,
            InboxRow.connection_id,
            InboxRow.dedupe_key,
            InboxRow.topic,
            InboxRow.body,
            InboxRow.received_at,
            InboxRow.attempts,
        )
        .execution_options(synchronize_session=False)
    ).all()
    rows = [
        Claimed(
            row.id, row.connection_id, InboxItem(row.dedupe_key, row.topic, row.body), row.received_at, row.attempts
        )
        for row in leased
    ]
    return sorted(rows, key=lambda row: row.id)


def acquit(runtime: Runtime, rows: Sequence[Claimed]) -> None:
    """Nothing came of this lease because the database was in trouble: it speaks against none of the rows."""
    with suppress(OperationalError), runtime.database.transaction() as session:
        session.execute(
            update(InboxRow)
            .where(InboxRow.id.in_([row.id for row in rows]), _IS_WAITING, InboxRow.taken > 0)
            .values(taken=InboxRow.taken - 1)
            .execution_options(synchronize_session=False)
        )


def mark(session: Session, ids: Sequence[int | None], state: InboxState, reason: str, call_id: int | None) -> None:
    """Close waiting rows."""
    if not ids:
        return
    session.execute(
        update(InboxRow)
        .where(InboxRow.id.in_(ids), InboxRow.state == InboxState.RECEIVED)
        .values(state=state, reason=reason, call_id=call_id, closed_at=database_now(session))
        .execution_options(synchronize_session=False)
    )
