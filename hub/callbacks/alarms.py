"""Alarms that people see: many numbers of one destination within an hour, and a day's money that is spent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.callbacks.numbers import destination_of
from hub.callbacks.people import pbx_to_ring
from hub.callbacks.rules import Rules
from hub.callbacks.store import ACCEPTED, local_day, read_rules, spent_today
from hub.callbacks.words import say
from hub.db.callbacks import CallbackAsk
from hub.db.engine import database_now
from hub.db.statements import NoticeRow
from hub.db.tables import Connection, Workspace
from hub.runtime import Runtime

log = structlog.get_logger()

DESTINATION, DAY_CAP = "callback_destination", "callback_day_cap"
KINDS = (DESTINATION, DAY_CAP)


def watch_requests(runtime: Runtime) -> int:
    """Raise a notice for what has got out of hand, and end those for what is over; returns how many stand.

    A notice stands at the PBX whose money it is; without one that takes commands nothing is rung anyway.
    """
    now, standing = runtime.now(), 0
    with runtime.database.transaction() as session:
        for workspace in session.scalars(select(Workspace).order_by(Workspace.id)).all():
            pbx = pbx_to_ring(session, runtime, workspace.id)
            for kind, words in _alarms(session, workspace, now).items():
                standing += _settle(session, workspace, pbx, kind, words)
    return standing


def _alarms(session: Session, workspace: Workspace, now: datetime) -> dict[str, str]:
    """Each kind with its words for people; none where nothing is wrong."""
    rules, _stopped = read_rules(session, workspace.id)
    busy = busy_destinations(_asked(session, workspace.id, now), rules.alarm_per_hour)
    return {
        DESTINATION: say(workspace.locale, "alarm_destination", where=", ".join(busy)) if busy else "",
        DAY_CAP: say(workspace.locale, "alarm_day_cap") if _is_spent(session, workspace, rules, now) else "",
    }


def _asked(session: Session, workspace_id: int, now: datetime) -> list[str]:
    """The numbers that were to be called, of the last hour."""
    query = select(CallbackAsk.e164).where(
        CallbackAsk.workspace_id == workspace_id,
        CallbackAsk.at > now - timedelta(hours=1),
        CallbackAsk.outcome == ACCEPTED,
    )
    return [number for number in session.scalars(query) if number]


def busy_destinations(numbers: Iterable[str], alarm_per_hour: int) -> list[str]:
    """The destinations with more different numbers than the alarm allows. Pure."""
    found: defaultdict[str, int] = defaultdict(int)
    for number in set(numbers):
        found[destination_of(number)] += 1
    return sorted(destination for destination, count in found.items() if count > alarm_per_hour)


def _is_spent(session: Session, workspace: Workspace, rules: Rules, now: datetime) -> bool:
    spent = spent_today(session, workspace.id, local_day(now, workspace.timezone))
    return bool(rules.day_cap) and spent + rules.call_cost > rules.day_cap


def _settle(session: Session, workspace: Workspace, pbx: Connection | None, kind: str, words: str) -> bool:
    """Make the notice of this kind stand with these words, or end; returns whether one stands."""
    mine = (NoticeRow.workspace_id == workspace.id, NoticeRow.kind == kind, NoticeRow.ended_at.is_(None))
    standing = session.scalars(select(NoticeRow).where(*mine)).first()
    now = database_now(session)
    if not words:
        session.execute(update(NoticeRow).where(*mine).values(ended_at=now))
        return False
    if standing is not None:
        standing.words = words
        return True
    if pbx is None:
        return False
    session.add(
        NoticeRow(workspace_id=workspace.id, connection_id=pbx.id, kind=kind, words=words, since=now, made_at=now)
    )
    log.warning("callback_alarm", kind=kind, workspace_id=workspace.id)
    return True
