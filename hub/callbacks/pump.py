"""Working through the requests whose time has come: claimed by a lease, looked at, moved on in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import PbxHistory
from hub.callbacks.judging import NOT_CARRIED_OUT, judge
from hub.callbacks.people import is_known, pbx_to_ring
from hub.callbacks.ringing import EVENTS_WITHIN, ring, scene_of
from hub.callbacks.store import read_rules
from hub.calls.fold import fold
from hub.db.callbacks import OPEN_STATES, CallbackRow, CallbackState
from hub.db.retrying import in_transaction
from hub.db.routing import CommandRow, CommandState
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.delivery.schedule import pause_seconds
from hub.domain.call import Call
from hub.domain.errors import DeliveryError
from hub.domain.events import CallEvent, Direction
from hub.domain.intents import Lane
from hub.observe.crash import crash_point
from hub.routing.index import look_up_now
from hub.runtime import Runtime

log = structlog.get_logger()

_AT_ONCE = 8
_LEASE = timedelta(seconds=60)
_LOOKED_FOR_AT_MOST = timedelta(minutes=10)
_RINGS_NEXT = (CallbackState.REQUESTED, CallbackState.SCHEDULED)
_EARLIER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Taken:
    """A request in this worker's hands until `lease`."""

    id: int
    workspace_id: int
    e164: str
    state: str
    lease: datetime


class Ringer:
    """Several at once, so that a CRM or a PBX that answers slowly keeps no other visitor waiting."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="callback")

    def work(self) -> None:
        """Take what is due; returns before it is done."""
        for taken in take_due(self._runtime):
            self._pool.submit(self._handle, taken)

    def until_next(self) -> float:
        """Seconds until a request is due, at most the sweep's."""
        longest = self._runtime.settings.sweep_seconds
        with self._runtime.database.reading() as session:
            due_at = session.scalar(select(func.min(CallbackRow.due_at)).where(CallbackRow.state.in_(OPEN_STATES)))
        return pause_seconds(due_at, self._runtime.now(), least=0.05, longest=longest)

    def stop(self) -> None:
        self._pool.shutdown(wait=True)

    def _handle(self, taken: Taken) -> None:
        try:
            handle(self._runtime, taken)
        except Exception:
            log.exception("callback_trouble", callback_id=taken.id)
        else:
            self._runtime.want_callbacks()


def take_due(runtime: Runtime) -> list[Taken]:
    """Requests whose time has come, or whose command came to nothing; each is another worker's no more."""

    def work(session: Session) -> list[Taken]:
        now = runtime.now()
        rows = session.scalars(
            select(CallbackRow)
            .where(CallbackRow.state.in_(OPEN_STATES), or_(CallbackRow.due_at <= now, _command_failed()))
            .order_by(CallbackRow.due_at, CallbackRow.id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.due_at = now + _LEASE
        return [Taken(row.id, row.workspace_id, row.e164, row.state, row.due_at) for row in rows]

    return in_transaction(runtime.database, work)


def _command_failed() -> ColumnElement[bool]:
    return exists().where(
        CommandRow.callback_id == CallbackRow.id,
        CommandRow.uid == CallbackRow.command_uid,
        CommandRow.state.in_(NOT_CARRIED_OUT),
        CommandRow.seen_at.is_(None),
    )


def handle(runtime: Runtime, taken: Taken) -> None:
    """One step of one request. Other systems are asked first; what is decided is decided in one transaction."""
    rings = taken.state in _RINGS_NEXT
    if rings:
        _learn_owner(runtime, taken)
    lines: Mapping[int, str] | None = _lines(runtime, taken) if rings else {}
    found, was_looked_for = (None, False) if rings else _look_for(runtime, taken)

    def work(session: Session) -> None:
        row = session.get(CallbackRow, taken.id, with_for_update=True)
        if row is None or row.state not in OPEN_STATES or row.due_at != taken.lease:
            return  # events, a person or another worker were here meanwhile
        scene = scene_of(session, runtime, row, lines)
        if row.state in _RINGS_NEXT:
            ring(scene)
        else:
            judge(scene, found, was_looked_for=was_looked_for)

    in_transaction(runtime.database, work)
    crash_point("after_callback_order_commit")


# --- Asking other systems -----------------------------------------------------------------------------------


def _learn_owner(runtime: Runtime, taken: Taken) -> None:
    """Ask the CRMs whose client it is, when the index does not know; without an answer it is nobody's."""
    with runtime.database.reading() as session:
        if is_known(session, taken.workspace_id, taken.e164, runtime.now()):
            return
    try:
        look_up_now(runtime, taken.workspace_id, taken.e164)
    except DeliveryError as error:
        log.info("callback_owner_unknown", callback_id=taken.id, reason=str(error)[:200])


def _lines(runtime: Runtime, taken: Taken) -> Mapping[int, str] | None:
    """The PBX's first line, where a group is rung and no line is set: a group has no line of its own.

    None when the PBX could not be asked just now.
    """
    with runtime.database.reading() as session:
        rules, _ = read_rules(session, taken.workspace_id)
        pbx = pbx_to_ring(session, runtime, taken.workspace_id) if rules.group and not rules.line else None
    lines = runtime.registry[pbx.vendor].lines if pbx is not None else None
    if pbx is None or lines is None:
        return {}
    try:
        with open_door(runtime, pbx.id, Lane.URGENT, purpose="lines") as door:
            listed = [line.number.e164 for line in lines.lines(door)]
    except DeliveryError as error:
        log.info("callback_lines_unknown", callback_id=taken.id, reason=str(error)[:200])
        return None
    return {pbx.id: listed[0]} if listed and listed[0] else {}


def _look_for(runtime: Runtime, taken: Taken) -> tuple[Call | None, bool]:
    """The call of a command that nobody heard of, in the PBX's own list; and whether that could be asked.

    A command whose fate is unknown is never sent again before this: a telephone may have rung.
    """
    with runtime.database.reading() as session:
        row = session.get_one(CallbackRow, taken.id)
        query = select(CommandRow).where(CommandRow.uid == row.command_uid)
        command = session.scalar(query) if row.command_uid and row.call_id is None else None
        history = _history(session, runtime, command)
    if command is None or command.sent_at is None or command.seen_at is not None:
        return None, False
    if command.state not in (CommandState.SENT, CommandState.UNKNOWN):
        return None, False
    now = runtime.now()
    if now < command.sent_at + EVENTS_WITHIN * 0.9:
        return None, False
    if history is None:
        return None, True
    try:
        with open_door(runtime, command.connection_id, Lane.CALLS, purpose="find_callback") as door:
            events = history.history(door, command.sent_at - _EARLIER, now)
    except DeliveryError as error:
        log.info("callback_not_looked_for", callback_id=taken.id, reason=str(error)[:200])
        return None, now > command.sent_at + _LOOKED_FOR_AT_MOST
    return _call_to(events, taken.e164), True


def _history(session: Session, runtime: Runtime, command: CommandRow | None) -> PbxHistory | None:
    if command is None:
        return None
    return runtime.registry[session.get_one(Connection, command.connection_id).vendor].history


def _call_to(events: Sequence[CallEvent], e164: str) -> Call | None:
    by_call: dict[str, list[CallEvent]] = {}
    for event in events:
        by_call.setdefault(event.call_key, []).append(event)
    calls = [fold(told) for told in by_call.values()]
    ours = [call for call in calls if call.direction is Direction.OUTBOUND and call.client and call.client.e164 == e164]
    return max(ours, key=lambda call: call.started_at, default=None)
