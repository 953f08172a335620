"""Whether a row's turn has come: what it needs is done, and nobody is at the same client where only one may be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.work import DeliveryRow, DeliveryState

OPEN = (DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.LEASED, DeliveryState.VERIFYING)


def same_subject(call_id: int | None, callback_id: int | None) -> ColumnElement[bool]:
    """The rows of one call, or of one request that has no call."""
    return DeliveryRow.call_id == call_id if call_id is not None else DeliveryRow.callback_id == callback_id


def siblings(session: Session, row: DeliveryRow) -> Sequence[DeliveryRow]:
    """The other rows of its subject at its connection, the newest of each step last."""
    return session.scalars(
        select(DeliveryRow)
        .where(
            same_subject(row.call_id, row.callback_id),
            DeliveryRow.connection_id == row.connection_id,
            DeliveryRow.id != row.id,
        )
        .order_by(DeliveryRow.generation)
    ).all()


def needs_are_met(row: DeliveryRow, beside: Sequence[DeliveryRow], now: datetime) -> bool:
    """Whether the steps that it needs are done; when not, it is put off, or blocked where one of them is dead."""
    states = {one.step_key: one.state for one in beside}
    for need in row.needs:
        state = states.get(need)
        if state == DeliveryState.DONE:
            continue
        if state in OPEN:
            row.due_at = now + timedelta(seconds=1)
        else:
            row.state = DeliveryState.BLOCKED
            row.last_error = f"waits for step {need}, which is {state or 'missing'}: replay that one first"
        return False
    return True


def another_is_under_way(session: Session, row: DeliveryRow, now: datetime) -> bool:
    """Two first calls of one number must not both find nobody in the CRM, and both make a lead.

    An earlier row whose lease ended without a word goes first, too: what it did is not known yet.
    """
    take_turn(session, "serial", row.serial_key)
    return bool(
        session.scalar(
            select(
                exists().where(
                    DeliveryRow.serial_key == row.serial_key,
                    DeliveryRow.id != row.id,
                    or_(
                        and_(
                            DeliveryRow.state == DeliveryState.LEASED,
                            or_(DeliveryRow.due_at > now, DeliveryRow.id < row.id),
                        ),
                        and_(DeliveryRow.unknown_at.is_not(None), DeliveryRow.state.in_(OPEN), DeliveryRow.id < row.id),
                    ),
                )
            )
        )
    )
