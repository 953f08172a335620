"""Deliveries: what waits, what died, what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.web.paging import Cursor, Page, page_of
from hub.web.queries.calls import Sent, attempts_of

WAITING = (
    DeliveryState.PENDING,
    DeliveryState.LEASED,
    DeliveryState.WAITING,
    DeliveryState.VERIFYING,
    DeliveryState.BLOCKED,
)
GIVEN_UP = (DeliveryState.DEAD, DeliveryState.EXPIRED)
REPLAYABLE = frozenset({*GIVEN_UP, DeliveryState.BLOCKED})
"""What a person may send again: a blocked row too, once the step that it waits for is mended."""


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """`states` empty means all; `connection` is a connection's name; `ids` None means any."""

    states: Sequence[str] = ()
    connection: str | None = None
    call_id: int | None = None
    ids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class ListedDelivery:
    delivery: DeliveryRow
    connection: str


def _deliveries(workspace_id: int) -> Select[DeliveryRow, str]:
    joined = select(DeliveryRow, Connection.name).join(Connection, Connection.id == DeliveryRow.connection_id)
    return joined.where(DeliveryRow.workspace_id == workspace_id)


def list_deliveries(
    session: Session, workspace_id: int, wanted: DeliveryFilter, *, cursor: Cursor | None, limit: int
) -> Page[ListedDelivery]:
    """The newest first."""
    query = _deliveries(workspace_id)
    if wanted.states:
        query = query.where(DeliveryRow.state.in_(wanted.states))
    if wanted.connection is not None:
        query = query.where(Connection.name == wanted.connection)
    if wanted.call_id is not None:
        query = query.where(DeliveryRow.call_id == wanted.call_id)
    if wanted.ids is not None:
        query = query.where(DeliveryRow.id.in_(wanted.ids))
    if cursor is not None:
        query = query.where(DeliveryRow.id < cursor.id)
    rows = [ListedDelivery(*row) for row in session.execute(query.order_by(DeliveryRow.id.desc()).limit(limit + 1))]
    return page_of(rows, limit, lambda row: Cursor(row.delivery.id))


def calls_of(session: Session, rows: Sequence[ListedDelivery]) -> Mapping[int, CallRow]:
    """The calls that these deliveries tell of, by id."""
    ids = {row.delivery.call_id for row in rows if row.delivery.call_id is not None}
    return {call.id: call for call in session.scalars(select(CallRow).where(CallRow.id.in_(ids)))}


def find_delivery(session: Session, workspace_id: int, delivery_id: int) -> Sent | None:
    row = session.execute(_deliveries(workspace_id).where(DeliveryRow.id == delivery_id)).one_or_none()
    if row is None:
        return None
    return Sent(row[0], row[1], attempts_of(session, [delivery_id]).get(delivery_id, []))


def own_deliveries(session: Session, workspace_id: int, ids: Sequence[int]) -> set[int]:
    """Those of `ids` that belong to the workspace."""
    query = select(DeliveryRow.id).where(DeliveryRow.workspace_id == workspace_id, DeliveryRow.id.in_(ids))
    return set(session.scalars(query))


def count_by_state(session: Session, workspace_id: int | None) -> dict[str, int]:
    """How many deliveries are in each state; `workspace_id` None counts the whole hub."""
    query = select(DeliveryRow.state, func.count()).group_by(DeliveryRow.state)
    if workspace_id is not None:
        query = query.where(DeliveryRow.workspace_id == workspace_id)
    return {state: int(number) for state, number in session.execute(query)}
