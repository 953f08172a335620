"""Reading the owners of a CRM into the index: in parts, from where it was left, with its progress kept.

All of them once a day; what was changed every few minutes where the CRM lists that, since events get lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from connectors.contract import Door, OwnerChanges, OwnersPage
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.routing import OwnerSync, PhoneOwner
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.domain.errors import DeliveryError, OverBudget, Throttled
from hub.domain.intents import Lane
from hub.routing.index import add_phones, forget_party
from hub.runtime import Runtime

log = structlog.get_logger()

SYNC_EVERY = timedelta(hours=24)
CHANGES_EVERY = timedelta(minutes=10)
_OVERLAP = timedelta(minutes=2)
"""The CRM's clock may be a little behind, and so may be the list that it shows."""
_SYNC_LEASE = timedelta(minutes=10)
_AFTER_TROUBLE = timedelta(seconds=30)
_PAGES_A_TURN = 20


@dataclass(frozen=True, slots=True)
class _Reading:
    """Something that is read by pages: what asks for one, what keeps it, and what is done when it was the last."""

    connection_id: int
    purpose: str
    ask: Callable[[Door, str | None], OwnersPage]
    keep: Callable[[OwnersPage], None]
    finish: Callable[[], None]


def sync_owners(runtime: Runtime, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Read some pages of each CRM whose owners are due; True while there is more to read."""
    unfinished = [one for one in _due(runtime) if _sync(runtime, *one, stopping)]
    return bool(unfinished)


def sync_changes(runtime: Runtime, stopping: Callable[[], bool] = lambda: False) -> bool:
    """The same for cards that were changed since they were read last, where a CRM lists those."""
    unfinished = [one for one in _due_changes(runtime) if _sync_changes(runtime, *one, stopping)]
    return bool(unfinished)


def sync_again(session: Session, connection_id: int) -> None:
    """Have all owners of a connection read anew as soon as possible; one that is at it goes on."""
    session.execute(update(OwnerSync).where(OwnerSync.connection_id == connection_id).values(finished_at=None))


def _due(runtime: Runtime) -> list[tuple[int, str]]:
    able = [vendor for vendor, connector in runtime.registry.items() if connector.owners is not None]
    return _awake(
        runtime,
        able,
        lambda now: or_(
            OwnerSync.finished_at.is_(None), OwnerSync.finished_at <= now - SYNC_EVERY, OwnerSync.cursor.is_not(None)
        ),
    )


def _due_changes(runtime: Runtime) -> list[tuple[int, str]]:
    """Where everything was read once: until then the reading of all cards sees the changed ones, too."""
    able = [vendor for vendor, connector in runtime.registry.items() if connector.owner_changes is not None]
    return _awake(
        runtime,
        able,
        lambda now: and_(
            OwnerSync.finished_at.is_not(None),
            OwnerSync.cursor.is_(None),
            or_(
                OwnerSync.changes_cursor.is_not(None),
                func.coalesce(OwnerSync.changes_began_at, OwnerSync.started_at) <= now - CHANGES_EVERY,
            ),
        ),
    )


def _awake(
    runtime: Runtime, vendors: Sequence[str], is_due: Callable[[datetime], ColumnElement[bool]]
) -> list[tuple[int, str]]:
    """Connections of these vendors that are due, and that nobody is at."""
    with runtime.database.reading() as session:
        now = database_now(session)
        rows = session.execute(
            select(Connection.id, Connection.vendor)
            .outerjoin(OwnerSync, OwnerSync.connection_id == Connection.id)
            .where(
                Connection.vendor.in_(vendors),
                Connection.state == "active",
                or_(OwnerSync.lease_until.is_(None), OwnerSync.lease_until <= now),
                is_due(now),
            )
        ).all()
    return [(row.id, row.vendor) for row in rows]


def _sync(runtime: Runtime, connection_id: int, vendor: str, stopping: Callable[[], bool]) -> bool:
    owners = runtime.registry[vendor].owners
    assert owners is not None
    cursor, workspace_id = _begin(runtime, connection_id)
    reading = _Reading(
        connection_id,
        "sync_owners",
        owners.owners,
        partial(_keep_page, runtime, workspace_id, connection_id),
        partial(_finish, runtime, connection_id),
    )
    return _read_on(runtime, reading, cursor, stopping)


def _sync_changes(runtime: Runtime, connection_id: int, vendor: str, stopping: Callable[[], bool]) -> bool:
    changes = runtime.registry[vendor].owner_changes
    assert changes is not None
    cursor, workspace_id = _begin_changes(runtime, connection_id, changes)
    reading = _Reading(
        connection_id,
        "sync_changes",
        lambda door, at: changes.changes(door, at or cursor),
        partial(_keep_changes, runtime, workspace_id, connection_id),
        partial(_rest, runtime, connection_id),
    )
    return _read_on(runtime, reading, cursor, stopping)


def _read_on(runtime: Runtime, reading: _Reading, cursor: str | None, stopping: Callable[[], bool]) -> bool:
    """A turn at one CRM; True when it was not the end. Each page takes its own place in the CRM's budget."""
    connection_id = reading.connection_id
    try:
        for _ in range(_PAGES_A_TURN):
            with open_door(runtime, connection_id, Lane.BULK, purpose=reading.purpose) as door:
                page = reading.ask(door, cursor)
            reading.keep(page)
            cursor = page.cursor
            if cursor is None:
                reading.finish()
                return False
            if stopping():
                break
        _rest(runtime, connection_id)
    except OverBudget as error:
        _rest(runtime, connection_id, error.until)
    except DeliveryError as error:
        log.info("owners_sync_rests", connection_id=connection_id, reason=str(error)[:200])
        until = error.until if isinstance(error, Throttled) else None
        _rest(runtime, connection_id, until or runtime.now() + _AFTER_TROUBLE, str(error))
    return True


def _begin(runtime: Runtime, connection_id: int) -> tuple[str | None, int]:
    with runtime.database.transaction() as session:
        now = database_now(session)
        row = session.get(OwnerSync, connection_id, with_for_update=True)
        if row is None:
            row = OwnerSync(connection_id=connection_id, phones=0, last_error="")
            session.add(row)
        if row.cursor is None:
            row.started_at, row.phones = now, 0
        row.lease_until = now + _SYNC_LEASE
        return row.cursor, session.get_one(Connection, connection_id).workspace_id


def _keep_page(runtime: Runtime, workspace_id: int, connection_id: int, page: OwnersPage) -> None:
    def work(session: Session) -> None:
        kept = add_phones(session, workspace_id, connection_id, page.phones)
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        row.cursor, row.phones = page.cursor, row.phones + kept
        row.lease_until = database_now(session) + _SYNC_LEASE

    in_transaction(runtime.database, work)


def _begin_changes(runtime: Runtime, connection_id: int, changes: OwnerChanges) -> tuple[str, int]:
    """Where to read on: where it was left, else at the beginning of the reading before."""
    with runtime.database.transaction() as session:
        now = database_now(session)
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        if row.changes_cursor is None:
            before = row.changes_began_at or row.started_at or now
            row.changes_cursor, row.changes_began_at = changes.changed_since(before - _OVERLAP), now
        row.lease_until = now + _SYNC_LEASE
        return row.changes_cursor, session.get_one(Connection, connection_id).workspace_id


def _keep_changes(runtime: Runtime, workspace_id: int, connection_id: int, page: OwnersPage) -> None:
    """What stood under these cards is replaced: some have lost a phone."""

    def work(session: Session) -> None:
        for kind, party_id in page.cards:
            forget_party(session, connection_id, kind, party_id)
        add_phones(session, workspace_id, connection_id, page.phones)
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        row.changes_cursor, row.lease_until = page.cursor, database_now(session) + _SYNC_LEASE

    in_transaction(runtime.database, work)


def _finish(runtime: Runtime, connection_id: int) -> None:
    """Everything was read: what was not seen is not there any more."""

    def work(session: Session) -> None:
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        assert row.started_at is not None
        session.execute(
            delete(PhoneOwner).where(PhoneOwner.connection_id == connection_id, PhoneOwner.seen_at < row.started_at)
        )
        row.finished_at, row.lease_until, row.last_error = database_now(session), None, ""
        row.changes_cursor, row.changes_began_at = None, row.started_at

    in_transaction(runtime.database, work)
    log.info("owners_synced", connection_id=connection_id)


def _rest(runtime: Runtime, connection_id: int, until: datetime | None = None, words: str = "") -> None:
    """Let go of it until then; what was read is kept, and so is the place to go on from."""
    with runtime.database.transaction() as session:
        row = session.get_one(OwnerSync, connection_id)
        row.lease_until, row.last_error = until, words[:2000]
