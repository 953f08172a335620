"""Connections at rest: one that the vendor stopped is asked each hour, and an idle log-in is kept alive.

Both are done by the clock, because no delivery would ever do it: a stopped connection sends nothing.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import func, select

from hub.db.engine import database_now
from hub.db.tables import Connection, ConnectionToken
from hub.delivery.doors import open_door
from hub.delivery.health import MEND_PAUSED, MEND_REVOKED, resume, stop
from hub.delivery.turns import finish_duty, put_off_duty, take_duty
from hub.domain.access import AccessToken
from hub.domain.errors import AuthRevoked, DeliveryError
from hub.domain.intents import Lane
from hub.runtime import Runtime

log = structlog.get_logger()

PROBE_EVERY = timedelta(hours=1)
_RENEW_TRIED_EVERY = timedelta(hours=1)
_LEASE = timedelta(minutes=5)


# --- Stopped by the vendor ----------------------------------------------------------------------------


def probe_paused(runtime: Runtime) -> int:
    """Ask for each connection that the vendor stopped (not paid, blocked) an hour ago; returns how many go on."""
    resumed = 0
    for connection_id, vendor, version in _paused(runtime):
        if not take_duty(runtime.database, f"probe:{connection_id}", every=PROBE_EVERY, lease=_LEASE):
            continue
        resumed += _probe(runtime, connection_id, vendor, version)
        finish_duty(runtime.database, f"probe:{connection_id}")
    return resumed


def _paused(runtime: Runtime) -> list[tuple[int, str, int]]:
    able = [vendor for vendor, connector in runtime.registry.items() if connector.check is not None]
    with runtime.database.reading() as session:
        rows = session.execute(
            select(Connection.id, Connection.vendor, Connection.access_version).where(
                Connection.vendor.in_(able),
                Connection.state == "paused",
                Connection.state_mend == MEND_PAUSED,
                Connection.state_since <= database_now(session) - PROBE_EVERY,
            )
        ).all()
    return [(row.id, row.vendor, row.access_version) for row in rows]


def _probe(runtime: Runtime, connection_id: int, vendor: str, version: int) -> int:
    check = runtime.registry[vendor].check
    assert check is not None
    try:
        with open_door(runtime, connection_id, Lane.BULK, purpose="probe") as door:
            check(door)
    except DeliveryError as error:
        log.info("connection_still_paused", connection_id=connection_id, reason=str(error)[:200])
        return 0
    with runtime.database.transaction() as session:
        row = session.get_one(Connection, connection_id, with_for_update=True)
        if (row.state, row.access_version) != ("paused", version):
            return 0
        moved = resume(session, connection_id)
    log.info("connection_goes_on", connection_id=connection_id, deliveries=moved)
    return 1


# --- Idle log-ins -------------------------------------------------------------------------------------


def keep_logged_in(runtime: Runtime) -> int:
    """Renew each pair that nobody has renewed for as long as its connector says; returns how many were."""
    renewed = 0
    for connection_id, version in _idle(runtime):
        name = f"renew:{connection_id}"
        if not take_duty(runtime.database, name, every=timedelta(0), lease=_LEASE):
            continue
        if _renew(runtime, connection_id, version):
            finish_duty(runtime.database, name)
            renewed += 1
        else:
            put_off_duty(runtime.database, name, _RENEW_TRIED_EVERY)
    return renewed


def _idle(runtime: Runtime) -> list[tuple[int, int]]:
    """A paused connection's log-in ends as well as another's, so it is kept, too."""
    found = []
    with runtime.database.reading() as session:
        now = database_now(session)
        for vendor, connector in runtime.registry.items():
            if connector.renew_after is None:
                continue
            rows = session.execute(
                select(Connection.id, ConnectionToken.version)
                .join(ConnectionToken, ConnectionToken.connection_id == Connection.id)
                .where(
                    Connection.vendor == vendor,
                    Connection.state != "needs_reconnect",
                    func.coalesce(ConnectionToken.refreshed_at, Connection.created_at) <= now - connector.renew_after,
                )
            )
            found += [(row.id, row.version) for row in rows]
    return found


def _renew(runtime: Runtime, connection_id: int, version: int) -> bool:
    try:
        with open_door(runtime, connection_id, Lane.BULK, purpose="renew") as door:
            door.tokens.renewed(AccessToken("", version))
    except AuthRevoked as error:
        with runtime.database.transaction() as session:
            row = session.get_one(Connection, connection_id, with_for_update=True)
            stop(session, row, "needs_reconnect", str(error), error.hint or MEND_REVOKED)
        return False
    except DeliveryError as error:
        log.warning("log_in_not_renewed", connection_id=connection_id, reason=str(error)[:200])
        return False
    log.info("log_in_renewed", connection_id=connection_id)
    return True
