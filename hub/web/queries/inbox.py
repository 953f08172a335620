"""The inbox as people look at it: what came, and what was put aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.db.tables import Connection
from hub.db.work import InboxRow, InboxState
from hub.web.paging import Cursor, Page, page_of


@dataclass(frozen=True, slots=True)
class ListedItem:
    item: InboxRow
    connection: str


def _items(workspace_id: int) -> Select[InboxRow, str]:
    joined = select(InboxRow, Connection.name).join(Connection, Connection.id == InboxRow.connection_id)
    return joined.where(Connection.workspace_id == workspace_id)


def list_items(
    session: Session, workspace_id: int, state: str | None, connection: str | None, *, cursor: Cursor | None, limit: int
) -> Page[ListedItem]:
    """The newest first; `state` and `connection` (a name) None mean all."""
    query = _items(workspace_id)
    if state is not None:
        query = query.where(InboxRow.state == state)
    if connection is not None:
        query = query.where(Connection.name == connection)
    if cursor is not None:
        query = query.where(InboxRow.id < cursor.id)
    rows = [ListedItem(*row) for row in session.execute(query.order_by(InboxRow.id.desc()).limit(limit + 1))]
    return page_of(rows, limit, lambda row: Cursor(row.item.id))


def chosen_items(session: Session, workspace_id: int, ids: Sequence[int]) -> list[ListedItem]:
    """Those of `ids` that belong to the workspace, the newest first."""
    rows = session.execute(_items(workspace_id).where(InboxRow.id.in_(ids)).order_by(InboxRow.id.desc()))
    return [ListedItem(*row) for row in rows]


def find_item(session: Session, workspace_id: int, item_id: int) -> ListedItem | None:
    row = session.execute(_items(workspace_id).where(InboxRow.id == item_id)).one_or_none()
    return ListedItem(*row) if row else None


def own_items(session: Session, workspace_id: int, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that belong to the workspace."""
    query = select(InboxRow.id).join(Connection, Connection.id == InboxRow.connection_id)
    return set(session.scalars(query.where(Connection.workspace_id == workspace_id, InboxRow.id.in_(ids))))


def count_quarantined(session: Session, workspace_id: int) -> int:
    query = select(func.count()).select_from(InboxRow).join(Connection, Connection.id == InboxRow.connection_id)
    query = query.where(Connection.workspace_id == workspace_id, InboxRow.state == InboxState.QUARANTINED.value)
    return session.scalar(query) or 0


def conservation(session: Session, workspace_id: int | None) -> dict[str, int]:
    """received = processed + ignored + quarantined + waiting, from one statement.

    `received` is all that ever came; `waiting` are rows whose state column still says "received".
    """
    query = select(InboxRow.state, func.count()).group_by(InboxRow.state)
    if workspace_id is not None:
        query = query.join(Connection, Connection.id == InboxRow.connection_id)
        query = query.where(Connection.workspace_id == workspace_id)
    counted = {state: int(number) for state, number in session.execute(query)}
    closed = {state.value: counted.get(state, 0) for state in InboxState if state is not InboxState.RECEIVED}
    waiting = sum(counted.values()) - sum(closed.values())
    return {"received": sum(counted.values()), **closed, "waiting": waiting}
