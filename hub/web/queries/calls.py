"""Calls: lists with filters, and everything that is known of one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hub.db.engine import Database
from hub.db.tables import CallEventRow, CallRow, Connection, EmployeeRow, RecordingRow
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.events import CallEvent
from hub.domain.phone import parse_phone
from hub.tracking.attribution.quality import Flags
from hub.tracking.live.quality import call_flags
from hub.web.paging import Cursor, Page, page_of
from hub.web.queries.attribution import ShownAttribution, attribution_of
from hub.web.queries.callers import KnownParty, parties_of

_EXPORT_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Seat:
    """An extension on the PBX connection of that name; None is every PBX."""

    connection: str | None
    extension: str


@dataclass(frozen=True, slots=True)
class CallFilter:
    """None means: no matter. `since <= started_at < until`; `connection` is a connection's name.

    `phone` is any spelling of a number; `text` is found in numbers, extensions and sources. `seats`: only the
    calls that rang at one of them; no seat, no call.
    """

    since: datetime | None = None
    until: datetime | None = None
    direction: str | None = None
    outcome: str | None = None
    source: str | None = None
    connection: str | None = None
    phone: str | None = None
    text: str | None = None
    seats: Sequence[Seat] | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class ListedCall:
    call: CallRow
    connection: str


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook of a call and what it stated; `inbox` is None when the item was cleaned away."""

    inbox: InboxRow | None
    events: Sequence[CallEvent]
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery of a call with what happened each time it was tried."""

    delivery: DeliveryRow
    connection: str
    attempts: Sequence[DeliveryAttempt]


@dataclass(frozen=True, slots=True)
class Story:
    """Everything about one call, in the order in which it came about."""

    call: CallRow
    facts: Call
    connection: Connection
    received: Sequence[Received]
    deliveries: Sequence[Sent]
    recordings: Sequence[RecordingRow]
    attribution: ShownAttribution | None = None
    flags: Flags | None = None
    parties: Sequence[KnownParty] = ()


def list_calls(
    session: Session, workspace_id: int, region: str, wanted: CallFilter, *, cursor: Cursor | None, limit: int
) -> Page[ListedCall]:
    """The newest first. Rows that appear meanwhile do not move the pages that follow."""
    query = _calls(workspace_id).where(*_conditions(wanted, region))
    if cursor is not None:
        query = query.where(
            or_(CallRow.started_at < cursor.at, and_(CallRow.started_at == cursor.at, CallRow.id < cursor.id))
        )
    found = session.execute(query.order_by(CallRow.started_at.desc(), CallRow.id.desc()).limit(limit + 1))
    rows = [ListedCall(call, name) for call, name in found]
    return page_of(rows, limit, lambda row: Cursor(row.call.id, row.call.started_at))


def every_call(database: Database, workspace_id: int, region: str, wanted: CallFilter) -> Iterator[ListedCall]:
    """All calls that fit, a chunk at a time: an export of any length holds little memory and no lock."""
    cursor: Cursor | None = None
    while True:
        with database.reading() as session:
            page = list_calls(session, workspace_id, region, wanted, cursor=cursor, limit=_EXPORT_CHUNK)
        yield from page.items
        if page.next is None:
            return
        cursor = page.next


def _calls(workspace_id: int) -> Select[CallRow, str]:
    joined = select(CallRow, Connection.name).join(Connection, Connection.id == CallRow.connection_id)
    return joined.where(CallRow.workspace_id == workspace_id)


def _conditions(wanted: CallFilter, region: str) -> list[ColumnElement[bool]]:
    equal: tuple[tuple[str | None, InstrumentedAttribute[Any]], ...] = (
        (wanted.direction, CallRow.direction),
        (wanted.outcome, CallRow.outcome),
        (wanted.source, CallRow.source),
        (wanted.connection, Connection.name),
    )
    conditions: list[ColumnElement[bool]] = [column == value for value, column in equal if value is not None]
    if wanted.since is not None:
        conditions.append(CallRow.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(CallRow.started_at < wanted.until)
    if wanted.phone is not None:
        conditions.append(_is_client(wanted.phone, region))
    if wanted.text is not None:
        conditions.append(_mentions(wanted.text))
    if wanted.seats is not None:
        conditions.append(or_(false(), *(_rang_at(seat) for seat in wanted.seats)))
    if wanted.is_open:
        conditions.append(CallRow.closing == "open")
    return conditions


def _rang_at(seat: Seat) -> ColumnElement[bool]:
    """Whether a call rang at a seat: `rung` is looked into as the text of its list, which both stores can."""
    rung = CallRow.facts["rung"].as_string().contains(json.dumps(seat.extension), autoescape=True)
    rang = or_(CallRow.answered_by == seat.extension, CallRow.first_rung == seat.extension, rung)
    return rang if seat.connection is None else and_(Connection.name == seat.connection, rang)


def _is_client(text: str, region: str) -> ColumnElement[bool]:
    phone = parse_phone(text, region)
    if phone is not None and phone.e164 is not None:
        return CallRow.client_e164 == phone.e164
    return CallRow.client_raw == text.strip()


def _mentions(text: str) -> ColumnElement[bool]:
    columns = (CallRow.client_e164, CallRow.client_raw, CallRow.line, CallRow.answered_by, CallRow.source)
    found = [column.icontains(text, autoescape=True) for column in (*columns, CallRow.campaign)]
    digits = "".join(character for character in text if character.isdigit())
    if len(digits) >= 4:  # "900 123" as people write it
        found.append(CallRow.client_e164.contains(digits, autoescape=True))
    return or_(*found)


def find_call(
    session: Session, workspace_id: int, call_id: int, *, seats: Sequence[Seat] | None = None
) -> ListedCall | None:
    """The call, or None when the workspace has no such call, or it rang at none of `seats`."""
    query = _calls(workspace_id).where(CallRow.id == call_id, *_conditions(CallFilter(seats=seats), ""))
    row = session.execute(query).one_or_none()
    return ListedCall(*row) if row else None


def call_story(session: Session, workspace_id: int, call_id: int) -> Story | None:
    """Everything about the call, or None when the workspace has no such call."""
    call = session.scalar(select(CallRow).where(CallRow.id == call_id, CallRow.workspace_id == workspace_id))
    if call is None:
        return None
    connection = session.get_one(Connection, call.connection_id)
    recordings = session.scalars(
        select(RecordingRow).where(RecordingRow.call_id == call.id).order_by(RecordingRow.id)
    ).all()
    facts = from_document(call.facts, Call)
    attribution = attribution_of(session, call.id, call.started_at)
    flags = call_flags(session, call, facts.group)
    parties = parties_of(session, workspace_id, call.client_e164)
    received, sent = _received(session, call), _sent(session, call)
    return Story(call, facts, connection, received, sent, recordings, attribution, flags, parties)


def _received(session: Session, call: CallRow) -> list[Received]:
    rows = session.execute(
        select(CallEventRow, InboxRow)
        .outerjoin(InboxRow, InboxRow.id == CallEventRow.inbox_id)
        .where(CallEventRow.call_id == call.id)
        .order_by(CallEventRow.received_at, CallEventRow.id)
    )
    found: dict[int, Received] = {}
    for event_row, inbox in rows:
        event = from_document(event_row.document, CallEvent)
        key = inbox.id if inbox is not None else -event_row.id
        known = found.get(key)
        found[key] = (
            replace(known, events=[*known.events, event]) if known else Received(inbox, [event], event_row.received_at)
        )
    return list(found.values())


def _sent(session: Session, call: CallRow) -> list[Sent]:
    rows = session.execute(
        select(DeliveryRow, Connection.name)
        .join(Connection, Connection.id == DeliveryRow.connection_id)
        .where(DeliveryRow.call_id == call.id)
        .order_by(DeliveryRow.connection_id, DeliveryRow.rank, DeliveryRow.id)
    ).all()
    attempts = attempts_of(session, [delivery.id for delivery, _ in rows])
    return [Sent(delivery, name, attempts.get(delivery.id, [])) for delivery, name in rows]


def attempts_of(session: Session, delivery_ids: Sequence[int]) -> Mapping[int, list[DeliveryAttempt]]:
    """The attempts of these deliveries, the oldest first."""
    found: dict[int, list[DeliveryAttempt]] = {}
    query = select(DeliveryAttempt).where(DeliveryAttempt.delivery_id.in_(delivery_ids)).order_by(DeliveryAttempt.id)
    for attempt in session.scalars(query):
        found.setdefault(attempt.delivery_id, []).append(attempt)
    return found


def employee_names(session: Session, workspace_id: int) -> Mapping[tuple[str, str], str]:
    """(connection name or "*", extension) to the name of who sits there."""
    rows = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id))
    return {(connection, str(ext)): row.name for row in rows for connection, ext in row.extensions.items()}
