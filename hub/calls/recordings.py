"""Fetching recordings from the PBX: on schedule, checked, kept once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import OpenDoor
from hub.calls.intake import OnChange
from hub.calls.record import refold
from hub.calls.storage import CONTENT_TYPES, NotARecording, RecordingFolder
from hub.db.engine import database_now
from hub.db.locks import take_turn
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow, Connection, RecordingRow
from hub.domain.errors import AuthRevoked, DeliveryError, Paused, Rejected, Throttled
from hub.observe.crash import crash_point
from hub.runtime import Runtime

log = structlog.get_logger()

LIVES = timedelta(days=14)
_FETCH_LEASES = 2.5
"""A fetch holds its row for so many leases: a large file takes longer than a CRM call, and nobody renews it."""


@dataclass(frozen=True, slots=True)
class WantedRecording:
    id: int
    connection_id: int
    vendor: str
    recording_key: str
    token: str
    attempts: int
    created_at: datetime


def fetch_due(runtime: Runtime, open_door: OpenDoor, on_change: OnChange, delay: Callable[[int], timedelta]) -> int:
    """Fetch every recording that is due; returns how many were tried. `delay(attempts)` is the retry schedule."""
    tried = 0
    while (wanted := _claim(runtime)) is not None:
        _fetch(runtime, wanted, open_door, on_change, delay)
        tried += 1
    return tried


def next_due(session: Session) -> datetime | None:
    """When the next recording wants to be fetched."""
    return session.scalar(
        select(RecordingRow.next_attempt_at)
        .where(RecordingRow.state == "wanted")
        .order_by(RecordingRow.next_attempt_at)
        .limit(1)
    )


def _claim(runtime: Runtime) -> WantedRecording | None:
    with runtime.database.transaction() as session:
        now = database_now(session)
        found = session.execute(
            select(RecordingRow, Connection.vendor)
            .join(Connection, Connection.id == RecordingRow.connection_id)
            .where(RecordingRow.state == "wanted", RecordingRow.next_attempt_at <= now, Connection.state == "active")
            .order_by(RecordingRow.next_attempt_at)
            .limit(1)
            .with_for_update(of=RecordingRow, skip_locked=True)
        ).first()
        if found is None:
            return None
        row, vendor = found
        row.next_attempt_at = now + timedelta(seconds=_FETCH_LEASES * runtime.settings.lease_seconds)
        return WantedRecording(
            row.id, row.connection_id, vendor, row.recording_key, row.token, row.attempts, row.created_at
        )


def _fetch(
    runtime: Runtime,
    wanted: WantedRecording,
    open_door: OpenDoor,
    on_change: OnChange,
    delay: Callable[[int], timedelta],
) -> None:
    folder = RecordingFolder(runtime.settings.recordings)
    pbx = runtime.registry[wanted.vendor].pbx
    try:
        if pbx is None:
            raise Rejected(f"{wanted.vendor} has no recordings to fetch")
        with open_door(wanted.connection_id) as door, folder.draft() as draft:
            pbx.fetch_recording(wanted.recording_key, door, draft)
            name, size_bytes = folder.keep(draft, wanted.token)
        crash_point("after_recording_fetch_before_commit")
    except NotARecording as error:
        _try_later(runtime, wanted, str(error), delay)
    except DeliveryError as error:
        _not_now(runtime, wanted, error, delay)
    else:
        _stored(runtime, wanted, name, size_bytes, on_change)


def _stored(runtime: Runtime, wanted: WantedRecording, name: str, size_bytes: int, on_change: OnChange) -> None:
    def work(session: Session) -> None:
        row = session.get_one(RecordingRow, wanted.id)
        call = session.get_one(CallRow, row.call_id)
        take_turn(session, "call", call.connection_id, call.call_key)
        row.state, row.reason, row.file_name, row.size_bytes = "stored", "", name, size_bytes
        row.content_type = CONTENT_TYPES[name.rsplit(".", 1)[1]]
        row.stored_at = database_now(session)
        session.flush()
        on_change(session, refold(session, runtime, call, stale=call.closing == "stale"))

    in_transaction(runtime.database, work)
    log.info("recording_kept", recording_id=wanted.id, size_bytes=size_bytes)


def _not_now(
    runtime: Runtime, wanted: WantedRecording, error: DeliveryError, delay: Callable[[int], timedelta]
) -> None:
    match error:
        case Rejected():
            _give_up(runtime, wanted, str(error))
        case Throttled():
            _put_off(runtime, wanted, str(error), error.until or runtime.now() + timedelta(seconds=2), attempts=0)
        case AuthRevoked() | Paused():
            _put_off(runtime, wanted, str(error), runtime.now() + timedelta(minutes=10), attempts=0)
        case _:
            _try_later(runtime, wanted, str(error), delay)


def _try_later(runtime: Runtime, wanted: WantedRecording, reason: str, delay: Callable[[int], timedelta]) -> None:
    if runtime.now() - wanted.created_at > LIVES:
        _give_up(runtime, wanted, f"no recording within {LIVES.days} days: {reason}")
        return
    _put_off(runtime, wanted, reason, runtime.now() + delay(wanted.attempts + 1), attempts=1)


def _put_off(runtime: Runtime, wanted: WantedRecording, reason: str, until: datetime, *, attempts: int) -> None:
    with runtime.database.transaction() as session:
        row = session.get_one(RecordingRow, wanted.id)
        row.reason, row.attempts = reason[:2000], row.attempts + attempts
        row.next_attempt_at = database_now(session) + max(until - runtime.now(), timedelta(0))
    log.info("recording_not_ready", recording_id=wanted.id, reason=reason[:200], attempts=wanted.attempts + attempts)


def _give_up(runtime: Runtime, wanted: WantedRecording, reason: str) -> None:
    with runtime.database.transaction() as session:
        row = session.get_one(RecordingRow, wanted.id)
        row.state, row.reason = "failed", reason[:2000]
    log.warning("recording_failed", recording_id=wanted.id, reason=reason[:200])
