"""Taking a request back: by whoever asked, or by one of ours."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.callbacks.heeding import take_back
from hub.callbacks.ringing import scene_of
from hub.callbacks.store import close
from hub.db.callbacks import OPEN_STATES, CallbackRow, CallbackState
from hub.runtime import Runtime

CANCELLABLE = tuple(state for state in OPEN_STATES if state is not CallbackState.TALKING)


def cancel_request(session: Session, runtime: Runtime, workspace_id: int, callback_id: int, who: str) -> bool | None:
    """Cancel it and end what rings. None when there is no such request, False when it is over or they talk."""
    row = session.scalar(
        select(CallbackRow)
        .where(CallbackRow.workspace_id == workspace_id, CallbackRow.id == callback_id)
        .with_for_update()
    )
    if row is None:
        return None
    if row.state not in CANCELLABLE:
        return False
    scene = scene_of(session, runtime, row, {})
    take_back(scene)
    close(row, CallbackState.CANCELLED, scene.now)
    scene.tell("story_cancelled", who=who)
    return True
