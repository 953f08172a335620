"""The PBX's history against the hub's calls; what the hub has missed goes in by the way that every event goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.fold import fold
from hub.calls.intake import OnChange
from hub.calls.record import StatedEvent, record_events
from hub.calls.storable import storable_event
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow, Connection, RecordingRow
from hub.delivery.reconcile.asking import patient_door
from hub.delivery.reconcile.calls import calls_with_keys, note_repair, same_call, settled_calls
from hub.delivery.reconcile.difference import Difference, Kind, PbxComparison, Window
from hub.domain.call import Call, Closing
from hub.domain.errors import DeliveryError
from hub.domain.events import CallEvent, EventKind
from hub.runtime import Runtime

log = structlog.get_logger()

_MARGIN = timedelta(minutes=5)
"""The history may put a call's beginning a little earlier or later than its events did."""

_WORDS = {
    Kind.LOST: "the PBX had this call, and no event of it came",
    Kind.UNFINISHED: "the call is over, and its end never came",
    Kind.RECORDING_LOST: "the PBX has a recording, and no event told of it",
}


@dataclass(frozen=True, slots=True)
class _Told:
    """A call as the PBX's history tells it."""

    call: Call
    events: tuple[CallEvent, ...]


@dataclass(frozen=True, slots=True)
class _Gap:
    """What the hub lacks of a call: `events` fill it. `row` is None when it lacks all of it."""

    kind: Kind
    told: _Told
    row: CallRow | None
    events: tuple[CallEvent, ...]


def reconcile_pbx(runtime: Runtime, connection_id: int, window: Window, on_change: OnChange) -> PbxComparison:
    """Compare and repair one PBX connection's calls of a window. Raises nothing but what the database raises."""
    with runtime.database.reading() as session:
        connection = session.get_one(Connection, connection_id)
    try:
        told = _told_by_history(runtime, connection, window)
    except DeliveryError as error:
        log.warning("history_not_read", connection_id=connection_id, reason=error.message[:200])
        return PbxComparison(False, error.message, 0, len(_settled(runtime, connection, window)))
    if told is None:
        reason = f"{runtime.registry[connection.vendor].title} keeps no history that the hub can ask for"
        return PbxComparison(False, reason, 0, len(_settled(runtime, connection, window)))
    found = [_repair(runtime, connection, gap, on_change) for gap in _gaps(runtime, connection, told, window)]
    return _compared(runtime, connection, window, told, found)


def _told_by_history(runtime: Runtime, connection: Connection, window: Window) -> dict[str, _Told] | None:
    """The calls of the history by key; those that ended just now too. None where the vendor has no history."""
    asker = runtime.registry[connection.vendor].history
    if asker is None:
        return None
    until = min(window.until + _MARGIN, runtime.now())
    with patient_door(runtime, connection.id) as door:
        stated = asker.history(door, window.since - _MARGIN, until)
    by_call: dict[str, list[CallEvent]] = {}
    for event in _storable(connection.id, stated):
        by_call.setdefault(event.call_key, []).append(event)
    return {key: _Told(fold(events), tuple(events)) for key, events in by_call.items()}


def _storable(connection_id: int, stated: Sequence[CallEvent]) -> list[CallEvent]:
    """A PBX's list passes the same line as what it pushes: no text or moment of it may fail a transaction."""
    kept = [event for one in stated if (event := storable_event(one)) is not None]
    if len(kept) < len(stated):
        log.warning("history_not_kept", connection_id=connection_id, events=len(stated) - len(kept))
    return kept


# --- What is missing ----------------------------------------------------------------------------------


def _gaps(runtime: Runtime, connection: Connection, told: Mapping[str, _Told], window: Window) -> list[_Gap]:
    with runtime.database.reading() as session:
        rows = calls_with_keys(session, connection.id, told)
        kept = _kept_recordings(session, [row.id for known in rows.values() for row in known])
    gaps = []
    for key, one in told.items():
        if one.call.ended_at is None or one.call.ended_at > window.settled_before:
            continue
        row = same_call(rows.get(key, ()), one.call.started_at)
        gap = _gap(one, row, kept.get(row.id, set()) if row else set())
        began = row.started_at if row else one.call.started_at
        if gap is not None and window.since <= began < window.until:
            gaps.append(gap)
    return gaps


def _gap(told: _Told, row: CallRow | None, kept: set[str]) -> _Gap | None:
    if row is None:
        return _Gap(Kind.LOST, told, None, told.events)
    if row.closing != Closing.STATED:
        return _Gap(Kind.UNFINISHED, told, row, told.events)
    recordings = tuple(
        event
        for event in told.events
        if event.kind is EventKind.RECORDING and event.recording and event.recording.key not in kept
    )
    return _Gap(Kind.RECORDING_LOST, told, row, recordings) if recordings else None


def _kept_recordings(session: Session, call_ids: Sequence[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for start in range(0, len(call_ids), 500):
        query = select(RecordingRow.call_id, RecordingRow.recording_key).where(
            RecordingRow.call_id.in_(call_ids[start : start + 500])
        )
        for call_id, key in session.execute(query):
            found.setdefault(call_id, set()).add(key)
    return found


# --- The repair ---------------------------------------------------------------------------------------


def _repair(runtime: Runtime, connection: Connection, gap: _Gap, on_change: OnChange) -> Difference:
    call_key, words = gap.told.call.key, _WORDS[gap.kind]

    def work(session: Session) -> int:
        heard_at = database_now(session)
        stated: list[StatedEvent] = [(event, heard_at, None) for event in gap.events]
        change = record_events(session, runtime, connection.id, call_key, stated)
        on_change(session, change)
        note_repair(session, change.row, gap.kind, connection.name, words)
        return change.row.id

    try:
        call_id = in_transaction(runtime.database, work)
    except Exception as error:
        log.exception("repair_failed", connection_id=connection.id, kind=gap.kind)
        failure = f"{words}; the hub failed to take it up ({type(error).__name__})"
        return Difference(gap.kind, gap.row.id if gap.row else None, call_key, connection.name, failure)
    log.info("repaired", connection_id=connection.id, call_id=call_id, kind=gap.kind)
    return Difference(gap.kind, call_id, call_key, connection.name, words, repaired=True)


# --- The count ----------------------------------------------------------------------------------------


def _settled(runtime: Runtime, connection: Connection, window: Window) -> Sequence[CallRow]:
    with runtime.database.reading() as session:
        return settled_calls(session, connection.id, connection.workspace_id, window)


def _compared(
    runtime: Runtime,
    connection: Connection,
    window: Window,
    told: Mapping[str, _Told],
    found: Sequence[Difference],
) -> PbxComparison:
    """Both sides are counted after the repair; a call that could not be taken up counts for the PBX alone."""
    calls = _settled(runtime, connection, window)
    unknown = [row for row in calls if row.call_key not in told]
    words = "the hub heard of this call, and the PBX's history does not list it"
    differences = [
        *found,
        *(Difference(Kind.UNKNOWN_TO_PBX, row.id, row.call_key, connection.name, words) for row in unknown),
    ]
    not_taken_up = {one.call_key for one in found if not one.repaired} - {row.call_key for row in calls}
    pbx_calls = len(calls) - len(unknown) + len(not_taken_up)
    return PbxComparison(True, "", pbx_calls, len(calls), tuple(differences))
