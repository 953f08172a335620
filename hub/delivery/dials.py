"""Calls that a CRM asked for: ordered at a PBX once, met by the PBX's events, or given up and closed in the CRM.

The row is the truth. It says `ordered` before the PBX is told, because a telephone that rings must
not ring twice; what the PBX then does is known by its events, which carry the row's `command_id`.
"""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.record import CallChange
from hub.db.dials import DialRow, DialState
from hub.db.engine import database_now
from hub.db.tables import Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.rows import new_row
from hub.domain.call import Call, Outcome
from hub.domain.codec import from_document, to_document
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.notices import DialRequested
from hub.runtime import Runtime

CLICK_LIVES = timedelta(seconds=60)
FOUND_WITHIN = timedelta(minutes=2)
_CLOCKS_DIFFER = timedelta(seconds=5)
_KEPT = timedelta(days=14)


def note_wish(session: Session, connection_id: int, notice: DialRequested) -> DialRow:
    """Keep what somebody clicked in the CRM at `connection_id`, in the transaction that reads it."""
    connection = session.get_one(Connection, connection_id)
    now = database_now(session)
    row = DialRow(
        workspace_id=connection.workspace_id,
        crm_connection_id=connection_id,
        command_id=uuid.uuid4().hex,
        kind="click",
        notice=to_document(notice),
        dial=to_document(notice),
        client_e164=notice.client.e164,
        state=DialState.WANTED,
        due_at=now,
        expires_at=now + CLICK_LIVES,
        created_at=now,
    )
    session.add(row)
    session.flush()
    return row


def dial_of(row: DialRow) -> DialRequested | None:
    """The call that the CRM has opened for this row; None while there is none."""
    return from_document(row.dial, DialRequested) if row.dial else None


# --- Met by the PBX's events ------------------------------------------------------------------------


def meet_dials(session: Session, runtime: Runtime, change: CallChange) -> None:
    """A call that the CRM opened itself is not registered a second time: its id is taken over.

    Done before the call is planned, in the same transaction, when the call is first seen.
    """
    call = change.call
    if call.direction is not Direction.OUTBOUND or call.client is None or call.client.e164 is None:
        return
    for row in _dials_of(session, change):
        if _adopt(session, runtime, change, row):
            row.state, row.call_id = DialState.MET, change.row.id
            row.closed_at = database_now(session)


def _dials_of(session: Session, change: CallChange) -> list[DialRow]:
    waiting = (
        DialRow.workspace_id == change.row.workspace_id,
        DialRow.state.in_((DialState.WANTED, DialState.ORDERED)),
    )
    if change.call.command_ids:
        by_command = select(DialRow).where(*waiting, DialRow.command_id.in_(change.call.command_ids))
        return list(session.scalars(by_command.with_for_update()))
    return _dialled_by_hand(session, change, waiting)


def _dialled_by_hand(session: Session, change: CallChange, waiting: tuple[object, ...]) -> list[DialRow]:
    """A PBX that repeats no command id, or an employee who dialled the clicked number on the telephone itself."""
    call = change.call
    began = call.started_at
    rows = session.scalars(
        select(DialRow)
        .where(
            *waiting,  # type: ignore[arg-type]
            DialRow.client_e164 == change.row.client_e164,
            DialRow.created_at <= began + _CLOCKS_DIFFER,
            DialRow.created_at >= began - FOUND_WITHIN,
        )
        .order_by(DialRow.id)
        .with_for_update()
    )
    people = {leg.extension for leg in call.legs if leg.extension}
    return [row for row in rows if row.extension and row.extension in people][:1]


def _adopt(session: Session, runtime: Runtime, change: CallChange, row: DialRow) -> bool:
    """Write the step that the CRM has done already as done. False when there is no call of the CRM's to take over."""
    crm = session.get_one(Connection, row.crm_connection_id)
    dials, dial = runtime.registry[crm.vendor].dials, dial_of(row)
    if dials is None or dial is None or not dial.crm_call_id:
        return False
    spec, result = dials.adopted(dial)
    known = select(DeliveryRow.id).where(
        DeliveryRow.call_id == change.row.id,
        DeliveryRow.connection_id == crm.id,
        DeliveryRow.step_key == spec.key,
    )
    if session.scalar(known) is not None:
        return False
    now = database_now(session)
    session.add(
        new_row(
            crm,
            _intent(change, dial),
            spec,
            now,
            call_id=change.row.id,
            state=DeliveryState.DONE,
            expires_at=now + _KEPT,
            first_sent_at=row.created_at,
            result=dict(result),
            closed_at=now,
        )
    )
    session.flush()
    return True


def _intent(change: CallChange, dial: DialRequested) -> Intent:
    call: Call = change.call
    assert call.direction is not None
    facts = CallFacts(
        call_id=change.row.uid,
        direction=call.direction,
        client=call.client,
        line=call.line,
        started_at=call.started_at,
        answered=call.outcome is Outcome.ANSWERED,
        talk_seconds=call.talk_seconds,
        wait_seconds=call.wait_seconds,
        ended_at=call.ended_at,
        result=call.missed_reason,
        user_id=dial.user_id,
        extension=None,
    )
    why = Why("", "a call that the CRM opened is not registered again", f"CRM call {dial.crm_call_id}")
    return Intent(IntentKind.LOG_CALL, "log", facts, (why,))
