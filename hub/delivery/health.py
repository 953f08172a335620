"""A connection's health: the breaker, the pause, and the mend in plain words."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.tables import Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.schedule import breaker_pause, throttle_pause
from hub.delivery.verdict import Health, Verdict
from hub.runtime import Runtime

log = structlog.get_logger()

WAITING = (DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.VERIFYING)
_NOTED_EVERY = timedelta(seconds=5)
MEND_REVOKED = "Connect it again: the access that was given does not work any more."
MEND_PAUSED = "Settle it with the vendor, then press Resume."


def note_health(runtime: Runtime, connection_id: int, verdict: Verdict, access_version: int) -> None:
    """Let the connection learn from one try, which was begun when it stood at `access_version`."""
    match verdict.health:
        case Health.GOOD:
            in_transaction(runtime.database, lambda session: _recovered(session, connection_id))
        case Health.TROUBLE:
            in_transaction(runtime.database, lambda session: _trouble(session, connection_id, verdict.words))
        case Health.THROTTLED:
            _hold(runtime, connection_id, verdict)
        case Health.REVOKED:
            _refused(runtime, connection_id, access_version, "needs_reconnect", verdict.words, MEND_REVOKED)
        case Health.PAUSED:
            _refused(runtime, connection_id, access_version, "paused", verdict.words, MEND_PAUSED)
        case Health.SILENT:
            return


def _recovered(session: Session, connection_id: int) -> None:
    now = database_now(session)
    stands_wrong = or_(
        Connection.failures_in_row > 0,
        Connection.throttled_in_row > 0,
        Connection.last_success_at.is_(None),
        Connection.last_success_at < now - _NOTED_EVERY,  # not a write for every delivery of a busy connection
    )
    session.execute(
        update(Connection)
        .where(Connection.id == connection_id, stands_wrong)
        .values(failures_in_row=0, throttled_in_row=0, breaker_until=None, failing_since=None, last_success_at=now)
    )


def _trouble(session: Session, connection_id: int, words: str) -> None:
    connection = session.get_one(Connection, connection_id, with_for_update=True)
    now = database_now(session)
    connection.failures_in_row += 1
    connection.failing_since = connection.failing_since or now
    connection.last_error = words[:2000]
    rest = breaker_pause(connection.failures_in_row)
    if rest is not None:
        connection.breaker_until = now + rest
        log.warning("breaker_open", connection_id=connection_id, seconds=rest.total_seconds(), words=words[:200])


def _hold(runtime: Runtime, connection_id: int, verdict: Verdict) -> None:
    """The vendor says "too fast": all lanes rest until it said, or a little longer each time."""

    def work(session: Session) -> datetime:
        connection = session.get_one(Connection, connection_id, with_for_update=True)
        now = database_now(session)
        until = verdict.hold_until or now + throttle_pause(connection.throttled_in_row)
        connection.throttled_in_row += 1
        connection.last_error = verdict.words[:2000]
        connection.breaker_until = max(until, connection.breaker_until or until)
        return until

    in_transaction(runtime.database, work)


def rest(runtime: Runtime, connection_id: int, until: datetime | None, words: str) -> None:
    """The vendor said "too fast" to something that was no delivery: deliveries rest as well, and never for less."""

    def work(session: Session) -> None:
        connection = session.get_one(Connection, connection_id, with_for_update=True)
        now = database_now(session)
        wanted = until or now + throttle_pause(connection.throttled_in_row)
        connection.breaker_until = max(wanted, connection.breaker_until or wanted)
        connection.throttled_in_row += 1
        connection.last_error = words[:2000]

    in_transaction(runtime.database, work)


def rests_until(runtime: Runtime, connection_id: int) -> datetime | None:
    """Until when a vendor that said "too fast" is left alone; None when it may be asked."""
    with runtime.database.reading() as session:
        row = session.get_one(Connection, connection_id)
        until = row.breaker_until if row.throttled_in_row else None
        return until if until is not None and until > database_now(session) else None


def _refused(runtime: Runtime, connection_id: int, access_version: int, state: str, reason: str, mend: str) -> None:
    """Stop, unless somebody has connected it anew since: then what was refused is tried with the new access."""

    def work(session: Session) -> None:
        connection = session.get_one(Connection, connection_id, with_for_update=True)
        if connection.access_version == access_version:
            stop(session, connection, state, reason, mend)
        elif connection.state == "active":
            _move(session, connection_id, (DeliveryState.BLOCKED,), DeliveryState.PENDING)

    in_transaction(runtime.database, work)


def stop(session: Session, connection: Connection, state: str, reason: str, mend: str) -> None:
    """Stop a connection, whose row is locked; its rows wait as `blocked`, and other connections feel nothing."""
    if connection.state == "active":
        connection.state_since = database_now(session)
        log.error("connection_paused", connection_id=connection.id, state=state, reason=reason[:300])
    connection.state, connection.state_reason, connection.state_mend = state, reason[:2000], mend
    _move(session, connection.id, WAITING, DeliveryState.BLOCKED)


def resume(session: Session, connection_id: int) -> int:
    """Let a paused or reconnected connection go on; returns how many rows it takes up again."""
    session.execute(
        update(Connection)
        .where(Connection.id == connection_id)
        .values(
            state="active",
            state_reason="",
            state_mend="",
            state_since=None,
            access_version=Connection.access_version + 1,
            failures_in_row=0,
            throttled_in_row=0,
            breaker_until=None,
            failing_since=None,
        )
    )
    return _move(session, connection_id, (DeliveryState.BLOCKED,), DeliveryState.PENDING)


def _move(session: Session, connection_id: int, before: tuple[DeliveryState, ...], after: DeliveryState) -> int:
    result = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.connection_id == connection_id, DeliveryRow.state.in_(before))
        .values(state=after, due_at=database_now(session))
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
