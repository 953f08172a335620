"""Daily statements and standing notices, of one workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.statements import NoticeRow, StatementRow
from hub.db.tables import Connection
from hub.web.paging import Cursor, Page, page_of


@dataclass(frozen=True, slots=True)
class ListedStatement:
    statement: StatementRow
    connection: str


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """`since` and `until` are days, both included."""

    since: date | None = None
    until: date | None = None
    connection: str | None = None


def list_statements(
    session: Session, workspace_id: int, wanted: StatementFilter, *, cursor: Cursor | None, limit: int
) -> Page[ListedStatement]:
    """The newest first: a statement that is made again keeps its place."""
    query = (
        select(StatementRow, Connection.name)
        .join(Connection, Connection.id == StatementRow.connection_id)
        .where(StatementRow.workspace_id == workspace_id)
        .order_by(StatementRow.day.desc(), StatementRow.id.desc())
        .limit(limit + 1)
    )
    if wanted.since is not None:
        query = query.where(StatementRow.day >= wanted.since)
    if wanted.until is not None:
        query = query.where(StatementRow.day <= wanted.until)
    if wanted.connection is not None:
        query = query.where(Connection.name == wanted.connection)
    if cursor is not None:
        last = session.get(StatementRow, cursor.id)
        if last is None or last.workspace_id != workspace_id:
            return Page([], None)
        query = query.where(
            (StatementRow.day < last.day) | ((StatementRow.day == last.day) & (StatementRow.id < last.id))
        )
    rows = [ListedStatement(row, name) for row, name in session.execute(query)]
    return page_of(rows, limit, lambda listed: Cursor(listed.statement.id))


def find_statement(session: Session, workspace_id: int, statement_id: int) -> ListedStatement | None:
    row = session.execute(
        select(StatementRow, Connection.name)
        .join(Connection, Connection.id == StatementRow.connection_id)
        .where(StatementRow.workspace_id == workspace_id, StatementRow.id == statement_id)
    ).first()
    return ListedStatement(row[0], row[1]) if row else None


def standing_notices(session: Session, workspace_id: int) -> dict[int, list[NoticeRow]]:
    """What people should know now, by connection."""
    found: dict[int, list[NoticeRow]] = {}
    rows = session.scalars(
        select(NoticeRow)
        .where(NoticeRow.workspace_id == workspace_id, NoticeRow.ended_at.is_(None))
        .order_by(NoticeRow.since, NoticeRow.id)
    )
    for row in rows:
        found.setdefault(row.connection_id, []).append(row)
    return found
