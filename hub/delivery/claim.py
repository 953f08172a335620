"""Claiming outbox rows: a lease in database time, in order per call, one at a time per client where asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Exists, Select, and_, bindparam, exists, or_, select
from sqlalchemy.orm import Session, aliased

from connectors.contract import CrmTogether, StepResult
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.tables import Connection
from hub.db.work import DEADLY_AFTER_LEASES, DeliveryRow, DeliveryState
from hub.delivery.readiness import OPEN, another_is_under_way, needs_are_met, siblings
from hub.delivery.schedule import BREAKER_OPENS_AFTER
from hub.delivery.suspects import bury
from hub.domain.codec import from_document
from hub.domain.intents import Intent, Lane
from hub.runtime import Runtime

_IS_OPEN = DeliveryRow.state.in_(
    bindparam("open_states", [str(state) for state in OPEN], expanding=True, literal_execute=True)
)
"""Written out and not bound: only then does a database see that the index of the rows to do holds all of them."""
_LOOK_AT_MOST = 64
_ROUNDS = 16
"""So many rows are looked at in one transaction; when none of them was ready, the next one goes on behind them."""


@dataclass(frozen=True, slots=True)
class ClaimedStep:
    """A row in this worker's hands. `look_up_first`: an earlier try may have been carried out.

    `unknown_since` is when that try was made and `unknown_for` how long ago that was when the row was taken, both by
    the database's clock. `lease` is the number that must still stand when it is closed, `access_version` the
    connection's when it was taken.
    """

    id: int
    connection_id: int
    call_id: int | None
    callback_id: int | None
    step_key: str
    intent: Intent
    lane: Lane
    lease: int
    access_version: int
    attempts: int
    repeatable: bool
    resend_is_safe: bool
    look_up_first: bool
    unknown_since: datetime | None
    unknown_for: timedelta
    first_sent_at: datetime
    done: dict[str, StepResult]
    is_suspect: bool = False
    """Its last lease ended without a word: it may kill whoever sends it, so one of these is sent at a time."""
    shares: str | None = None
    """What names the request that the step may share with others; None for one that goes alone."""


def due_connections(session: Session, lanes: Sequence[Lane]) -> list[int]:
    """Connections that have work to do now, and may be asked."""
    now = database_now(session)
    work = exists().where(
        DeliveryRow.connection_id == Connection.id,
        DeliveryRow.lane.in_(lanes),
        _IS_OPEN,
        DeliveryRow.due_at <= now,
    )
    return list(session.scalars(select(Connection.id).where(_may_be_asked(now), work)))


def _may_be_asked(now: datetime) -> ColumnElement[bool]:
    return and_(Connection.state == "active", or_(Connection.breaker_until.is_(None), Connection.breaker_until <= now))


def claim(
    runtime: Runtime,
    connection_id: int,
    lanes: Sequence[Lane],
    limit: int,
    *,
    together: bool = False,
    suspects: bool = True,
) -> list[ClaimedStep]:
    """Take up to `limit` due rows of one connection, the most urgent first.

    With `together`, rows that may share a request (`ClaimedStep.shares`) count as one. A suspect is the last that is
    taken; without `suspects` there is none.
    """

    def work(session: Session) -> tuple[list[ClaimedStep], bool]:
        turn = Turn(connection_id, lanes, limit, together=together, suspects=suspects)
        return claim_some(session, runtime, turn)

    for _ in range(_ROUNDS):
        taken, is_all = in_transaction(runtime.database, work)
        if taken or is_all:
            return taken
    return []


@dataclass(frozen=True, slots=True)
class Turn:
    """What one claim asks for."""

    connection_id: int
    lanes: Sequence[Lane]
    limit: int
    together: bool
    suspects: bool


def claim_some(session: Session, runtime: Runtime, turn: Turn) -> tuple[list[ClaimedStep], bool]:
    """One transaction of `claim`: what was taken, and whether everything that is due was looked at.

    Locks no more rows than it reads.
    """
    now = database_now(session)
    connection = session.scalar(select(Connection).where(Connection.id == turn.connection_id, _may_be_asked(now)))
    if connection is None:
        return [], True
    limit, together = turn.limit, turn.together
    if connection.failures_in_row >= BREAKER_OPENS_AFTER or connection.throttled_in_row:
        limit, together = 1, False  # one probe tells whether the trouble is over
    joined = runtime.registry[connection.vendor].together if together else None
    taken: list[ClaimedStep] = []
    requests: Counter[str | int] = Counter()
    rows = _due_in_turn(session, turn, now, joined.most if joined else limit)
    for looked_at, row in enumerate(rows, 1):
        shares = _shared_by(row, joined)
        request = shares or row.id
        if len(requests) >= limit and request not in requests:
            return taken, False
        step = _take(session, runtime, connection, row, now)
        if step is not None:
            taken.append(replace(step, shares=shares))
            requests[request] += 1
        is_suspect = step is not None and step.is_suspect
        if is_suspect or looked_at >= _LOOK_AT_MOST or _is_full(requests, limit, joined):
            return taken, False
    return taken, True


def _is_full(requests: Counter[str | int], limit: int, joined: CrmTogether | None) -> bool:
    """Whether no other row can be taken: a request that is shared has room up to its `most`."""
    if joined is not None and any(isinstance(name, str) for name in requests):
        return max(requests.values()) >= joined.most
    return len(requests) >= limit


def _shared_by(row: DeliveryRow, together: CrmTogether | None) -> str | None:
    """A step that may have been carried out is looked up first, and alone."""
    may_be_done = row.unknown_at is not None or row.state == DeliveryState.LEASED
    if together is None or may_be_done or not together.joins(row.step_key):
        return None
    return row.intent_kind


def _due_in_turn(session: Session, turn: Turn, now: datetime, at_once: int) -> Iterator[DeliveryRow]:
    """Due rows, the most urgent lane first, a few at a time: what nobody asks for is neither read nor locked.

    A row that was handed out is due no more, be it taken, put off or closed, so each look finds the next ones.
    """
    for lane in (lane for lane in Lane if lane in turn.lanes):
        due = _due_rows(turn.connection_id, lane, now, at_once)
        if not turn.suspects:
            due = due.where(DeliveryRow.state != DeliveryState.LEASED)
        while rows := session.scalars(due).all():
            yield from rows


def _due_rows(connection_id: int, lane: Lane, now: datetime, limit: int) -> Select[DeliveryRow]:
    """In the order of the index of due rows: a long backlog need not be sorted to find its beginning."""
    of_call, of_callback = aliased(DeliveryRow), aliased(DeliveryRow)
    waits_in_call = _waits_for(of_call).where(of_call.call_id == DeliveryRow.call_id)
    waits_in_callback = _waits_for(of_callback).where(of_callback.callback_id == DeliveryRow.callback_id)
    return (
        select(DeliveryRow)
        .where(
            DeliveryRow.connection_id == connection_id,
            DeliveryRow.lane == lane,
            _IS_OPEN,
            DeliveryRow.due_at <= now,
            ~waits_in_call,
            ~waits_in_callback,
        )
        .order_by(DeliveryRow.due_at, DeliveryRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )


def _waits_for(earlier: type[DeliveryRow]) -> Exists:
    """Two questions instead of one with "or": each has its own index."""
    return exists().where(
        earlier.connection_id == DeliveryRow.connection_id,
        earlier.rank < DeliveryRow.rank,
        earlier.state.in_(OPEN),
    )


def _take(
    session: Session, runtime: Runtime, connection: Connection, row: DeliveryRow, now: datetime
) -> ClaimedStep | None:
    if row.expires_at <= now:
        row.state, row.closed_at = DeliveryState.EXPIRED, now
        row.last_error = row.last_error or "its time passed before it could be sent"
        return None
    beside = siblings(session, row)
    if not needs_are_met(row, beside, now):
        return None
    if row.serial_key and another_is_under_way(session, row, now):
        row.due_at = now + timedelta(seconds=0.2)
        return None
    lapsed = row.state == DeliveryState.LEASED
    if lapsed and not row.repeatable and row.unknown_at is None:
        row.unknown_at = row.due_at - timedelta(seconds=runtime.settings.lease_seconds)
    if row.taken >= DEADLY_AFTER_LEASES:
        bury(session, row, now)
        return None
    first_sent_at = row.first_sent_at or now
    row.state, row.lease, row.taken = DeliveryState.LEASED, row.lease + 1, row.taken + 1
    row.first_sent_at = first_sent_at
    row.due_at = now + timedelta(seconds=runtime.settings.lease_seconds)
    return ClaimedStep(
        id=row.id,
        connection_id=row.connection_id,
        call_id=row.call_id,
        callback_id=row.callback_id,
        step_key=row.step_key,
        intent=from_document(row.intent, Intent),
        lane=Lane(row.lane),
        lease=row.lease,
        access_version=connection.access_version,
        attempts=row.attempts,
        repeatable=row.repeatable,
        resend_is_safe=row.resend_is_safe,
        look_up_first=row.unknown_at is not None and not row.repeatable,
        unknown_since=row.unknown_at,
        unknown_for=now - row.unknown_at if row.unknown_at else timedelta(0),
        first_sent_at=first_sent_at,
        done={one.step_key: one.result for one in beside if one.state == DeliveryState.DONE},
        is_suspect=lapsed,
    )
