"""Reading kept webhooks again, after a fix or an update."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update

from hub.db.engine import Database, database_now
from hub.db.tables import Connection
from hub.db.work import InboxRow, InboxState


def replay_inbox(database: Database, ids: Sequence[int], workspace_id: int | None = None) -> int:
    """Make these inbox rows wait again; returns how many. Reading one twice changes nothing."""
    with database.transaction() as session:
        rows = select(InboxRow.id).where(InboxRow.id.in_(ids), InboxRow.state != InboxState.RECEIVED)
        if workspace_id is not None:
            rows = rows.join(Connection, Connection.id == InboxRow.connection_id).where(
                Connection.workspace_id == workspace_id
            )
        result = session.execute(
            update(InboxRow)
            .where(InboxRow.id.in_(rows))
            .values(
                state=InboxState.RECEIVED,
                reason="",
                attempts=0,
                taken=0,
                due_at=database_now(session),
                closed_at=None,
            )
            .execution_options(synchronize_session=False)
        )
        return int(result.rowcount)  # type: ignore[attr-defined]
