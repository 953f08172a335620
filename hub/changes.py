"""What follows from a call that changed, whoever noticed it: a worker, the scheduler, a person's `reconcile`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.callbacks.heeding import heed_call
from hub.calls.record import CallChange
from hub.delivery.dials import meet_dials
from hub.delivery.outbox import plan_deliveries
from hub.runtime import Runtime


def follow_change(session: Session, runtime: Runtime, change: CallChange) -> None:
    """In the transaction that changes the call: requests move on, the CRM's own calls are met, deliveries planned."""
    heed_call(session, runtime, change)
    meet_dials(session, runtime, change)
    plan_deliveries(session, runtime, change)
