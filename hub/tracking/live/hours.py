"""How a site's pool was used, hour by hour, and what should alarm a person: from Redis' counts to rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import redis
import structlog
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.locks import take_turn
from hub.db.tracking import PoolHour, SiteAlarm, SiteRow

log = structlog.get_logger()


def count_alarm(client: redis.Redis, site_id: int, kind: str, now: datetime, detail: str = "") -> None:
    """Note that something happened that a person should see: `foreign_origin` or `budget`."""
    field = f"{int(now.timestamp()) // 3600} alarm:{kind}|{detail[:200]}"
    client.hincrby(f"dz:t:{{{site_id}}}:hours", field, 1)


def write_hours(database: Database, client: redis.Redis, site_id: int) -> None:
    """Move the counts of given, shared and busy numbers, and of alarms, into their tables."""
    key = f"dz:t:{{{site_id}}}:hours"
    counts: Any = client.hgetall(key)
    if not counts:
        return
    numbers = int(client.hlen(f"dz:t:{{{site_id}}}:numbers") or 0)
    with database.transaction() as session:
        if session.get(SiteRow, site_id) is None:
            return
        take_turn(session, "journal", site_id)
        for name, value in counts.items():
            hour, _, what = name.decode().partition(" ")
            if int(value) == 0:
                continue
            _count(session, site_id, datetime.fromtimestamp(int(hour) * 3600, UTC), what, int(value), numbers)
    _subtract(client, key, counts)


def _count(session: Session, site_id: int, hour: datetime, what: str, value: int, numbers: int) -> None:
    if what.startswith("alarm:"):
        _raise_alarm(session, site_id, hour, what.removeprefix("alarm:"), value)
        return
    row = session.get(PoolHour, (site_id, hour))
    if row is None:
        row = PoolHour(site_id=site_id, hour=hour, numbers=numbers, most_busy=0, given=0, shared=0)
        session.add(row)
    row.numbers = max(row.numbers, numbers)
    if what == "busy":
        row.most_busy = max(row.most_busy, value)
    elif what == "given":
        row.given += value
    elif what == "shared":
        row.shared += value
        _raise_alarm(session, site_id, hour, "shared", value)


def _raise_alarm(session: Session, site_id: int, hour: datetime, kind: str, times: int) -> None:
    kind, _, detail = kind.partition("|")
    row = session.scalar(
        select(SiteAlarm).where(SiteAlarm.site_id == site_id, SiteAlarm.kind == kind, SiteAlarm.hour == hour)
    )
    if row is None:
        log.warning("tracking_alarm", site_id=site_id, alarm=kind, detail=detail[:100])
        session.execute(insert(SiteAlarm).values(site_id=site_id, kind=kind, hour=hour, times=times, detail=detail))
        return
    row.times += times
    row.detail = detail or row.detail


def _subtract(client: redis.Redis, key: str, counts: Mapping[bytes, bytes]) -> None:
    """Take away what was written; the highest busy count of the running hour stays, as it is no sum."""
    newest = max(int(name.partition(b" ")[0]) for name in counts)
    pipe = client.pipeline()
    for name, value in counts.items():
        is_peak = name.endswith(b" busy")
        is_old = int(name.partition(b" ")[0]) < newest
        if is_old and (is_peak or int(value) == 0):
            pipe.hdel(key, name)
        elif not is_peak:
            pipe.hincrby(key, name, -int(value))
    pipe.execute()
