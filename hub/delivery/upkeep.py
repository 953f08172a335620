"""Keeping CRMs in step with the hub: event handlers, lines. A bulk duty, never in the way of a call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import FirmLine, Surroundings
from hub.db.engine import database_now
from hub.db.statements import DutyRow
from hub.db.tables import CallRow, Connection, LineSource, Workspace
from hub.delivery.doors import open_door
from hub.delivery.turns import finish_duty, put_off, put_off_duty, take_duty
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane
from hub.domain.phone import Phone, parse_phone
from hub.net.upserts import insert_into
from hub.runtime import Runtime

log = structlog.get_logger()

EVERY = timedelta(hours=1)
_LEASE = timedelta(minutes=5)
_AGAIN_IN = timedelta(minutes=1)
_SEEN_WITHIN = timedelta(days=30)


def keep_up_connections(runtime: Runtime) -> int:
    """Keep up each connection whose hour has passed; returns how many were. A failure waits for the next round."""
    kept = 0
    for connection_id, workspace_id, vendor in _connections(runtime):
        name = duty_name(connection_id)
        if not take_duty(runtime.database, name, every=EVERY, lease=_LEASE):
            continue
        if _keep_up(runtime, connection_id, workspace_id, vendor):
            finish_duty(runtime.database, name)
            kept += 1
        else:
            put_off_duty(runtime.database, name, _AGAIN_IN)
    return kept


def keep_up_soon(session: Session, connection_id: int) -> None:
    """Let the next round keep this connection up."""
    due_now(session, duty_name(connection_id))


def keep_up_after(session: Session, connection_id: int, span: timedelta) -> None:
    """Let nobody keep this connection up before `span` has passed, or `keep_up_soon` is said: somebody is at it."""
    row = insert_into(session, DutyRow).values(name=duty_name(connection_id), done_at=None)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"done_at": None}))
    put_off(session, duty_name(connection_id), span)


def soon(runtime: Runtime, names: Sequence[str]) -> None:
    """Duties that were never done have their turn at once."""
    with runtime.database.reading() as session:
        known = set(session.scalars(select(DutyRow.name).where(DutyRow.name.in_(names))))
    missing = [name for name in names if name not in known]
    if missing:
        with runtime.database.transaction() as session:
            for name in missing:
                due_now(session, name)


def due_now(session: Session, name: str) -> None:
    """Let the next round do the duty `name`, whenever it was done last."""
    row = insert_into(session, DutyRow).values(name=name, done_at=None, lease_until=None)
    session.execute(row.on_conflict_do_update(index_elements=["name"], set_={"done_at": None, "lease_until": None}))


def duty_name(connection_id: int) -> str:
    return f"upkeep:{connection_id}"


def _connections(runtime: Runtime) -> list[tuple[int, int, str]]:
    vendors = [vendor for vendor, connector in runtime.registry.items() if connector.upkeep is not None]
    with runtime.database.reading() as session:
        rows = session.execute(
            select(Connection.id, Connection.workspace_id, Connection.vendor).where(
                Connection.vendor.in_(vendors), Connection.state == "active"
            )
        ).all()
    found = [(row.id, row.workspace_id, row.vendor) for row in rows]
    soon(runtime, [duty_name(connection_id) for connection_id, _, _ in found])
    return found


def _keep_up(runtime: Runtime, connection_id: int, workspace_id: int, vendor: str) -> bool:
    upkeep = runtime.registry[vendor].upkeep
    assert upkeep is not None
    lines = firm_lines(runtime, workspace_id)
    try:
        with open_door(runtime, connection_id, Lane.BULK, purpose="upkeep") as door:
            said = upkeep(door, Surroundings(runtime.settings.public_url, lines, _hook_url(runtime, connection_id)))
    except DeliveryError as error:
        log.warning("connection_not_kept_up", connection_id=connection_id, reason=str(error)[:200])
        return False
    log.info("connection_kept_up", connection_id=connection_id, words=said)
    return True


def _hook_url(runtime: Runtime, connection_id: int) -> str:
    with runtime.database.reading() as session:
        token = session.get_one(Connection, connection_id).hook_token
    address = runtime.settings.public_url
    return f"{address}/hooks/{token}" if address and token else ""


def firm_lines(runtime: Runtime, workspace_id: int) -> tuple[FirmLine, ...]:
    """The firm's numbers: as its PBXs list them, those that stand for an advertisement, and those that were called."""
    found: dict[str, FirmLine] = {}
    for line in (*_listed_lines(runtime, workspace_id), *_known_lines(runtime, workspace_id)):
        found.setdefault(line.number.display, line)
    return tuple(found.values())


def _listed_lines(runtime: Runtime, workspace_id: int) -> Iterable[FirmLine]:
    with runtime.database.reading() as session:
        rows = session.execute(
            select(Connection.id, Connection.vendor)
            .where(Connection.workspace_id == workspace_id, Connection.state == "active")
            .order_by(Connection.id)
        ).all()
    for row in rows:
        lists = runtime.registry[row.vendor].lines if row.vendor in runtime.registry else None
        if lists is None:
            continue
        try:
            with open_door(runtime, row.id, Lane.BULK, purpose="lines") as door:
                yield from lists.lines(door)
        except DeliveryError as error:
            log.warning("lines_not_read", connection_id=row.id, reason=str(error)[:200])


def _known_lines(runtime: Runtime, workspace_id: int) -> list[FirmLine]:
    with runtime.database.reading() as session:
        region = session.get_one(Workspace, workspace_id).region
        advertised = session.execute(
            select(LineSource.number, LineSource.source).where(LineSource.workspace_id == workspace_id)
        ).all()
        called = session.scalars(
            select(CallRow.line)
            .where(
                CallRow.workspace_id == workspace_id,
                CallRow.started_at > database_now(session) - _SEEN_WITHIN,
                CallRow.line.is_not(None),
            )
            .distinct()
        ).all()
    known = [FirmLine(Phone(row.number, row.number), row.source) for row in advertised]
    read = [parse_phone(line, region) for line in called if line]
    return known + [FirmLine(phone) for phone in read if phone is not None]
