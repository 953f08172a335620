"""When reconciliation runs: every quarter of an hour over the last two hours, every night over three days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from hub.calls.intake import OnChange
from hub.db.tables import Connection, Workspace
from hub.delivery.reconcile.difference import Window
from hub.delivery.reconcile.statement import make_statement, pbx_connections, reconcile
from hub.delivery.turns import finish_duty, put_off_duty, take_duty, take_duty_since
from hub.runtime import Runtime

log = structlog.get_logger()

EVERY = timedelta(minutes=15)
LOOKS_BACK = timedelta(hours=2)
NIGHTLY_AT = time(3, 30)
NIGHTLY_DAYS = 3
GRACE = timedelta(minutes=2)
"""Events of a call that ended just now may still be on their way."""
_LEASE = timedelta(minutes=30)
_TRY_AGAIN = timedelta(minutes=15)


def reconcile_due(runtime: Runtime, on_change: OnChange, stopping: Callable[[], bool] = lambda: False) -> int:
    """Run what is due for every PBX connection; returns how many runs were made. One that fails stops no other."""
    runs = 0
    with runtime.database.reading() as session:
        connections = pbx_connections(session, runtime.registry)
        zones = {one.id: ZoneInfo(one.timezone) for one in session.scalars(select(Workspace))}
    for connection in connections:
        zone = zones[connection.workspace_id]
        for name, is_due, work in (
            (f"reconcile:{connection.id}", _quarter_hourly, _last_hours),
            (f"statement:{connection.id}", _nightly, _last_days),
        ):
            if stopping() or connection.state != "active" or not is_due(runtime, name, zone):
                continue
            _run(runtime, name, partial(work, runtime, connection, zone, on_change))
            runs += 1
    return runs


def _quarter_hourly(runtime: Runtime, name: str, _zone: ZoneInfo) -> bool:
    return take_duty(runtime.database, name, every=EVERY, lease=_LEASE)


def _nightly(runtime: Runtime, name: str, zone: ZoneInfo) -> bool:
    return take_duty_since(runtime.database, name, not_since=last_night(runtime.now(), zone), lease=_LEASE)


def last_night(now: datetime, zone: ZoneInfo) -> datetime:
    """The last half past three in `zone`. Pure."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), NIGHTLY_AT, zone)
    return today if today <= now else datetime.combine(local.date() - timedelta(days=1), NIGHTLY_AT, zone)


def _run(runtime: Runtime, name: str, work: Callable[[], bool]) -> None:
    try:
        is_done = work()
    except OperationalError:
        raise  # the database is in trouble, and nothing can be put off in it
    except Exception:
        log.exception("reconciliation_failed", duty=name)
        is_done = False
    if is_done:
        finish_duty(runtime.database, name)
    else:
        put_off_duty(runtime.database, name, _TRY_AGAIN)


def knows_nothing_before(connection: Connection) -> datetime:
    """Calls from before the connection was made are somebody else's: no night takes them into the CRM."""
    return connection.created_at - LOOKS_BACK


def _last_hours(runtime: Runtime, connection: Connection, _zone: ZoneInfo, on_change: OnChange) -> bool:
    now = runtime.now()
    window = Window(max(now - LOOKS_BACK, knows_nothing_before(connection)), now, now - GRACE)
    reconcile(runtime, connection.id, window, on_change)
    return True


def _last_days(runtime: Runtime, connection: Connection, zone: ZoneInfo, on_change: OnChange) -> bool:
    """The statements of the last three whole days; False when the PBX could not be asked for one of them."""
    now = runtime.now()
    not_before = knows_nothing_before(connection)
    today = now.astimezone(zone).date()
    days = [today - timedelta(days=back) for back in range(NIGHTLY_DAYS, 0, -1)]
    found = [
        make_statement(runtime, connection.id, day, now - GRACE, on_change, not_before=not_before)[0]
        for day in days
        if day >= not_before.astimezone(zone).date()
    ]
    can_ask = runtime.registry[connection.vendor].history is not None
    return all(one.pbx.asked for one in found) or not can_ask
