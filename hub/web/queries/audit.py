"""The audit log of one workspace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from hub.db.tables import AuditRow
from hub.web.paging import Cursor, Page, page_of

ONCE_ONLY = ("amocrm_state", "amocrm_secrets", "amocrm_claim", "amocrm_people")
"""Notes that only keep a ticket from being used twice; they tell people nothing."""
TICKETS = ("bitrix24_launch",)
"""Actions whose subject is the ticket that they were done with: it is not shown."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """None means: no matter. `since <= at < until`; `text` is found in actor and subject."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    action: str | None = None
    text: str | None = None


def list_audit(
    session: Session, workspace_id: int, wanted: AuditFilter, *, cursor: Cursor | None, limit: int
) -> Page[AuditRow]:
    """The newest first, in the order in which they were written."""
    query = select(AuditRow).where(AuditRow.workspace_id == workspace_id, AuditRow.action.not_in(ONCE_ONLY))
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(AuditRow.at < wanted.until)
    if wanted.actor is not None:
        query = query.where(AuditRow.actor == wanted.actor)
    if wanted.action is not None:
        query = query.where(AuditRow.action == wanted.action)
    if wanted.text is not None:
        columns = (AuditRow.actor, AuditRow.subject)
        query = query.where(or_(*(column.icontains(wanted.text, autoescape=True) for column in columns)))
    if cursor is not None:
        query = query.where(AuditRow.id < cursor.id)
    rows = session.scalars(query.order_by(AuditRow.id.desc()).limit(limit + 1)).all()
    return page_of(rows, limit, lambda row: Cursor(row.id))


def audit_words(session: Session, workspace_id: int) -> tuple[Sequence[str], Sequence[str]]:
    """Every actor and every action that the log of this workspace has, for the filter."""
    of_ours = and_(AuditRow.workspace_id == workspace_id, AuditRow.action.not_in(ONCE_ONLY))
    actors = session.scalars(select(AuditRow.actor).where(of_ours).distinct().order_by(AuditRow.actor)).all()
    actions = session.scalars(select(AuditRow.action).where(of_ours).distinct().order_by(AuditRow.action)).all()
    return actors, actions
