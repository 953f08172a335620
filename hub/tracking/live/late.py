"""Facts that come after a call was answered for: the call is marked, and asked about again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from hub.db.tables import CallRow
from hub.db.tracking import AttributionRow

LATE = timedelta(seconds=2)
"""A fact that is so old when it is written may have missed a call."""


def ask_again_of_leases(session: Session, leases: Sequence[Mapping[str, Any]]) -> None:
    """Calls that were answered for before these leases were known are answered for again."""
    if not leases:
        return
    called = session.execute(
        select(CallRow.line, func.max(CallRow.started_at))
        .where(
            CallRow.workspace_id == leases[0]["workspace_id"],
            CallRow.started_at >= min(lease["since"] for lease in leases) - LATE,
            CallRow.line.in_({lease["number"] for lease in leases}),
        )
        .group_by(CallRow.line)
    )
    last_called: dict[str | None, datetime] = {row[0]: row[1] for row in called}
    for lease in leases:
        if lease["number"] in last_called and lease["since"] - LATE <= last_called[lease["number"]]:
            _mark_stale(session, lease)


def _mark_stale(session: Session, lease: Mapping[str, Any]) -> None:
    missed = select(CallRow.id).where(
        CallRow.workspace_id == lease["workspace_id"],
        CallRow.line == lease["number"],
        CallRow.started_at >= lease["since"] - LATE,
    )
    again = update(AttributionRow).where(AttributionRow.call_id.in_(missed)).values(stale=True)
    session.execute(again.execution_options(synchronize_session=False))


def ask_again_of_forms(session: Session, forms: Sequence[Mapping[str, Any]]) -> None:
    """A form that names a client is known of now: calls of that client since it was sent may have been unknown."""
    for form in forms:
        if form["phone_e164"]:
            missed = select(CallRow.id).where(
                CallRow.workspace_id == form["workspace_id"],
                CallRow.client_e164 == form["phone_e164"],
                CallRow.started_at >= form["at"],
            )
            unknown = AttributionRow.visit_uid.is_(None)
            again = update(AttributionRow).where(AttributionRow.call_id.in_(missed), unknown).values(stale=True)
            session.execute(again.execution_options(synchronize_session=False))
