"""What routing does about changed calls, about notices, and about what a look-up has found."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.record import CallChange, refold
from hub.db.locks import take_turn
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow, Connection
from hub.domain.notices import CommandAnswered, Notice, PartyChanged
from hub.routing.index import grant_wishes, note_party_changed
from hub.routing.orders import note_answer, note_seen
from hub.routing.steer import steer
from hub.runtime import Runtime

_MOST_CALLS = 20


def heed_change(session: Session, runtime: Runtime, change: CallChange) -> bool:
    """Note which commands the call proves, and send it to its right person; True when that was decided now."""
    note_seen(session, change.row.id, change.call)
    return steer(session, runtime, change) is not None


def heed_notice(session: Session, runtime: Runtime, connection_id: int, notice: Notice) -> bool:
    """False when the notice is none of routing's."""
    if isinstance(notice, CommandAnswered):
        return note_answer(session, runtime, connection_id, notice) is not None
    if isinstance(notice, PartyChanged):
        vendor = session.get_one(Connection, connection_id).vendor
        owners = runtime.registry[vendor].owners
        return owners is not None and note_party_changed(session, owners, connection_id, notice)
    return False


def look_up(runtime: Runtime) -> None:
    """Ask the CRMs what is wished for; who still waits in a menu is then sent to the owner."""
    for workspace_id, e164 in grant_wishes(runtime):
        with runtime.database.reading() as session:
            waiting = session.execute(
                select(CallRow.id, CallRow.connection_id, CallRow.call_key)
                .where(CallRow.workspace_id == workspace_id, CallRow.client_e164 == e164, CallRow.closing == "open")
                .order_by(CallRow.started_at.desc())
                .limit(_MOST_CALLS)
            ).all()
        for call_id, connection_id, call_key in waiting:
            _steer_again(runtime, call_id, connection_id, call_key)


def _steer_again(runtime: Runtime, call_id: int, connection_id: int, call_key: str) -> None:
    def work(session: Session) -> None:
        take_turn(session, "call", connection_id, call_key)
        row = session.get_one(CallRow, call_id)
        steer(session, runtime, refold(session, runtime, row), again=True)

    in_transaction(runtime.database, work)
