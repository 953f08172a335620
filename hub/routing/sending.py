"""Sending commands: claimed by a lease, checked against what the PBX lists, sent once, never twice blindly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.contract import Connector, Door
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.routing import CommandRow, CommandState
from hub.db.tables import CallRow, Connection
from hub.delivery.departure import Departure
from hub.delivery.doors import open_door
from hub.delivery.health import MEND_PAUSED, MEND_REVOKED, stop
from hub.delivery.pace import keep_pace
from hub.delivery.schedule import pause_seconds
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.errors import (
    AuthExpired,
    AuthRevoked,
    NotReady,
    OutcomeUnknown,
    OverBudget,
    Paused,
    Rejected,
    TargetGone,
    Throttled,
    Unreachable,
)
from hub.domain.intents import Lane
from hub.observe.crash import crash_point
from hub.routing.extensions import check_extension
from hub.routing.legs import leg_to_steer, may_be_steered
from hub.routing.orders import FAILED_HERE, OPEN, aim_again, close
from hub.routing.telling import tell
from hub.runtime import Runtime

log = structlog.get_logger()

_AT_ONCE = 8
_CLAIM_AT_MOST = 64
_AGAIN_IN = timedelta(seconds=1)
_NEXT_LEG_IN = timedelta(milliseconds=300)
_LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Taken:
    """A command in this worker's hands; `lease` is the number that must still stand when it is closed."""

    id: int
    uid: str
    connection_id: int
    call_id: int | None
    kind: str
    order: dict[str, Any]
    lease: int
    access_version: int


class CommandSender:
    """Sends what is due, each connection's commands in their order; `on_end` is called when one came to an end."""

    def __init__(self, runtime: Runtime, on_end: Callable[[], None] = lambda: None) -> None:
        self._runtime = runtime
        self._on_end = on_end
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="command")

    def work(self) -> None:
        """Take what is due; returns before it is sent."""
        by_connection: dict[int, list[Taken]] = {}
        for taken in claim(self._runtime):
            by_connection.setdefault(taken.connection_id, []).append(taken)
        for commands in by_connection.values():
            self._pool.submit(self._send, commands)

    def until_next(self) -> float:
        """Seconds until a command is due, at most the sweep's."""
        longest = self._runtime.settings.sweep_seconds
        with self._runtime.database.reading() as session:
            due_at = session.scalar(select(func.min(CommandRow.due_at)).where(CommandRow.state.in_(OPEN)))
            now = database_now(session)
        return pause_seconds(due_at, now, least=0.02, longest=longest)

    def stop(self) -> None:
        self._pool.shutdown(wait=True)

    def _send(self, commands: Sequence[Taken]) -> None:
        try:
            send_in_order(self._runtime, commands)
        except Exception:
            log.exception("commands_failed", commands=[taken.id for taken in commands])
        self._runtime.want_commands()
        self._on_end()


def claim(runtime: Runtime) -> list[Taken]:
    """Lease what is due. One whose lease lapsed may have been sent: it is unknown, and events will tell."""
    with runtime.database.transaction() as session:
        now = database_now(session)
        rows = session.scalars(
            select(CommandRow)
            .where(CommandRow.state.in_(OPEN), CommandRow.due_at <= now)
            .order_by(CommandRow.urgency, CommandRow.id)
            .limit(_CLAIM_AT_MOST)
            .with_for_update(skip_locked=True)
        ).all()
        return [taken for row in rows if (taken := _take(session, row, now)) is not None]


def _take(session: Session, row: CommandRow, now: datetime) -> Taken | None:
    if row.state == CommandState.LEASED:
        close(session, row, CommandState.UNKNOWN, "the worker that held it is gone")
        return None
    if row.expires_at <= now:
        close(session, row, CommandState.EXPIRED, row.last_error or "its time passed before it could be sent")
        return None
    row.state, row.lease, row.due_at = CommandState.LEASED, row.lease + 1, now + _LEASE
    version = session.get_one(Connection, row.connection_id).access_version
    return Taken(row.id, row.uid, row.connection_id, row.call_id, row.kind, dict(row.order), row.lease, version)


def send_in_order(runtime: Runtime, commands: Sequence[Taken]) -> None:
    """Send one connection's commands; kinds that have to wait are put back as they are."""
    held: dict[str, datetime] = {}
    for taken in commands:
        until = held.get(taken.kind) or held.get("")
        if until is not None:
            _put_back(runtime, taken, until, "waits for its turn")
            continue
        departure = Departure()
        try:
            _send(runtime, taken, departure)
        except Throttled as error:
            until = error.until or runtime.now() + 2 * _AGAIN_IN
            held[taken.kind if isinstance(error, OverBudget) else ""] = until
            _put_back(runtime, taken, until, str(error))
        except Exception as error:  # noqa: BLE001 - what is no delivery error is logged there
            _end_badly(runtime, taken, error, departure)


def _end_badly(runtime: Runtime, taken: Taken, error: Exception, departure: Departure) -> None:
    """What certainly did not ring is tried again or refused, as the error says; what may have rung is left alone."""
    match error:
        case Unreachable() | AuthExpired() | NotReady():
            _put_back(runtime, taken, runtime.now() + _AGAIN_IN, str(error))
        case AuthRevoked() | Paused():
            _close(runtime, taken, CommandState.REFUSED, str(error))
            _stop_connection(runtime, taken, error)
        case Rejected():
            _close(runtime, taken, CommandState.REFUSED, str(error), gone=isinstance(error, TargetGone))
        case OutcomeUnknown():
            log.warning("command_outcome_unknown", command=taken.uid, reason=str(error)[:200])
            _close(runtime, taken, CommandState.UNKNOWN, str(error))
        case _ if departure.has_left:
            log.error("command_outcome_unknown", command=taken.uid, exc_info=error)
            _close(runtime, taken, CommandState.UNKNOWN, f"The hub itself failed ({type(error).__name__}).")
        case _:
            log.error("command_not_sent", command=taken.uid, exc_info=error)
            words = f"The hub itself failed before it was sent ({type(error).__name__}); nobody was rung."
            _close(runtime, taken, CommandState.REFUSED, words, code=FAILED_HERE)


def _send(runtime: Runtime, taken: Taken, departure: Departure) -> None:
    """Raises the delivery errors; on return the PBX has taken the command, or it is closed as needless."""
    connector = _connector(runtime, taken)
    commands = connector.commands
    if commands is None:
        raise Rejected(f"{connector.title} takes no commands.")
    with open_door(runtime, taken.connection_id, Lane.URGENT, purpose=f"command_{taken.kind}") as door:
        check_extension(runtime, connector, door, taken.kind, taken.order)
        aimed = _aim(runtime, taken) if taken.kind == "route" else taken
        if aimed is None:
            return
        keep_pace(runtime, commands, door.connection, taken.kind)
        try:
            tell(connector, departure.watched(door), aimed.kind, aimed.uid, aimed.order)
        except Throttled as error:
            _leave_alone(runtime, connector, door, error)
            raise
    crash_point("after_command_sent_before_close")
    _close(runtime, taken, CommandState.SENT, "")


def _leave_alone(runtime: Runtime, connector: Connector, door: Door, error: Throttled) -> None:
    """The vendor said "too fast", or has shut its API: nobody of us asks before it said."""
    if connector.pbx is None or error.until is None or isinstance(error, OverBudget):
        return
    rule = connector.pbx.quota(door.connection)
    if rule is not None:
        runtime.bucket.hold(rule.key, error.until)


def _stop_connection(runtime: Runtime, taken: Taken, error: AuthRevoked | Paused) -> None:
    """The keys work no more, or the vendor said no; unless somebody has connected it anew since."""
    revoked = isinstance(error, AuthRevoked)
    state, mend = ("needs_reconnect", MEND_REVOKED) if revoked else ("paused", MEND_PAUSED)

    def work(session: Session) -> None:
        connection = session.get_one(Connection, taken.connection_id, with_for_update=True)
        if connection.access_version == taken.access_version:
            stop(session, connection, state, str(error), mend)

    in_transaction(runtime.database, work)


def _connector(runtime: Runtime, taken: Taken) -> Connector:
    with runtime.database.reading() as session:
        connection = session.get_one(Connection, taken.connection_id)
        if connection.state != "active":
            raise Unreachable(f"the connection {connection.name} is {connection.state}")
        return runtime.registry[connection.vendor]


def _aim(runtime: Runtime, taken: Taken) -> Taken | None:
    """The route with the leg to steer as things stand now: between the order and its turn the caller may have moved on.

    None when it was put off, because the next leg is not known yet, or closed, because nobody waits any more. The leg
    is kept with the command: what the PBX answers is about that one.
    """
    to, gone = taken.order["to"], taken.order.get("gone", ())
    with runtime.database.reading() as session:
        row = session.get(CallRow, taken.call_id) if taken.call_id else None
        call = from_document(row.facts, Call) if row is not None else None
    leg = leg_to_steer(call, to, gone) if call is not None else None
    if leg is not None:
        return _aimed(runtime, taken, leg.key)
    if call is None or not may_be_steered(call) or to in call.ringing:
        _close(runtime, taken, CommandState.CANCELLED, "no leg of the call waits any more")
    else:
        _put_back(runtime, taken, runtime.now() + _NEXT_LEG_IN, "waits for the call's next leg")
    return None


def _aimed(runtime: Runtime, taken: Taken, leg_key: str) -> Taken | None:
    order = {**taken.order, "leg": leg_key}
    with runtime.database.transaction() as session:
        row = _held(session, taken)
        if row is None:
            return None
        row.order = order
    return replace(taken, order=order)


# --- Closing -----------------------------------------------------------------------------------------


def _put_back(runtime: Runtime, taken: Taken, due_at: datetime, words: str) -> None:
    with runtime.database.transaction() as session:
        row = _held(session, taken)
        if row is not None:
            row.state, row.due_at, row.last_error = CommandState.WAITING, due_at, words[:2000]


def _close(
    runtime: Runtime, taken: Taken, state: CommandState, words: str, *, gone: bool = False, code: str = ""
) -> None:
    with runtime.database.transaction() as session:
        row = _held(session, taken)
        if row is None:
            return
        close(session, row, state, words)
        row.code = code or row.code
        if state in (CommandState.SENT, CommandState.UNKNOWN):
            row.sent_at = database_now(session)
        if gone:
            aim_again(session, runtime, row)
    log.info("command_closed", command=taken.uid, kind=taken.kind, state=str(state))


def _held(session: Session, taken: Taken) -> CommandRow | None:
    """The row while it is still ours: its answer or its events may have closed it meanwhile."""
    row = session.get_one(CommandRow, taken.id, with_for_update=True)
    return row if row.state == CommandState.LEASED and row.lease == taken.lease else None
