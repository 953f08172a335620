"""Working through the calls that were clicked in CRMs: order, give up, close."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from connectors.contract import CrmDials
from hub.db.dials import DialRow, DialState
from hub.db.engine import database_now
from hub.db.routing import PbxExtension
from hub.db.tables import Connection
from hub.delivery.dials import dial_of
from hub.delivery.doors import open_door
from hub.delivery.pace import keep_pace
from hub.delivery.people import employees_for
from hub.delivery.schedule import pause_seconds, retry_delay
from hub.domain.errors import DeliveryError, NotReady, OutcomeUnknown, Throttled, Unreachable
from hub.domain.intents import Lane
from hub.domain.notices import DialRequested
from hub.runtime import Runtime

log = structlog.get_logger()

EVENTS_WITHIN = timedelta(seconds=90)
"""How long after an order the PBX may say nothing of the call before it is given up."""
_LEASE = timedelta(seconds=100)
_AGAIN_IN = timedelta(seconds=1)
_CLOSES_WITHIN = timedelta(days=1)
_AT_ONCE = 8
_DUE = (DialState.WANTED, DialState.ORDERED, DialState.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A row in this worker's hands; `dial` is the call that the CRM asks for, and may have opened."""

    id: int
    workspace_id: int
    crm_connection_id: int
    command_id: str
    state: str
    dial: DialRequested | None
    reason: str
    attempts: int
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class _Phone:
    """Where an employee can be rung."""

    connection_id: int
    vendor: str
    extension: str


class Dialler:
    """Several at once, so that a portal which answers slowly keeps nobody else from telephoning."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dial")

    def work(self) -> None:
        """Take what is due; returns before it is done."""
        for taken in _take_due(self._runtime):
            self._pool.submit(self._handle, taken)

    def until_next(self) -> float:
        """Seconds until a row is due, at most the sweep's."""
        longest = self._runtime.settings.sweep_seconds
        with self._runtime.database.reading() as session:
            due_at = session.scalar(select(func.min(DialRow.due_at)).where(DialRow.state.in_(_DUE)))
            now = database_now(session)
        return pause_seconds(due_at, now, least=0.05, longest=longest)

    def stop(self) -> None:
        self._pool.shutdown(wait=True)

    def _handle(self, taken: _Taken) -> None:
        try:
            handle(self._runtime, taken)
        except Exception:
            log.exception("dial_failed", dial_id=taken.id)


def _take_due(runtime: Runtime) -> list[_Taken]:
    with runtime.database.transaction() as session:
        now = database_now(session)
        rows = session.scalars(
            select(DialRow)
            .where(DialRow.state.in_(_DUE), DialRow.due_at <= now)
            .order_by(DialRow.due_at, DialRow.id)
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.due_at, row.attempts = now + _LEASE, row.attempts + 1
        return [_taken(row) for row in rows]


def _taken(row: DialRow) -> _Taken:
    return _Taken(
        id=row.id,
        workspace_id=row.workspace_id,
        crm_connection_id=row.crm_connection_id,
        command_id=row.command_id,
        state=row.state,
        dial=dial_of(row),
        reason=row.reason,
        attempts=row.attempts,
        expires_at=row.expires_at,
        created_at=row.created_at,
    )


def handle(runtime: Runtime, taken: _Taken) -> None:
    """One step of one row."""
    match taken.state:
        case DialState.WANTED:
            _order(runtime, taken)
        case DialState.ORDERED:
            _give_up(runtime, taken, "the PBX told nothing of the call")
        case _:
            _close_in_crm(runtime, taken)


# --- Ordering ---------------------------------------------------------------------------------------


def _order(runtime: Runtime, taken: _Taken) -> None:
    if runtime.now() >= taken.expires_at:
        _give_up(runtime, taken, taken.reason or "nobody could be rung in time")
        return
    try:
        phone = _phones(runtime, taken).get(taken.dial.user_id) if taken.dial is not None else None
        if taken.dial is None or phone is None:
            _give_up(runtime, taken, "no PBX can ring this employee: the extension is not known")
            return
        _send(runtime, taken, taken.dial, phone)
    except (Throttled, Unreachable, NotReady) as error:
        _again(runtime, taken, str(error))
    except OutcomeUnknown as error:
        log.warning("dial_outcome_unknown", dial_id=taken.id, reason=str(error)[:200])
    except DeliveryError as error:
        _give_up(runtime, taken, str(error))


def _phones(runtime: Runtime, taken: _Taken) -> Mapping[str, _Phone]:
    """The CRM's user ids whom a PBX of the workspace can ring on command, in the order of its extensions."""
    able = [vendor for vendor, connector in runtime.registry.items() if connector.commands is not None]
    found: dict[str, _Phone] = {}
    with runtime.database.reading() as session:
        crm = session.get_one(Connection, taken.crm_connection_id)
        rows = session.scalars(
            select(Connection)
            .where(
                Connection.workspace_id == taken.workspace_id,
                Connection.vendor.in_(able),
                Connection.state == "active",
            )
            .order_by(Connection.id)
        ).all()
        for pbx in rows:
            listed = _listed(session, pbx.id)
            for extension, employee in sorted(employees_for(session, pbx, crm).items()):
                if employee.user_id and (not listed or extension in listed):
                    found.setdefault(employee.user_id, _Phone(pbx.id, pbx.vendor, extension))
    return found


def _listed(session: Session, pbx_connection_id: int) -> set[str]:
    """The PBX's own list of employees' extensions; empty while it was not read."""
    return set(
        session.scalars(
            select(PbxExtension.extension).where(
                PbxExtension.connection_id == pbx_connection_id, PbxExtension.kind == "user"
            )
        )
    )


def _send(runtime: Runtime, taken: _Taken, dial: DialRequested, phone: _Phone) -> None:
    commands = runtime.registry[phone.vendor].commands
    assert commands is not None
    with open_door(runtime, phone.connection_id, Lane.URGENT, purpose="dial") as door:
        keep_pace(runtime, commands, door.connection, "callback")
        _change(
            runtime,
            taken,
            state=DialState.ORDERED,
            pbx_connection_id=phone.connection_id,
            extension=phone.extension,
            due_in=EVENTS_WITHIN,
        )
        line = dial.line if dial.line is not None and dial.line.e164 else None
        commands.callback(door, command_id=taken.command_id, extension=phone.extension, client=dial.client, line=line)
    log.info("dial_ordered", dial_id=taken.id, connection_id=phone.connection_id)


def _again(runtime: Runtime, taken: _Taken, reason: str) -> None:
    _change(runtime, taken, state=DialState.WANTED, reason=reason[:1000], due_in=_AGAIN_IN)


# --- Giving up --------------------------------------------------------------------------------------


def _give_up(runtime: Runtime, taken: _Taken, reason: str) -> None:
    """Decided and committed first; a call that has been met meanwhile stays met."""
    gave_up = _change(runtime, taken, state=DialState.GIVEN_UP, reason=reason[:1000])
    if not gave_up:
        return
    log.warning("dial_given_up", dial_id=taken.id, reason=reason[:200])
    _close_in_crm(runtime, taken, reason)


def _close_in_crm(runtime: Runtime, taken: _Taken, reason: str = "") -> None:
    """A call that was opened and never ended swallows the client's next one (bitrix24.md §10): end it."""
    try:
        if taken.dial is not None and taken.dial.crm_call_id:  # a CRM that opens no calls has none to end
            with open_door(runtime, taken.crm_connection_id, Lane.CALLS, purpose="dial") as door:
                _dials(runtime, door.connection.vendor).give_up(taken.dial, reason or taken.reason, door)
    except DeliveryError as error:
        if runtime.now() - taken.created_at < _CLOSES_WITHIN:
            pause = retry_delay(max(1, taken.attempts), runtime.settings.retry_seconds, runtime.random)
            _change(runtime, taken, due_in=max(pause, _AGAIN_IN))
            return
        log.warning("dial_not_closed", dial_id=taken.id, reason=str(error)[:200])
    _change(runtime, taken, state=DialState.CLOSED)


def _dials(runtime: Runtime, vendor: str) -> CrmDials:
    dials = runtime.registry[vendor].dials
    assert dials is not None
    return dials


def _change(runtime: Runtime, taken: _Taken, *, due_in: timedelta | None = None, **values: object) -> bool:
    """Change the row unless the call was met meanwhile, or somebody else closed it."""
    with runtime.database.transaction() as session:
        row = session.get(DialRow, taken.id, with_for_update=True)
        if row is None or row.state in (DialState.MET, DialState.CLOSED):
            return False
        now = database_now(session)
        _set(session, row, values)
        if due_in is not None:
            row.due_at = now + due_in
        if row.state == DialState.CLOSED:
            row.closed_at = now
        return True


def _set(session: Session, row: DialRow, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
