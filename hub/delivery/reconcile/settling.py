"""A call that the CRM shows and the outbox does not call done: the look-up that every unknown outcome gets decides."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.reconcile.calls import note_repair
from hub.delivery.reconcile.difference import Kind
from hub.delivery.replay import replay_deliveries
from hub.runtime import Runtime

_WORDS = "the CRM shows the call, and the hub did not know: it looks it up before it sends anything"
_AT_WORK = (DeliveryState.LEASED, DeliveryState.VERIFYING)
_OVER = (DeliveryState.DONE, DeliveryState.SUPERSEDED)


def settle(runtime: Runtime, crm: Connection, call: CallRow, kind: Kind) -> bool:
    """Have the writes of `call` looked up before anything is sent; False when somebody is at it already."""

    def work(session: Session) -> list[int]:
        rows = _open_writes(session, crm, call)
        if any(row.state in _AT_WORK for row in rows):
            return []
        now = database_now(session)
        for row in rows:
            row.unknown_at = None if row.repeatable else row.unknown_at or row.first_sent_at or now
        if rows:
            note_repair(session, call, kind, crm.name, _WORDS)
        return [row.id for row in rows]

    ids = in_transaction(runtime.database, work)
    return bool(ids) and replay_deliveries(runtime.database, ids) > 0


def _open_writes(session: Session, crm: Connection, call: CallRow) -> list[DeliveryRow]:
    """The rows without which the call is not logged: the log itself, and what it needs."""
    rows = session.scalars(
        select(DeliveryRow)
        .where(
            DeliveryRow.call_id == call.id,
            DeliveryRow.connection_id == crm.id,
            DeliveryRow.state.not_in(_OVER),
        )
        .with_for_update()
    ).all()
    logs = [row for row in rows if row.intent_kind == "log_call"]
    needed = {need for row in logs for need in row.needs}
    return [row for row in rows if row in logs or row.step_key in needed]
