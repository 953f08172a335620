"""Today in figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow
from hub.domain.call import Outcome


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """Calls that started in one hour of the workspace's day. `other` are still going on."""

    starts_at: datetime
    answered: int
    missed: int
    other: int


@dataclass(frozen=True, slots=True)
class DayBounds:
    since: datetime
    until: datetime


def day_bounds(now: datetime, zone: ZoneInfo) -> DayBounds:
    """The day of `now` in `zone`; it has 23 or 25 hours when the clocks change."""
    today = now.astimezone(zone).date()
    first, last = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (today, today + timedelta(days=1)))
    return DayBounds(first, last)


def calls_by_hour(session: Session, workspace_id: int, bounds: DayBounds) -> list[HourOfCalls]:
    """One entry for each hour of the day, empty ones too."""
    rows = session.execute(
        select(CallRow.started_at, CallRow.outcome).where(
            CallRow.workspace_id == workspace_id,
            CallRow.started_at >= bounds.since,
            CallRow.started_at < bounds.until,
        )
    ).all()
    hours = int((bounds.until - bounds.since) / timedelta(hours=1))
    counts = [[0, 0, 0] for _ in range(hours)]
    for started_at, outcome in rows:
        counts[int((started_at - bounds.since) / timedelta(hours=1))][_column(outcome)] += 1
    return [HourOfCalls(bounds.since + timedelta(hours=number), *row) for number, row in enumerate(counts)]


def _column(outcome: str) -> int:
    if outcome == Outcome.ANSWERED:
        return 0
    return 2 if outcome == Outcome.IN_PROGRESS else 1
