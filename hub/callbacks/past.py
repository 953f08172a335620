"""Requests for a callback as they were, for trying rules on them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.callbacks.cards import asked_of
from hub.db.callbacks import CallbackRow
from hub.rules.tried import PastRequest


def past_requests(session: Session, workspace_id: int, since: datetime | None, most: int) -> Sequence[PastRequest]:
    """Fills `hub.rules.dry_run.ReadRequests`: those since a moment (None: ever), at most so many, the newest first."""
    query = select(CallbackRow).where(CallbackRow.workspace_id == workspace_id)
    if since is not None:
        query = query.where(CallbackRow.created_at >= since)
    rows = session.scalars(query.order_by(CallbackRow.id.desc()).limit(most)).all()
    return [_past(session, row) for row in rows]


def _past(session: Session, row: CallbackRow) -> PastRequest:
    asked = asked_of(session, row)
    return PastRequest(
        row.id, row.uid, row.e164, row.created_at, asked.request, asked.source, asked.visit, asked.parties
    )
