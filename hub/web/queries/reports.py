"""Calls of a period by where they came from, who took them, and when: what people rather look at than read.

Every query is one range of the index over (workspace, start). Calls that are going on are not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow, Connection
from hub.domain.attribution import Touch
from hub.domain.call import Outcome
from hub.tracking.sources.channels import Channel, channel_of

_QUARTER_SECONDS = 900
Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class ReportFilter:
    """`since <= started_at < until`; None means: no matter. `connection` is a connection's name."""

    since: datetime
    until: datetime
    direction: str | None = None
    connection: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Calls that are over, of one group: how many were answered, how many not, and for how long people talked."""

    answered: int = 0
    missed: int = 0
    talk_seconds: int = 0

    @property
    def calls(self) -> int:
        return self.answered + self.missed

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.answered + other.answered, self.missed + other.missed, self.talk_seconds + other.talk_seconds)


Group = tuple[Any, ...]
Tallies = list[tuple[Group, Tally]]


def _wanted(workspace_id: int, wanted: ReportFilter) -> list[ColumnElement[bool]]:
    conditions = [
        CallRow.workspace_id == workspace_id,
        CallRow.started_at >= wanted.since,
        CallRow.started_at < wanted.until,
    ]
    if wanted.direction is not None:
        conditions.append(CallRow.direction == wanted.direction)
    if wanted.connection is not None:
        named = select(Connection.id).where(
            Connection.workspace_id == workspace_id, Connection.name == wanted.connection
        )
        conditions.append(CallRow.connection_id.in_(named))
    return conditions


def _grouped(session: Session, workspace_id: int, wanted: ReportFilter, *columns: Any) -> Tallies:
    """The most calls first; the order of equals is that of their names, so that a page does not jump."""
    rows = session.execute(
        select(*columns, CallRow.outcome, func.count(), func.sum(CallRow.talk_seconds))
        .where(*_wanted(workspace_id, wanted), CallRow.outcome != Outcome.IN_PROGRESS)
        .group_by(*columns, CallRow.outcome)
    )
    return _summed((tuple(group), _tally(outcome, count, int(talk or 0))) for *group, outcome, count, talk in rows)


def _tally(outcome: str, count: int, talk_seconds: int) -> Tally:
    return Tally(count, 0, talk_seconds) if outcome == Outcome.ANSWERED else Tally(0, count, talk_seconds)


def _summed(parts: Iterable[tuple[Group, Tally]]) -> Tallies:
    totals: dict[Group, Tally] = {}
    for group, tally in parts:
        totals[group] = totals.get(group, Tally()) + tally
    return sorted(totals.items(), key=lambda item: (-item[1].calls, [part or "" for part in item[0]]))


def by_source(session: Session, workspace_id: int, wanted: ReportFilter) -> Tallies:
    """Groups are (source, medium)."""
    return _grouped(session, workspace_id, wanted, CallRow.source, CallRow.medium)


def by_channel(session: Session, workspace_id: int, wanted: ReportFilter) -> Tallies:
    """Groups are (channel,); None for calls without a source."""
    sources = by_source(session, workspace_id, wanted)
    return _summed(((_channel(source, medium),), tally) for (source, medium), tally in sources)


def _channel(source: str | None, medium: str | None) -> Channel | None:
    return channel_of(Touch(source, medium or "")) if source is not None else None


def by_campaign(session: Session, workspace_id: int, wanted: ReportFilter) -> Tallies:
    """Groups are (source, medium, campaign)."""
    return _grouped(session, workspace_id, wanted, CallRow.source, CallRow.medium, CallRow.campaign)


def by_line(session: Session, workspace_id: int, wanted: ReportFilter) -> Tallies:
    """Groups are (line,)."""
    return _grouped(session, workspace_id, wanted, CallRow.line)


def by_employee(session: Session, workspace_id: int, wanted: ReportFilter) -> Tallies:
    """Groups are (connection, extension) of who answered, else of who was rung first; None when nobody was."""
    known = session.execute(select(Connection.id, Connection.name).where(Connection.workspace_id == workspace_id))
    names = {row_id: name for row_id, name in known}  # noqa: C416 - a result of SQLAlchemy is no mapping for dict()
    who = func.coalesce(CallRow.answered_by, CallRow.first_rung)
    rows = _grouped(session, workspace_id, wanted, CallRow.connection_id, who)
    return [((names.get(connection_id), extension), tally) for (connection_id, extension), tally in rows]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Calls that began in one stretch of time; `most_at_once` of those of the period ran at one moment of it."""

    tally: Tally
    most_at_once: int


class Span(NamedTuple):
    """One call on the clock, in unix seconds: from its start to its end. A tuple, for there may be 100,000."""

    began: int
    ended: int
    is_answered: bool
    talk_seconds: int


def spans(session: Session, workspace_id: int, wanted: ReportFilter) -> list[Span]:
    """The calls of the period, in no order."""
    rows = session.execute(
        select(CallRow.started_at, CallRow.outcome, CallRow.wait_seconds, CallRow.talk_seconds).where(
            *_wanted(workspace_id, wanted), CallRow.outcome != Outcome.IN_PROGRESS
        )
    )
    return [_span(int(start.timestamp()), outcome, wait, talk) for start, outcome, wait, talk in rows]


def _span(began: int, outcome: str, wait: int, talk: int) -> Span:
    return Span(began, began + wait + talk, outcome == Outcome.ANSWERED, talk)


def by_day(calls: Sequence[Span], wanted: ReportFilter, zone: ZoneInfo) -> dict[date, Stretch]:
    """One entry for each day of the period in `zone`, empty ones too."""
    first, last = (moment.astimezone(zone).date() for moment in (wanted.since, wanted.until - timedelta(seconds=1)))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return _stretches(calls, days, lambda moment: moment.astimezone(zone).date())


def by_hour_of_day(calls: Sequence[Span], zone: ZoneInfo) -> dict[int, Stretch]:
    """The 24 hours of a day in `zone`; each has the calls of that hour of all days of the period together."""
    return _stretches(calls, range(24), lambda moment: moment.astimezone(zone).hour)


def _stretches(calls: Sequence[Span], keys: Iterable[Key], key_of: Callable[[datetime], Key]) -> dict[Key, Stretch]:
    @cache
    def of_quarter(quarter: int) -> Key:  # a zone's hours and days begin at full quarters of an hour
        return key_of(datetime.fromtimestamp(quarter * _QUARTER_SECONDS, UTC))

    counts = {key: [0, 0, 0] for key in keys}
    for call in calls:
        count = counts[of_quarter(call.began // _QUARTER_SECONDS)]
        count[0 if call.is_answered else 1] += 1
        count[2] += call.talk_seconds
    highest = _most_at_once(calls, of_quarter)
    return {key: Stretch(Tally(*count), highest.get(key, 0)) for key, count in counts.items()}


def _most_at_once(calls: Sequence[Span], of_quarter: Callable[[int], Key]) -> dict[Key, int]:
    """Sweeps over starts and ends; a call that ends in the second in which another begins is not beside it."""
    changes = sorted(change for call in calls for change in ((call.began, 1), (max(call.ended, call.began + 1), -1)))
    highest: dict[Key, int] = {}
    running = before = 0
    for at, change in changes:
        if running:
            for quarter in range(before // _QUARTER_SECONDS + 1, (at - 1) // _QUARTER_SECONDS + 1):
                key = of_quarter(quarter)
                highest[key] = max(highest.get(key, 0), running)
        running, before = running + change, at
        if change > 0:
            key = of_quarter(at // _QUARTER_SECONDS)
            highest[key] = max(highest.get(key, 0), running)
    return highest
