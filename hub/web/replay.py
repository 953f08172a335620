"""Putting work back: checked by workspace, done by the engine, written into the audit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy.orm import Session

from hub.db.tables import AuditRow
from hub.web.queries.deliveries import own_deliveries
from hub.web.queries.inbox import own_items
from hub.web.services import web

Own = Callable[[Session, int, Sequence[int]], set[int]]


def replay_deliveries(ids: Sequence[int], workspace_id: int, actor: str) -> int | None:
    """How many deliveries go again; None when one of them is not the workspace's: then none does."""
    return _replay(ids, workspace_id, actor, "delivery", own_deliveries, web().services.replay_deliveries)


def replay_items(ids: Sequence[int], workspace_id: int, actor: str) -> int | None:
    """The same for items of the inbox."""
    return _replay(ids, workspace_id, actor, "inbox", own_items, web().services.replay_inbox)


def _replay(
    ids: Sequence[int], workspace_id: int, actor: str, kind: str, own: Own, again: Callable[[Sequence[int], int], int]
) -> int | None:
    wanted = sorted(set(ids))
    with web().database.transaction() as session:
        if own(session, workspace_id, wanted) != set(wanted):
            return None
        at = web().services.now()
        for row_id in wanted:
            session.add(
                AuditRow(workspace_id=workspace_id, at=at, actor=actor, action=f"{kind}.replay", subject=str(row_id))
            )
    return again(wanted, workspace_id)
