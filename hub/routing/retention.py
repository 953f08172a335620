"""Decisions and commands are kept for a season; a call's own page needs them no longer than that."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from hub.db.engine import database_now
from hub.db.routing import CommandRow, RouteDecision
from hub.runtime import Runtime

KEPT_FOR = timedelta(days=90)
_BATCH = 1000
_MOST_BATCHES = 100


def sweep_decisions(runtime: Runtime) -> int:
    """Delete what is older than its time, a little at a time; returns how many rows went."""
    return sum(_sweep(runtime, table, moment) for table, moment in _OLD)


_OLD = ((RouteDecision, RouteDecision.at), (CommandRow, CommandRow.created_at))


def _sweep(runtime: Runtime, table: type[RouteDecision | CommandRow], moment: object) -> int:
    gone = 0
    for _ in range(_MOST_BATCHES):
        with runtime.database.transaction() as session:
            limit = database_now(session) - KEPT_FOR
            oldest = session.execute(select(table.id, moment).order_by(table.id).limit(_BATCH)).all()  # type: ignore[call-overload]
            ids = [row_id for row_id, at in oldest if at < limit]
            session.execute(delete(table).where(table.id.in_(ids)).execution_options(synchronize_session=False))
        gone += len(ids)
        if len(ids) < _BATCH:
            break
    return gone
