"""What a vendor says of our standing there: paid, not paid."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.tables import Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.health import WAITING, resume
from hub.domain.notices import AccessChanged

NOT_PAID = "The subscription for the application has ended."
_MEND = "Pay for it over there; the hub goes on by itself."


def heed_access(session: Session, connection_id: int, notice: AccessChanged) -> None:
    """Stop while it is not paid for, go on when it is; a connection that rests for another reason stays so."""
    expired = notice.facts.get("PAYMENT_EXPIRED", "").upper() == "Y"
    connection = session.get_one(Connection, connection_id, with_for_update=True)
    if expired and connection.state == "active":
        now = database_now(session)
        connection.state, connection.state_reason, connection.state_mend = "paused", NOT_PAID, _MEND
        connection.state_since = now
        session.execute(
            update(DeliveryRow)
            .where(DeliveryRow.connection_id == connection_id, DeliveryRow.state.in_(WAITING))
            .values(state=DeliveryState.BLOCKED, due_at=now)
            .execution_options(synchronize_session=False)
        )
    elif not expired and connection.state == "paused" and connection.state_reason == NOT_PAID:
        resume(session, connection_id)
