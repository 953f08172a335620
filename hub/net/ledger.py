"""Who used a connection's request budget, and what for: hour by hour."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.retrying import in_transaction
from hub.db.tables import Connection
from hub.db.work import QuotaUse
from hub.domain.intents import Lane
from hub.net.upserts import insert_into

_PURPOSE_LENGTH = 64


class _Place(NamedTuple):
    connection_id: int
    hour: datetime
    lane: str
    purpose: str


class _Count(NamedTuple):
    requests: int
    throttled: int

    def plus(self, other: _Count) -> _Count:
        return _Count(self.requests + other.requests, self.throttled + other.throttled)


@dataclass(frozen=True, slots=True)
class Usage:
    """Requests made, and requests held back by a budget, in the hour that began at `hour`."""

    hour: datetime
    lane: Lane
    purpose: str
    requests: int
    throttled: int


class UsageLedger:
    """Counts in memory, and adds to the table at each `flush`. Safe to share between threads."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[_Place, _Count] = {}

    def note(self, connection_id: int, lane: Lane, purpose: str, throttled: bool = False) -> None:
        """Count one request that was made; with `throttled`, one that was not, for lack of budget."""
        hour = self._now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        place = _Place(connection_id, hour, Lane(lane).value, purpose[:_PURPOSE_LENGTH])
        self._add({place: _Count(0, 1) if throttled else _Count(1, 0)})

    def flush(self) -> None:
        """Add what was counted to the table. When the database fails, the counts are kept and it raises."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            in_transaction(self._database, lambda session: _write(session, counts))
        except BaseException:
            self._add(counts)
            raise

    def usage(self, session: Session, connection_id: int, since: datetime) -> list[Usage]:
        """See the function `usage`."""
        return usage(session, connection_id, since)

    def _add(self, counts: dict[_Place, _Count]) -> None:
        with self._lock:
            for place, count in counts.items():
                self._counts[place] = self._counts.get(place, _Count(0, 0)).plus(count)


def usage(session: Session, connection_id: int, since: datetime) -> list[Usage]:
    """What a connection used in the hours that began at `since` or later, oldest first; flushed counts only."""
    rows = session.scalars(
        select(QuotaUse)
        .where(QuotaUse.connection_id == connection_id, QuotaUse.hour >= since)
        .order_by(QuotaUse.hour, QuotaUse.lane, QuotaUse.purpose)
    )
    return [Usage(row.hour, Lane(row.lane), row.purpose, row.requests, row.throttled) for row in rows]


def _write(session: Session, counts: dict[_Place, _Count]) -> None:
    """In one order for all workers, so that two of them never wait for each other crosswise.

    Counts of a connection that was deleted meanwhile go with it.
    """
    wanted = {place.connection_id for place in counts}
    alive = set(session.scalars(select(Connection.id).where(Connection.id.in_(wanted))))
    rows = [place._asdict() | counts[place]._asdict() for place in sorted(counts) if place.connection_id in alive]
    if not rows:
        return
    added = insert_into(session, QuotaUse).values(rows)
    total = {
        "requests": QuotaUse.requests + added.excluded.requests,
        "throttled": QuotaUse.throttled + added.excluded.throttled,
    }
    places = ["connection_id", "hour", "lane", "purpose"]
    session.execute(added.on_conflict_do_update(index_elements=places, set_=total))
