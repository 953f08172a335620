"""Reading all owners of a CRM into the index: in parts, from where it was left, with its progress kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from connectors.contract import OwnersPage
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.routing import OwnerSync, PhoneOwner
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.domain.errors import DeliveryError, OverBudget, Throttled
from hub.domain.intents import Lane
from hub.routing.index import add_phones
from hub.runtime import Runtime

log = structlog.get_logger()

SYNC_EVERY = timedelta(hours=24)
_SYNC_LEASE = timedelta(minutes=10)
_AFTER_TROUBLE = timedelta(seconds=30)
_PAGES_A_TURN = 20


def sync_owners(runtime: Runtime, stopping: Callable[[], bool] = lambda: False) -> bool:
    """Read some pages of each CRM whose owners are due; True while there is more to read."""
    unfinished = [one for one in _due(runtime) if _sync(runtime, *one, stopping)]
    return bool(unfinished)


def sync_again(session: Session, connection_id: int) -> None:
    """Have all owners of a connection read anew as soon as possible; one that is at it goes on."""
    session.execute(update(OwnerSync).where(OwnerSync.connection_id == connection_id).values(finished_at=None))


def _due(runtime: Runtime) -> list[tuple[int, str]]:
    able = [vendor for vendor, connector in runtime.registry.items() if connector.owners is not None]
    with runtime.database.reading() as session:
        now = database_now(session)
        rows = session.execute(
            select(Connection.id, Connection.vendor)
            .outerjoin(OwnerSync, OwnerSync.connection_id == Connection.id)
            .where(
                Connection.vendor.in_(able),
                Connection.state == "active",
                or_(OwnerSync.lease_until.is_(None), OwnerSync.lease_until <= now),
                or_(
                    OwnerSync.finished_at.is_(None),
                    OwnerSync.finished_at <= now - SYNC_EVERY,
                    OwnerSync.cursor.is_not(None),
                ),
            )
        ).all()
    return [(row.id, row.vendor) for row in rows]


def _sync(runtime: Runtime, connection_id: int, vendor: str, stopping: Callable[[], bool]) -> bool:
    """A turn at one CRM; True when it was not the end. Each page takes its own place in the CRM's budget."""
    owners = runtime.registry[vendor].owners
    assert owners is not None
    cursor, workspace_id = _begin(runtime, connection_id)
    try:
        for _ in range(_PAGES_A_TURN):
            with open_door(runtime, connection_id, Lane.BULK, purpose="sync_owners") as door:
                page = owners.owners(door, cursor)
            _keep_page(runtime, workspace_id, connection_id, page)
            cursor = page.cursor
            if cursor is None:
                _finish(runtime, connection_id)
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


def _finish(runtime: Runtime, connection_id: int) -> None:
    """Everything was read: what was not seen is not there any more."""

    def work(session: Session) -> None:
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        assert row.started_at is not None
        session.execute(
            delete(PhoneOwner).where(PhoneOwner.connection_id == connection_id, PhoneOwner.seen_at < row.started_at)
        )
        row.finished_at, row.lease_until, row.last_error = database_now(session), None, ""

    in_transaction(runtime.database, work)
    log.info("owners_synced", connection_id=connection_id)


def _rest(runtime: Runtime, connection_id: int, until: datetime | None = None, words: str = "") -> None:
    """Let go of it until then; what was read is kept, and so is the place to go on from."""
    with runtime.database.transaction() as session:
        row = session.get_one(OwnerSync, connection_id)
        row.lease_until, row.last_error = until, words[:2000]
