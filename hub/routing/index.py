"""The owner index, phone to party and owner: kept fresh by the CRM's events, and mended by look-ups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from connectors.contract import OwnedPhone, Owners
from hub.db.engine import database_now
from hub.db.routing import LookUpWish, PhoneOwner
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

_Row = Mapping[str, Any]

_WISH_LEASE = timedelta(seconds=60)
_WISHES_AT_ONCE = 20
_MOST_ATTEMPTS = 6
_MOST_WISHES = 100
_ROWS_AT_ONCE = 500


# --- Wishes: what should be asked ------------------------------------------------------------------------


def wish_look_up(session: Session, workspace_id: int, e164: str) -> None:
    """Ask the CRMs about a phone soon; wished twice is asked once.

    While many wait already nothing is added: a flood of strangers must not use up the CRM's budget.
    """
    waiting = select(func.count()).select_from(LookUpWish).where(LookUpWish.workspace_id == workspace_id)
    if session.scalars(waiting.where(LookUpWish.e164.is_not(None))).one() >= _MOST_WISHES:
        return
    values = {"workspace_id": workspace_id, "e164": e164, "due_at": database_now(session), "attempts": 0}
    session.execute(insert_into(session, LookUpWish).values(**values).on_conflict_do_nothing())


def note_party_changed(session: Session, owners: Owners, connection_id: int, notice: PartyChanged) -> bool:
    """A card was changed or removed in the CRM at `connection_id`; False for a kind that has no phones."""
    kind = owners.kind_of(notice.kind)
    if not kind:
        return False
    if notice.deleted:
        forget_party(session, connection_id, kind, notice.id)
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
                if look_up_now(runtime, asking.workspace_id, asking.e164):
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


def look_up_now(runtime: Runtime, workspace_id: int, e164: str) -> bool:
    """Ask each CRM of the workspace about a phone and keep what it says, "nobody" too. Raises delivery errors."""
    known = False
    for connection_id, owners in _able(runtime, workspace_id):
        with open_door(runtime, connection_id, Lane.CALLS, purpose="find_owner") as door:
            phones = owners.find_owner(Phone(e164, e164), door)
        with runtime.database.transaction() as session:
            session.execute(
                delete(PhoneOwner).where(PhoneOwner.connection_id == connection_id, PhoneOwner.e164 == e164)
            )
            add_phones(session, workspace_id, connection_id, phones)
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
        forget_party(session, asking.connection_id, owners.kind_of(asking.kind), asking.party_id)
        add_phones(session, asking.workspace_id, asking.connection_id, phones)


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


def forget_party(session: Session, connection_id: int, kind: str, party_id: str) -> None:
    session.execute(
        delete(PhoneOwner).where(
            PhoneOwner.connection_id == connection_id, PhoneOwner.kind == kind, PhoneOwner.party_id == party_id
        )
    )


def add_phones(session: Session, workspace_id: int, connection_id: int, phones: Sequence[OwnedPhone]) -> int:
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
    insert = insert_into(session, PhoneOwner)
    names = ("place", "name", "owner_user_id", "vip", "at_work", "seen_at", "workspace_id")
    for some in _batched(list(rows.values())):
        session.execute(
            insert.values(some).on_conflict_do_update(
                index_elements=["connection_id", "kind", "party_id", "e164"],
                set_={name: getattr(insert.excluded, name) for name in names},
            )
        )
    return len(rows)


def _batched(rows: Sequence[_Row]) -> Iterator[Sequence[_Row]]:
    """As many at once as any database takes in one statement."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        yield rows[start : start + _ROWS_AT_ONCE]
