"""Rows that may kill the process that sends them: known by leases that ended without a word (`hub.calls.inbox`).

A suspect is sent alone in its request, and one at a time in its process. Three deaths of a process that
held it so are taken for its doing: it becomes a dead letter, which a person may replay after an update.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import and_, or_, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.db.work import DeliveryAttempt, DeliveryRow, DeliveryState
from hub.runtime import Runtime

if TYPE_CHECKING:
    from hub.delivery.claim import ClaimedStep

log = structlog.get_logger()

WORDS = (
    "3 times the process that sent it ended without a word; replay it after an update, "
    "or after a look at the machine's memory"
)


def bury(session: Session, row: DeliveryRow, now: datetime) -> None:
    """Make it a dead letter. What is unknown about its last try stays so: a replay looks it up first."""
    row.state, row.closed_at, row.last_error = DeliveryState.DEAD, now, WORDS
    session.add(DeliveryAttempt(delivery_id=row.id, at=now, outcome="bug", words=WORDS, took_ms=0))
    log.warning("deadly_delivery", delivery_id=row.id, connection_id=row.connection_id, step=row.step_key)


def acquit(runtime: Runtime, held: Sequence[ClaimedStep]) -> None:
    """These were not closed because the database was in trouble: it speaks against none of them."""
    leases = or_(*(and_(DeliveryRow.id == one.id, DeliveryRow.lease == one.lease) for one in held))
    with suppress(OperationalError), runtime.database.transaction() as session:
        session.execute(
            update(DeliveryRow)
            .where(leases, DeliveryRow.state == DeliveryState.LEASED, DeliveryRow.taken > 0)
            .values(taken=DeliveryRow.taken - 1)
            .execution_options(synchronize_session=False)
        )
