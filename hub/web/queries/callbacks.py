"""Callback requests with their stories, of one workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.callbacks.store import steps_of
from hub.db.callbacks import OPEN_STATES, CallbackRow, CallbackStep
from hub.web.paging import Cursor, Page, page_of


@dataclass(frozen=True, slots=True)
class Request:
    """A request and, where it was asked for, its story."""

    row: CallbackRow
    steps: Sequence[CallbackStep] = ()


def list_requests(
    session: Session, workspace_id: int, state: str | None, *, cursor: Cursor | None, limit: int
) -> Page[CallbackRow]:
    """The newest first. `state` is a state, or "open" for all that are under way."""
    query = select(CallbackRow).where(CallbackRow.workspace_id == workspace_id)
    if state == "open":
        query = query.where(CallbackRow.state.in_(OPEN_STATES))
    elif state is not None:
        query = query.where(CallbackRow.state == state)
    if cursor is not None:
        query = query.where(CallbackRow.id < cursor.id)
    rows = session.scalars(query.order_by(CallbackRow.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: Cursor(row.id))


def find_request(session: Session, workspace_id: int, callback_id: int) -> Request | None:
    row = session.scalar(
        select(CallbackRow).where(CallbackRow.workspace_id == workspace_id, CallbackRow.id == callback_id)
    )
    return Request(row, steps_of(session, row.id)) if row is not None else None
