"""The hub's own calls of a window, and writing down what was mended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.record import SAME_CALL_WITHIN
from hub.db.engine import database_now
from hub.db.statements import RepairRow
from hub.db.tables import CallRow, Workspace
from hub.delivery.reconcile.difference import Kind, Window

_KEYS_AT_ONCE = 500


def settled_calls(session: Session, connection_id: int, workspace_id: int, window: Window) -> Sequence[CallRow]:
    """Calls of a PBX connection that began in the window and are over long enough, the oldest first."""
    return session.scalars(
        select(CallRow)
        .where(
            CallRow.workspace_id == workspace_id,
            CallRow.connection_id == connection_id,
            CallRow.started_at >= window.since,
            CallRow.started_at < window.until,
            CallRow.closing != "open",
            CallRow.ended_at <= window.settled_before,
        )
        .order_by(CallRow.started_at, CallRow.id)
    ).all()


def calls_with_keys(session: Session, connection_id: int, keys: Collection[str]) -> dict[str, list[CallRow]]:
    """The hub's calls that carry these ids of the PBX; more than one when the PBX used an id again."""
    found: dict[str, list[CallRow]] = {}
    ordered = sorted(keys)
    for start in range(0, len(ordered), _KEYS_AT_ONCE):
        some = ordered[start : start + _KEYS_AT_ONCE]
        rows = select(CallRow).where(CallRow.connection_id == connection_id, CallRow.call_key.in_(some))
        for row in session.scalars(rows):
            found.setdefault(row.call_key, []).append(row)
    return found


def same_call(rows: Sequence[CallRow], started_at: datetime) -> CallRow | None:
    """The one of them that a call begun at `started_at` belongs to."""
    near = [row for row in rows if abs(row.started_at - started_at) <= SAME_CALL_WITHIN]
    return min(near, key=lambda row: abs(row.started_at - started_at), default=None)


def note_repair(session: Session, call: CallRow, kind: Kind, connection: str, words: str) -> None:
    """Keep for the statement that something was mended, in the transaction that mends it."""
    workspace = session.get_one(Workspace, call.workspace_id)
    session.add(
        RepairRow(
            connection_id=call.connection_id,
            call_id=call.id,
            day=local_day(call.started_at, workspace),
            kind=kind,
            with_connection=connection,
            words=words[:2000],
            at=database_now(session),
        )
    )


def local_day(moment: datetime, workspace: Workspace) -> date:
    return moment.astimezone(ZoneInfo(workspace.timezone)).date()
