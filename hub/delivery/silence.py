"""An alarm on silence: nothing came from a PBX in an hour in which calls usually come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.statements import NoticeRow
from hub.db.tables import CallRow, Connection, Workspace
from hub.delivery.reconcile.statement import pbx_connections
from hub.runtime import Runtime

log = structlog.get_logger()

KIND = "silence"
WEEKS = 4
USUAL_WEEKS = 3
"""Most of the last four: in so many of them the hour must have had calls."""
SHORTEST = timedelta(hours=1)
GAPS = 4
"""Silence is unusual when it lasts for so many times the usual pause between two calls."""
_USUAL_HOURS = {day: ["09:00-21:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Pulse:
    """An hour of the week as it was in the last weeks: when calls began in each of them, the oldest first."""

    weeks: tuple[tuple[datetime, ...], ...]

    @property
    def is_usual(self) -> bool:
        return sum(bool(week) for week in self.weeks) >= USUAL_WEEKS

    @property
    def patience(self) -> timedelta:
        """How long silence is nothing to worry about in this hour."""
        gaps = [(later - earlier).total_seconds() for week in self.weeks for earlier, later in pairwise(week)]
        usual = timedelta(seconds=median(gaps)) if gaps else SHORTEST
        return max(SHORTEST, GAPS * usual)


def watch_silence(runtime: Runtime) -> int:
    """End the notices of connections that were heard again, and raise new ones; returns how many stand."""
    with runtime.database.transaction() as session:
        end_notices(session)
        connections = pbx_connections(session, runtime.registry)
        workspaces = {one.id: one for one in session.scalars(select(Workspace))}
        silent = [one for one in connections if _is_silent(session, one, workspaces[one.workspace_id], runtime.now())]
        return sum(_raise(session, one) for one in silent)


def end_notices(session: Session) -> None:
    """A connection that was heard after its silence began is silent no more."""
    heard = select(Connection.id).where(Connection.last_event_at > NoticeRow.since).correlate(NoticeRow)
    session.execute(
        update(NoticeRow)
        .where(
            NoticeRow.kind == KIND,
            NoticeRow.ended_at.is_(None),
            heard.where(Connection.id == NoticeRow.connection_id).exists(),
        )
        .values(ended_at=database_now(session))
        .execution_options(synchronize_session=False)
    )


def _raise(session: Session, connection: Connection) -> bool:
    """Write the notice, once for one silence; what people have to do is in its words."""
    assert connection.last_event_at is not None
    standing = session.scalar(
        select(NoticeRow.id).where(
            NoticeRow.connection_id == connection.id, NoticeRow.kind == KIND, NoticeRow.ended_at.is_(None)
        )
    )
    if standing is not None:
        return True
    words = (
        f"Nothing has come from {connection.name} since {connection.last_event_at:%Y-%m-%d %H:%M} UTC, in an hour "
        "in which calls usually come. Call your own number, and see whether the PBX can reach the hook address."
    )
    session.add(
        NoticeRow(
            workspace_id=connection.workspace_id,
            connection_id=connection.id,
            kind=KIND,
            words=words,
            since=connection.last_event_at,
            made_at=database_now(session),
        )
    )
    log.warning("connection_silent", connection_id=connection.id, since=connection.last_event_at.isoformat())
    return True


# --- Is it unusual? -----------------------------------------------------------------------------------


def _is_silent(session: Session, connection: Connection, workspace: Workspace, now: datetime) -> bool:
    heard_at, zone = connection.last_event_at, ZoneInfo(workspace.timezone)
    if heard_at is None or connection.state != "active" or now - heard_at <= SHORTEST:
        return False
    if not is_open(workspace.hours, now.astimezone(zone)):
        return False
    pulse = _pulse(session, connection, now, zone)
    if not pulse.is_usual or now - heard_at <= pulse.patience:
        return False
    # The silence counts only as far as it fell into usual hours: a night before the first call does not.
    earlier = _hours_before(now, pulse.patience)
    return all(
        is_open(workspace.hours, hour.astimezone(zone)) and _pulse(session, connection, hour, zone).is_usual
        for hour in earlier
    )


def _hours_before(now: datetime, patience: timedelta) -> list[datetime]:
    """A moment in each earlier hour that the patience reaches back into. Pure."""
    count = int((patience + timedelta(minutes=59)) / timedelta(hours=1))
    return [max(now - timedelta(hours=back), now - patience) for back in range(1, count + 1)]


def _pulse(session: Session, connection: Connection, moment: datetime, zone: ZoneInfo) -> Pulse:
    hours = same_hours(moment, zone)
    return Pulse(tuple(_calls_between(session, connection, begins, ends) for begins, ends in hours))


def same_hours(moment: datetime, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
    """The same hour of the wall clock in each of the weeks before. Pure."""
    local = moment.astimezone(zone)
    days = [local.date() - timedelta(weeks=back) for back in range(1, WEEKS + 1)]
    begins = [datetime.combine(day, time(local.hour), zone) for day in days]
    return [(begin, begin + timedelta(hours=1)) for begin in begins]


def _calls_between(session: Session, connection: Connection, begins: datetime, ends: datetime) -> tuple[datetime, ...]:
    return tuple(
        session.scalars(
            select(CallRow.started_at)
            .where(
                CallRow.workspace_id == connection.workspace_id,
                CallRow.started_at >= begins,
                CallRow.started_at < ends,
                CallRow.connection_id == connection.id,
            )
            .order_by(CallRow.started_at)
        )
    )


def is_open(hours: Mapping[str, Any], local: datetime) -> bool:
    """Whether people answer at this local time by the workspace's hours; without any, every day from 9 to 21. Pure."""
    if local.date().isoformat() in hours.get("holidays", ()):
        return False
    spans: Sequence[str] = (hours or _USUAL_HOURS).get(_DAYS[local.weekday()], ())
    clock = f"{local:%H:%M}"
    return any(begins <= clock < ends for begins, ends in (span.split("-") for span in spans))
