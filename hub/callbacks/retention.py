"""What callbacks leave behind goes in time: what was asked, programs' keys, and requests that are over."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.callbacks.rules import Rules
from hub.db.callbacks import CallbackAsk, CallbackRow, CallbackRules, IdempotencyKey
from hub.db.engine import database_now
from hub.domain.codec import from_document
from hub.runtime import Runtime

log = structlog.get_logger()

ASKS_KEPT_FOR = timedelta(days=90)
KEYS_KEPT_FOR = timedelta(days=30)
REQUESTS_KEPT_FOR = timedelta(days=1095)
"""Three years: with a request goes the proof of the visitor's consent (callback-practice.md §8)."""
_BATCH = 1000
_MOST_BATCHES = 100


def sweep_requests(runtime: Runtime) -> dict[str, int]:
    """Delete what is older than its time, a little at a time; returns how many rows of each kind went.

    A limit that looks further back than asks are kept keeps them for so long. A request that is open stays.
    """
    with runtime.database.reading() as session:
        asks_kept_for = max(ASKS_KEPT_FOR, _longest_limit(session))
    gone = {
        "asks": _sweep(runtime, CallbackAsk.id, CallbackAsk.at, asks_kept_for),
        "keys": _sweep(runtime, IdempotencyKey.id, IdempotencyKey.created_at, KEYS_KEPT_FOR),
        "requests": _sweep(runtime, CallbackRow.id, CallbackRow.closed_at, REQUESTS_KEPT_FOR),
    }
    if any(gone.values()):
        log.info("old_requests_deleted", **gone)
    return gone


def _longest_limit(session: Session) -> timedelta:
    documents = session.scalars(select(CallbackRules.document))
    limits = [limit.seconds for document in documents for limit in from_document(document, Rules).limits]
    return timedelta(seconds=max(limits, default=0))


def _sweep(runtime: Runtime, row_id: Any, moment: Any, kept_for: timedelta) -> int:
    """Ids rise with time, so the oldest rows are looked at; `moment` None is a row that is not over."""
    gone = after = 0
    for _ in range(_MOST_BATCHES):
        with runtime.database.transaction() as session:
            limit = database_now(session) - kept_for
            oldest = session.execute(select(row_id, moment).where(row_id > after).order_by(row_id).limit(_BATCH)).all()
            ids = [number for number, at in oldest if _is_old(at, limit)]
            session.execute(delete(row_id.class_).where(row_id.in_(ids)).execution_options(synchronize_session=False))
        gone += len(ids)
        if len(oldest) < _BATCH or not ids:
            break
        after = oldest[-1][0]
    return gone


def _is_old(at: datetime | None, limit: datetime) -> bool:
    return at is not None and at < limit
