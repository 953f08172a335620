"""What the hub remembers of a client on one CRM connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hub.db.callbacks import CallbackRow
from hub.db.engine import database_now
from hub.db.tables import CallRow
from hub.db.work import DeliveryRow, DeliveryState
from hub.domain.intents import IntentKind
from hub.domain.party import TASK_ON_ITS_WAY

_GIVEN_UP = (DeliveryState.DEAD, DeliveryState.EXPIRED, DeliveryState.SUPERSEDED)


def open_task_ids(session: Session, connection_id: int, call: CallRow) -> tuple[str, ...]:
    """The CRM's ids of this client's missed-call tasks that nobody has closed.

    A task that is still on its way counts too, under the name "pending:<row>": no second one is made.
    """
    if not call.client_e164:
        return ()
    rows = [*_tasks_of_calls(session, connection_id, call), *_tasks_of_requests(session, connection_id, call)]
    closed = {row.intent.get("about") for row in rows if row.intent_kind == IntentKind.CLOSE_TASK}
    found = []
    for row in rows:
        if row.intent_kind != IntentKind.ADD_TASK:
            continue
        if row.state == DeliveryState.DONE:
            task_id = row.result.get("task_id")
            if task_id is not None:
                found.append(str(task_id))
        else:
            found.append(f"{TASK_ON_ITS_WAY}{row.id}")
    return tuple(key for key in found if key not in closed)


def _tasks_of_calls(session: Session, connection_id: int, call: CallRow) -> Sequence[Any]:
    return session.execute(
        _tasks(connection_id)
        .join(CallRow, CallRow.id == DeliveryRow.call_id)
        .where(
            CallRow.workspace_id == call.workspace_id,
            CallRow.client_e164 == call.client_e164,
            CallRow.id != call.id,
        )
    ).all()


def _tasks_of_requests(session: Session, connection_id: int, call: CallRow) -> Sequence[Any]:
    """A callback that failed left a task as well."""
    return session.execute(
        _tasks(connection_id)
        .join(CallbackRow, CallbackRow.id == DeliveryRow.callback_id)
        .where(CallbackRow.workspace_id == call.workspace_id, CallbackRow.e164 == call.client_e164)
    ).all()


def _tasks(connection_id: int) -> Select[Any]:
    columns = (DeliveryRow.id, DeliveryRow.intent_kind, DeliveryRow.intent, DeliveryRow.state, DeliveryRow.result)
    return select(*columns).where(
        DeliveryRow.connection_id == connection_id,
        DeliveryRow.intent_kind.in_([IntentKind.ADD_TASK, IntentKind.CLOSE_TASK]),
        DeliveryRow.state.not_in(_GIVEN_UP),
    )


def take_back_tasks(session: Session, open_keys: tuple[str, ...]) -> None:
    """The client was reached before their task went out: it need not be made any more."""
    ids = [int(key.removeprefix(TASK_ON_ITS_WAY)) for key in open_keys if key.startswith(TASK_ON_ITS_WAY)]
    unsent = select(DeliveryRow).where(DeliveryRow.id.in_(ids), DeliveryRow.first_sent_at.is_(None))
    for row in session.scalars(unsent.with_for_update().execution_options(populate_existing=True)):
        row.state, row.last_error = DeliveryState.SUPERSEDED, "the client was reached meanwhile"
        row.closed_at = database_now(session)
