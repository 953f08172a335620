"""Keeping a call: find or make its row, add its events, fold, and note the recordings it wants."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.fold import fold
from hub.db.callbacks import CallbackRow
from hub.db.engine import database_now
from hub.db.locks import take_turn
from hub.db.routing import CommandRow
from hub.db.tables import CallEventRow, CallRow, Connection, LineSource, RecordingRow, Workspace
from hub.db.tracking import SiteRow
from hub.domain.attribution import Attribution, Model
from hub.domain.call import Call, Recording
from hub.domain.codec import from_document, to_document
from hub.domain.events import CallEvent, Direction, RecordingState
from hub.domain.party import Source, UnknownSource, VisitStory
from hub.runtime import Runtime
from hub.tracking.attribution.told import told
from hub.tracking.live.answers import AskedCall, answer_call, answer_callback, site_of_number
from hub.tracking.places import area_of_number, plan_in

SAME_CALL_WITHIN = timedelta(days=7)
"""A PBX may use an id again; an event farther than this from a call's others belongs to a new call."""

StatedEvent = tuple[CallEvent, datetime, int | None]
"""An event, when it was received, and the inbox row that stated it."""


@dataclass(frozen=True, slots=True)
class CallChange:
    """A call as it stands after the change, inside the transaction that changes it."""

    row: CallRow
    call: Call
    source: Source | None
    visit: VisitStory | None = None
    unknown: UnknownSource | None = None


def split_by_time(stated: Sequence[StatedEvent]) -> list[list[StatedEvent]]:
    """The statements of one call id, apart where the PBX must have used the id again."""
    calls: list[list[StatedEvent]] = []
    for one in sorted(stated, key=lambda statement: statement[0].at):
        if calls and one[0].at - calls[-1][-1][0].at <= SAME_CALL_WITHIN:
            calls[-1].append(one)
        else:
            calls.append([one])
    return calls


def record_events(
    session: Session, runtime: Runtime, connection_id: int, call_key: str, stated: Sequence[StatedEvent]
) -> CallChange:
    """Add `stated` to the call they belong to and fold it anew. Other workers on the same call wait."""
    take_turn(session, "call", connection_id, call_key)
    row = _row_for(session, connection_id, call_key, stated)
    known = set(session.scalars(select(CallEventRow.event_key).where(CallEventRow.call_id == row.id)))
    for event, received_at, inbox_id in stated:
        if event.event_key in known:
            continue
        known.add(event.event_key)
        session.add(
            CallEventRow(
                call_id=row.id,
                event_key=event.event_key,
                inbox_id=inbox_id,
                at=event.at,
                received_at=received_at,
                document=to_document(event),
            )
        )
    session.flush()
    row.last_received_at = max([row.last_received_at, *(received_at for _, received_at, _ in stated)])
    return refold(session, runtime, row)


def refold(session: Session, runtime: Runtime, row: CallRow, *, stale: bool = False) -> CallChange:
    """Fold all kept events of `row` again; `stale` closes a call whose end never came."""
    documents = session.scalars(select(CallEventRow.document).where(CallEventRow.call_id == row.id)).all()
    call = fold([from_document(document, CallEvent) for document in documents], stale=stale)
    callback = _callback_of(session, row, call)
    if callback is not None:
        call = replace(call, callback_id=callback.uid)
    source, visit, unknown = _source_of_line(session, row.workspace_id, call) if callback is None else None, None, None
    if callback is not None:
        source, visit = _source_of_request(session, runtime, row, call, callback)
    elif source is None:
        source, visit, unknown = _source_of_visit(session, runtime, row, call)
    _write(row, call, source)
    _want_recordings(session, runtime, row, call)
    session.flush()
    return CallChange(row, call, source, visit, unknown)


def _row_for(session: Session, connection_id: int, call_key: str, stated: Sequence[StatedEvent]) -> CallRow:
    first_at = min(event.at for event, _, _ in stated)
    last_at = max(event.at for event, _, _ in stated)
    candidates = session.scalars(
        select(CallRow)
        .where(CallRow.connection_id == connection_id, CallRow.call_key == call_key)
        .order_by(CallRow.id.desc())
    )
    for row in candidates:
        if row.first_at - SAME_CALL_WITHIN <= first_at and last_at <= row.last_at + SAME_CALL_WITHIN:
            row.first_at, row.last_at = min(row.first_at, first_at), max(row.last_at, last_at)
            return row
    return _new_row(session, connection_id, call_key, stated, first_at, last_at)


def _new_row(
    session: Session,
    connection_id: int,
    call_key: str,
    stated: Sequence[StatedEvent],
    first_at: datetime,
    last_at: datetime,
) -> CallRow:
    workspace_id = session.scalars(select(Connection.workspace_id).where(Connection.id == connection_id)).one()
    row = CallRow(
        uid=str(uuid.uuid4()),
        workspace_id=workspace_id,
        connection_id=connection_id,
        call_key=call_key,
        outcome="in_progress",
        closing="open",
        started_at=first_at,
        wait_seconds=0,
        talk_seconds=0,
        facts={},
        first_at=first_at,
        last_at=last_at,
        last_received_at=min(received_at for _, received_at, _ in stated),
    )
    session.add(row)
    session.flush()
    return row


def _write(row: CallRow, call: Call, source: Source | None) -> None:
    row.direction = call.direction
    row.client_e164 = call.client.e164 if call.client else None
    row.client_raw = call.client.raw[:200] if call.client else None
    row.line = call.line.display[:200] if call.line else None
    row.outcome, row.closing = call.outcome, call.closing
    row.answered_by, row.first_rung = call.answered_by, call.first_rung
    row.started_at, row.answered_at, row.ended_at = call.started_at, call.answered_at, call.ended_at
    row.wait_seconds, row.talk_seconds = call.wait_seconds, call.talk_seconds
    row.missed_reason = call.missed_reason
    row.source = source.source if source else None
    row.medium = source.medium if source else None
    row.campaign = source.campaign if source else None
    row.facts = to_document(call)


def _source_of_line(session: Session, workspace_id: int, call: Call) -> Source | None:
    """A number that stands for one advertisement says where its callers come from."""
    if call.line is None or call.line.e164 is None:
        return None
    line = session.scalar(
        select(LineSource).where(LineSource.workspace_id == workspace_id, LineSource.number == call.line.e164)
    )
    if line is None:
        return None
    locale = session.get_one(Workspace, workspace_id).locale
    evidence = told(f"static number {call.line.e164} was called", locale)
    return Source(line.source, line.medium, line.campaign, evidence=evidence)


def _callback_of(session: Session, row: CallRow, call: Call) -> CallbackRow | None:
    """The request that ordered the call, by the command that its events carry."""
    if not call.command_ids:
        return None
    return session.scalar(
        select(CallbackRow)
        .join(CommandRow, CommandRow.callback_id == CallbackRow.id)
        .where(CommandRow.uid.in_(call.command_ids), CallbackRow.workspace_id == row.workspace_id)
        .limit(1)
    )


def _source_of_request(
    session: Session, runtime: Runtime, row: CallRow, call: Call, callback: CallbackRow
) -> tuple[Source | None, VisitStory | None]:
    """Who asked is known, so the visit behind the call is too."""
    site = session.scalar(
        select(SiteRow).where(SiteRow.workspace_id == row.workspace_id, SiteRow.key == (callback.site or ""))
    )
    if site is None or callback.visit is None:
        return None, None
    runtime.carry_journal(session, site.id)
    number = call.line.e164 if call.line and call.line.e164 else site.default_number or ""
    asked = AskedCall(row.id, row.workspace_id, number, call.started_at, callback.e164)
    answered = answer_callback(session, site, asked, callback.visit)
    return answered.source, answered.visit


def _source_of_visit(
    session: Session, runtime: Runtime, row: CallRow, call: Call
) -> tuple[Source | None, VisitStory | None, UnknownSource | None]:
    """Which visit held the called number, as far as that can be told; the answer is kept with its candidates."""
    tracked = call.tracking_number if call.tracking_number and call.tracking_number.e164 else call.line
    if call.direction is not Direction.INBOUND or tracked is None or tracked.e164 is None:
        return None, None, None
    site = site_of_number(session, row.workspace_id, tracked.e164, call.started_at)
    if site is None:
        return None, None, None
    runtime.carry_journal(session, site.id)
    client = call.client.e164 if call.client else None
    area = area_of_number(client, plan_in(runtime.settings.home))
    asked = AskedCall(row.id, row.workspace_id, tracked.e164, call.started_at, client, area)
    answered = answer_call(session, site, asked)
    return answered.source, answered.visit, _unknown(tracked.e164, answered.attribution)


def _unknown(number: str, attribution: Attribution) -> UnknownSource | None:
    """Only a visitor's number promises an answer; on the one that everybody sees nothing was to be expected."""
    if attribution.model not in {Model.UNKNOWN, Model.SOMEBODY_ELSE}:
        return None
    best = max((candidate.probability for candidate in attribution.candidates), default=0.0)
    return UnknownSource(number, best, attribution.somebody_else)


# --- Recordings -------------------------------------------------------------------------------------


def _want_recordings(session: Session, runtime: Runtime, row: CallRow, call: Call) -> None:
    kept = {
        one.recording_key: one for one in session.scalars(select(RecordingRow).where(RecordingRow.call_id == row.id))
    }
    for recording in call.recordings:
        known = kept.get(recording.key)
        if known is None:
            _want(session, runtime, row, recording)
        else:
            _update_wanted(session, known, recording)


def _want(session: Session, runtime: Runtime, row: CallRow, recording: Recording) -> None:
    if recording.state not in {RecordingState.COMPLETED, RecordingState.AVAILABLE}:
        return
    now = database_now(session)
    session.add(
        RecordingRow(
            workspace_id=row.workspace_id,
            call_id=row.id,
            connection_id=row.connection_id,
            recording_key=recording.key,
            token=secrets.token_urlsafe(24),
            extension=recording.extension,
            next_attempt_at=now + timedelta(seconds=_patience_seconds(runtime, recording)),
            created_at=now,
        )
    )


def _patience_seconds(runtime: Runtime, recording: Recording) -> float:
    """A file that is only said to be complete is asked for later: asking too early counts as an invalid request."""
    if recording.state is RecordingState.AVAILABLE:
        return 0
    schedule = runtime.settings.retry_seconds
    return schedule[min(2, len(schedule) - 1)]


def _update_wanted(session: Session, known: RecordingRow, recording: Recording) -> None:
    if known.state != "wanted":
        return
    if recording.state is RecordingState.AVAILABLE and known.attempts == 0:
        known.next_attempt_at = min(known.next_attempt_at, database_now(session))
    elif recording.state is RecordingState.NONE:
        known.state, known.reason = "failed", "the PBX says that there is no file"
