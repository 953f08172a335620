"""Telling PBXs in advance where VIPs go, where the product can keep such rules: no race, and no need of us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Door, PbxForwarding
from hub.db.tables import Connection, Provisioned
from hub.delivery.doors import open_door
from hub.delivery.pace import keep_pace
from hub.domain.errors import DeliveryError, OverBudget, Rejected
from hub.domain.intents import Lane
from hub.routing.facts import read_staff
from hub.routing.staff import Staff
from hub.routing.vips import every_vip
from hub.runtime import Runtime

log = structlog.get_logger()

SECTION = "forwarding"
COMPARED_EVERY = timedelta(hours=24)
"""How often the rules are compared although nothing changed here: people change them over there."""
MOST_RULES = 1000


def sync_forwarding(runtime: Runtime) -> None:
    """Bring the rules of every PBX that keeps some to what the VIP list says now."""
    able = [vendor for vendor, connector in runtime.registry.items() if connector.forwarding is not None]
    with runtime.database.reading() as session:
        rows = session.scalars(select(Connection).where(Connection.vendor.in_(able), Connection.state == "active"))
        due = [
            (row.id, row.vendor, wanted) for row in rows if (wanted := _news(session, row, runtime.now())) is not None
        ]
    for connection_id, vendor, wanted in due:
        connector = runtime.registry[vendor]
        assert connector.forwarding is not None
        try:
            with open_door(runtime, connection_id, Lane.BULK, purpose="forwarding") as door:
                keep_pace(runtime, connector.commands, door.connection, "extensions")
                bring_about(connector.forwarding, door, wanted)
        except OverBudget:
            continue  # goes on with the next round: what is done already is seen in the PBX's own list
        except Rejected as error:
            log.info("forwarding_not_kept", connection_id=connection_id, reason=str(error)[:200])
        except DeliveryError as error:
            log.warning("forwarding_waits", connection_id=connection_id, reason=str(error)[:200])
            continue
        with runtime.database.transaction() as session:
            _remember(session, session.get_one(Connection, connection_id), wanted, runtime.now())


def bring_about(forwarding: PbxForwarding, door: Door, wanted: Mapping[str, str]) -> None:
    """Make, change and remove our rules; `wanted` is phone to short number. Rules of other people stay."""
    present = {rule.client: rule for rule in forwarding.rules(door)}
    targets = forwarding.targets(door) if wanted else {}
    aims = {client: targets[extension] for client, extension in wanted.items() if extension in targets}
    for rule in present.values():
        if rule.ours and rule.client not in aims:
            forwarding.remove(door, rule)
    for client, target in aims.items():
        known = present.get(client)
        if known is None:
            forwarding.add(door, client=client, target=target)
        elif known.ours and known.target != target:
            forwarding.change(door, known, target=target)


def _news(session: Session, connection: Connection, now: datetime) -> dict[str, str] | None:
    """What the PBX should know by now; None when that is what it was told last."""
    wanted = _wanted(session, connection, now)
    row = _kept(session, connection)
    if row is None:
        return wanted or None
    told_at = datetime.fromisoformat(row.document["at"])
    is_same = row.document["digest"] == _digest(wanted)
    return None if is_same and now - told_at < COMPARED_EVERY else wanted


def _wanted(session: Session, connection: Connection, now: datetime) -> dict[str, str]:
    """VIPs with an extension whose person is there now: a rule asks nobody about absences."""
    staff = read_staff(session, connection.workspace_id, connection.name)
    lines = [vip for vip in every_vip(session, connection.workspace_id) if vip.extension]
    found = {vip.phone: vip.extension for vip in lines if vip.extension and _is_there(staff, vip.extension, now)}
    return dict(sorted(found.items())[:MOST_RULES])


def _is_there(staff: Staff, extension: str, now: datetime) -> bool:
    colleague = staff.by_extension(extension)
    if colleague is None:
        return True
    return not colleague.absent(now) and (colleague.hours or staff.hours).is_open(now)


def _kept(session: Session, connection: Connection) -> Provisioned | None:
    return session.scalar(
        select(Provisioned).where(
            Provisioned.workspace_id == connection.workspace_id,
            Provisioned.section == SECTION,
            Provisioned.key == connection.name,
        )
    )


def _remember(session: Session, connection: Connection, wanted: Mapping[str, str], now: datetime) -> None:
    row = _kept(session, connection)
    document = {"digest": _digest(wanted), "at": now.isoformat()}
    if row is not None:
        row.document = document
        return
    place = {"workspace_id": connection.workspace_id, "section": SECTION, "key": connection.name}
    session.add(Provisioned(**place, document=document))


def _digest(wanted: Mapping[str, str]) -> str:
    return hashlib.sha256(json.dumps(sorted(wanted.items())).encode()).hexdigest()
