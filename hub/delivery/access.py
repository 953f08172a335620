"""What a vendor says of our standing there: paid, not paid."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.db.tables import Connection
from hub.delivery.health import resume, stop
from hub.domain.notices import AccessChanged

NOT_PAID = "The subscription for the application has ended."
_MEND = "Pay for it over there; the hub goes on by itself."


def heed_access(session: Session, connection_id: int, notice: AccessChanged) -> None:
    """Stop while it is not paid for, go on when it is; a connection that rests for another reason stays so."""
    expired = notice.facts.get("PAYMENT_EXPIRED", "").upper() == "Y"
    connection = session.get_one(Connection, connection_id, with_for_update=True)
    if expired and connection.state == "active":
        stop(session, connection, "paused", NOT_PAID, _MEND)
    elif not expired and connection.state == "paused" and connection.state_reason == NOT_PAID:
        resume(session, connection_id)
