"""Calls whose end never came: closed after a while, and corrected when the end comes after all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.intake import OnChange
from hub.calls.record import refold
from hub.db.engine import database_now
from hub.db.locks import take_turn
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow
from hub.runtime import Runtime

STALE_AFTER = timedelta(hours=4)


def close_stale(runtime: Runtime, on_change: OnChange, *, after: timedelta = STALE_AFTER) -> int:
    """Close each open call that was last heard of more than `after` ago; returns how many."""
    with runtime.database.reading() as session:
        limit = database_now(session) - after
        ids = session.scalars(
            select(CallRow.id).where(CallRow.closing == "open", CallRow.last_received_at < limit).limit(500)
        ).all()
    return sum(in_transaction(runtime.database, _closing(runtime, on_change, call_id)) for call_id in ids)


def _closing(runtime: Runtime, on_change: OnChange, call_id: int) -> Callable[[Session], bool]:
    def work(session: Session) -> bool:
        row = session.get_one(CallRow, call_id)
        take_turn(session, "call", row.connection_id, row.call_key)
        session.refresh(row)
        if row.closing != "open":
            return False
        on_change(session, refold(session, runtime, row, stale=True))
        return True

    return work
