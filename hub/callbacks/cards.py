"""What the CRMs are told of a request, in the transaction that changes it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from hub.db.callbacks import CallbackRow
from hub.runtime import Runtime


def tell_crms(session: Session, runtime: Runtime, row: CallbackRow) -> None:
    """The request is a lead at once."""


def tell_failure(session: Session, runtime: Runtime, row: CallbackRow) -> None:
    """A request that failed leaves a task."""
