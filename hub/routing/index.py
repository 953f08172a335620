"""The owner index: phone to party and owner, filled in bulk, kept fresh by events, mended by look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from connectors.contract import OwnedPhone, Owners
from hub.db.engine import database_now
from hub.db.routing import LookUpWish, OwnerSync, PhoneOwner
from hub.db.tables import Connection
from hub.delivery.doors import open_door
from hub.delivery.schedule import retry_delay
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.domain.notices import PartyChanged
from hub.domain.phone import Phone
from hub.net.upserts import insert_into
from hub.runtime import Runtime

log = structlog.get_logger()

SYNC_EVERY = timedelta(hours=24)
_SYNC_LEASE = timedelta(minutes=10)
_WISH_LEASE = timedelta(seconds=60)
_PAGES_A_TURN = 20
_WISHES_AT_ONCE = 20
_MOST_ATTEMPTS = 6


# --- Wishes: what should be asked ------------------------------------------------------------------------


def wish_look_up(session: Session, workspace_id: int, e164: str) -> None:
    """Ask the CRMs about a phone soon; wished twice is asked once."""
    values = {"workspace_id": workspace_id, "e164": e164, "due_at": database_now(session), "attempts": 0}
    session.execute(insert_into(session, LookUpWish).values(**values).on_conflict_do_nothing())


def note_party_changed(session: Session, owners: Owners, connection_id: int, notice: PartyChanged) -> bool:
    """A card was changed or removed in the CRM at `connection_id`; False for a kind that has no phones."""
    kind = owners.kind_of(notice.kind)
    if not kind:
        return False
    if notice.deleted:
        _forget(session, connection_id, kind, notice.id)
        return True
    connection = session.get_one(Connection, connection_id)
    values = {
        "workspace_id": connection.workspace_id,
        "connection_id": connection_id,
        "kind": notice.kind[:32],
        "party_id": notice.id[:64],
        "due_at": database_now(session),
        "attempts": 0,
    }
    session.execute(insert_into(session, LookUpWish).values(**values).on_conflict_do_nothing())
    return True


@dataclass(frozen=True, slots=True)
class _Asking:
    id: int
    workspace_id: int
    connection_id: int | None
    e164: str | None
    kind: str | None
    party_id: str | None
    attempts: int
    lease: datetime


def grant_wishes(runtime: Runtime) -> list[tuple[int, str]]:
    """Ask what is wished for; returns (workspace, phone) of those whose parties are known now."""
    found = []
    for asking in _take_wishes(runtime):
        try:
            if asking.e164 is not None:
                if _look_up(runtime, asking.workspace_id, asking.e164):
                    found.append((asking.workspace_id, asking.e164))
            else:
                _read_card(runtime, asking)
        except DeliveryError as error:
            _put_off(runtime, asking, error)
            continue
        _granted(runtime, asking)
    return found


def next_wish(session: Session) -> datetime | None:
    return session.scalar(select(func.min(LookUpWish.due_at)))


def _take_wishes(runtime: Runtime) -> list[_Asking]:
    with runtime.database.transaction() as session:
        now = database_now(session)
        rows = session.scalars(
            select(LookUpWish)
            .where(LookUpWish.due_at <= now)
            .order_by(LookUpWish.e164.is_(None), LookUpWish.due_at)
            .limit(_WISHES_AT_ONCE)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            row.due_at, row.attempts = now + _WISH_LEASE, row.attempts + 1
        return [
            _Asking(
                row.id, row.workspace_id, row.connection_id, row.e164, row.kind, row.party_id, row.attempts, row.due_at
            )
            for row in rows
        ]


def _granted(runtime: Runtime, asking: _Asking) -> None:
    with runtime.database.transaction() as session:
        session.execute(delete(LookUpWish).where(LookUpWish.id == asking.id, LookUpWish.due_at == asking.lease))


def _put_off(runtime: Runtime, asking: _Asking, error: DeliveryError) -> None:
    log.info("look_up_put_off", workspace_id=asking.workspace_id, reason=str(error)[:200])
    with runtime.database.transaction() as session:
        row = session.get(LookUpWish, asking.id)
        if row is None:
            return
        if asking.attempts >= _MOST_ATTEMPTS:
            session.delete(row)
            return
        pause = retry_delay(asking.attempts, runtime.settings.retry_seconds, runtime.random)
        row.due_at = database_now(session) + max(pause, timedelta(seconds=1))


def _look_up(runtime: Runtime, workspace_id: int, e164: str) -> bool:
    """Ask each CRM of the workspace about a phone and keep what it says, "nobody" too. Raises delivery errors."""
    known = False
    for connection_id, owners in _able(runtime, workspace_id):
        with open_door(runtime, connection_id, Lane.CALLS, purpose="find_owner") as door:
            phones = owners.find_owner(Phone(e164, e164), door)
        with runtime.database.transaction() as session:
            session.execute(
                delete(PhoneOwner).where(PhoneOwner.connection_id == connection_id, PhoneOwner.e164 == e164)
            )
            _add(session, workspace_id, connection_id, phones)
        known = known or bool(phones)
    return known


def _read_card(runtime: Runtime, asking: _Asking) -> None:
    assert asking.connection_id is not None
    assert asking.kind is not None
    assert asking.party_id is not None
    owners = dict(_able(runtime, asking.workspace_id)).get(asking.connection_id)
    if owners is None:
        return
    with open_door(runtime, asking.connection_id, Lane.BULK, purpose="read_card") as door:
        phones = owners.party(asking.kind, asking.party_id, door)
    if phones is None:
        return
    with runtime.database.transaction() as session:
        _forget(session, asking.connection_id, owners.kind_of(asking.kind), asking.party_id)
        _add(session, asking.workspace_id, asking.connection_id, phones)


def _able(runtime: Runtime, workspace_id: int) -> list[tuple[int, Owners]]:
    with runtime.database.reading() as session:
        rows = session.execute(
            select(Connection.id, Connection.vendor)
            .where(Connection.workspace_id == workspace_id, Connection.state == "active")
            .order_by(Connection.id)
        ).all()
    found = ((row.id, runtime.registry[row.vendor].owners) for row in rows)
    return [(connection_id, owners) for connection_id, owners in found if owners is not None]


# --- Rows --------------------------------------------------------------------------------------------


def _forget(session: Session, connection_id: int, kind: str, party_id: str) -> None:
    session.execute(
        delete(PhoneOwner).where(
            PhoneOwner.connection_id == connection_id, PhoneOwner.kind == kind, PhoneOwner.party_id == party_id
        )
    )


def _add(session: Session, workspace_id: int, connection_id: int, phones: Sequence[OwnedPhone]) -> int:
    """Keep these phones, in place of what stood under the same card and number. Returns how many were full ones."""
    now = database_now(session)
    rows = {
        (one.kind, one.id, one.phone.e164): {
            "workspace_id": workspace_id,
            "connection_id": connection_id,
            "e164": one.phone.e164,
            "kind": one.kind,
            "party_id": one.id,
            "place": one.place,
            "name": one.name[:200] if one.name else None,
            "owner_user_id": one.owner_user_id,
            "vip": one.vip,
            "at_work": one.at_work,
            "seen_at": now,
        }
        for one in phones
        if one.phone.e164 is not None
    }
    if not rows:
        return 0
    insert = insert_into(session, PhoneOwner)
    names = ("place", "name", "owner_user_id", "vip", "at_work", "seen_at", "workspace_id")
    session.execute(
        insert.values(list(rows.values())).on_conflict_do_update(
            index_elements=["connection_id", "kind", "party_id", "e164"],
            set_={name: getattr(insert.excluded, name) for name in names},
        )
    )
    return len(rows)


# --- In bulk -----------------------------------------------------------------------------------------


def sync_owners(runtime: Runtime) -> int:
    """Read some pages of each CRM whose owners are due; returns how many phones were kept."""
    return sum(_sync(runtime, connection_id, vendor) for connection_id, vendor in _due(runtime))


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


def _sync(runtime: Runtime, connection_id: int, vendor: str) -> int:
    owners = runtime.registry[vendor].owners
    assert owners is not None
    cursor, workspace_id = _begin(runtime, connection_id)
    kept = 0
    try:
        with open_door(runtime, connection_id, Lane.BULK, purpose="sync_owners") as door:
            for _ in range(_PAGES_A_TURN):
                page = owners.owners(door, cursor)
                kept += _keep_page(runtime, workspace_id, connection_id, page.phones, page.cursor)
                cursor = page.cursor
                if cursor is None:
                    _finish(runtime, connection_id)
                    return kept
        _rest(runtime, connection_id, "")
    except DeliveryError as error:
        log.info("owners_sync_rests", connection_id=connection_id, reason=str(error)[:200])
        _rest(runtime, connection_id, str(error))
    return kept


def _begin(runtime: Runtime, connection_id: int) -> tuple[str | None, int]:
    with runtime.database.transaction() as session:
        now = database_now(session)
        row = session.get(OwnerSync, connection_id, with_for_update=True)
        if row is None:
            row = OwnerSync(connection_id=connection_id)
            session.add(row)
        if row.cursor is None:
            row.started_at, row.phones = now, 0
        row.lease_until = now + _SYNC_LEASE
        return row.cursor, session.get_one(Connection, connection_id).workspace_id


def _keep_page(
    runtime: Runtime, workspace_id: int, connection_id: int, phones: Sequence[OwnedPhone], cursor: str | None
) -> int:
    with runtime.database.transaction() as session:
        kept = _add(session, workspace_id, connection_id, phones)
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        row.cursor, row.phones = cursor, row.phones + kept
    return kept


def _finish(runtime: Runtime, connection_id: int) -> None:
    """Everything was read: what was not seen is not there any more."""
    with runtime.database.transaction() as session:
        row = session.get_one(OwnerSync, connection_id, with_for_update=True)
        assert row.started_at is not None
        session.execute(
            delete(PhoneOwner).where(PhoneOwner.connection_id == connection_id, PhoneOwner.seen_at < row.started_at)
        )
        row.finished_at, row.lease_until, row.last_error = database_now(session), None, ""
    log.info("owners_synced", connection_id=connection_id)


def _rest(runtime: Runtime, connection_id: int, words: str) -> None:
    with runtime.database.transaction() as session:
        row = session.get_one(OwnerSync, connection_id)
        row.lease_until, row.last_error = None, words[:2000]
