"""Taking a request: is the number one to ring, is there one already, is there budget, and when is it made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.callbacks.budgets import over_alarm, spent_limit
from hub.callbacks.cards import tell_crms
from hub.callbacks.moments import is_zone, known_zone, moment_to_ring, visitor_hours
from hub.callbacks.numbers import Refusal, destination_of, read_number
from hub.callbacks.request import Ask, Refused, Taken
from hub.callbacks.rules import Rules
from hub.callbacks.store import (
    ACCEPTED,
    MERGED,
    earlier_asks,
    local_day,
    note_ask,
    open_request,
    read_rules,
    spent_today,
    tell,
)
from hub.callbacks.words import say_moment
from hub.db.callbacks import CallbackAsk, CallbackRow, CallbackState
from hub.db.locks import take_turn
from hub.db.tables import LineSource, Workspace
from hub.db.tracking import SiteNumber, SiteRow
from hub.domain.codec import to_document
from hub.domain.phone import Phone, mask_phone
from hub.routing.facts import is_blocked
from hub.routing.hours import Hours, read_hours
from hub.runtime import Runtime

log = structlog.get_logger()

FARTHEST = timedelta(days=30)
_CLOCKS_DIFFER = timedelta(minutes=2)
_AT_ONCE = timedelta(seconds=5)
_STOPPED_RETRY_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the request is made: the workspace, its rules, and the moment."""

    workspace: Workspace
    rules: Rules
    stopped: str | None
    now: datetime


def take_request(session: Session, runtime: Runtime, ask: Ask) -> Taken | Refused:
    """Keep the request, or say why not; what is refused is remembered too. Nobody is rung here.

    Two requests for one number at the same moment wait for each other: the second finds the first.
    """
    workspace = session.get_one(Workspace, ask.workspace_id)
    rules, stopped = read_rules(session, workspace.id)
    place = _Place(workspace, rules, stopped, runtime.now())
    refused = _refused_site(session, ask) or _refused_time(ask, place.now)
    if refused is not None:
        return refused
    phone = read_number(ask.phone, workspace.region, rules.countries or (workspace.region,))
    refusal = phone if isinstance(phone, Refusal) else _forbidden(session, ask, phone, place.now)
    if refusal is not None:
        _note(session, place.now, ask, str(refusal), None if isinstance(phone, Refusal) else phone.e164)
        return Refused(422, str(refusal), "phone")
    assert isinstance(phone, Phone)
    assert phone.e164 is not None
    return _take_number(session, runtime, ask, place, phone.e164)


def _refused_site(session: Session, ask: Ask) -> Refused | None:
    if ask.site is None:
        return None
    found = session.scalar(select(SiteRow.id).where(SiteRow.workspace_id == ask.workspace_id, SiteRow.key == ask.site))
    return None if found is not None else Refused(422, "no_such_site", "site")


def _refused_time(ask: Ask, now: datetime) -> Refused | None:
    if ask.zone and not is_zone(ask.zone):
        return Refused(422, "zone", "zone")
    if ask.when is None:
        return None
    if ask.when < now - _CLOCKS_DIFFER:
        return Refused(422, "when_past", "when")
    return Refused(422, "when_too_far", "when") if ask.when > now + FARTHEST else None


def _forbidden(session: Session, ask: Ask, phone: Phone, now: datetime) -> Refusal | None:
    """Numbers of our own, and whoever is on the black list."""
    e164 = phone.e164
    assert e164 is not None
    ours = (
        select(SiteRow.id).where(
            SiteRow.workspace_id == ask.workspace_id,
            or_(SiteRow.default_number == e164, SiteRow.post_default_number == e164),
        ),
        select(SiteNumber.id).where(
            SiteNumber.workspace_id == ask.workspace_id, SiteNumber.number == e164, SiteNumber.until.is_(None)
        ),
        select(LineSource.number).where(LineSource.workspace_id == ask.workspace_id, LineSource.number == e164),
    )
    if any(session.execute(query.limit(1)).first() for query in ours):
        return Refusal.OURS
    who = (("number", e164), ("ip", ask.ip), ("visitor", ask.visitor))
    blocked = any(value and is_blocked(session, ask.workspace_id, kind, value, now) for kind, value in who)
    return Refusal.BLOCKED if blocked else None


def _take_number(session: Session, runtime: Runtime, ask: Ask, place: _Place, e164: str) -> Taken | Refused:
    take_turn(session, "callback", ask.workspace_id, e164)
    known = open_request(session, ask.workspace_id, e164)
    if known is not None:
        _note(session, place.now, ask, MERGED, e164)
        return Taken(known.id, known.uid, is_new=False)
    over = _over_budget(session, ask, place, e164)
    if over is not None:
        _note(session, place.now, ask, over.reason, e164)
        return over
    office = read_hours(place.workspace.hours, place.workspace.timezone)
    zone = known_zone(ask.zone, e164)
    moment = moment_to_ring(max(place.now, ask.when or place.now), office, _visitor(place.rules, zone))
    if moment is None:
        return Refused(422, "no_hours", "when")
    row = _insert(session, ask, place, e164, moment, zone or place.workspace.timezone)
    _note(session, place.now, ask, ACCEPTED, e164)
    _watch_destination(session, place, e164)
    tell_crms(session, runtime, row)
    return Taken(row.id, row.uid, is_new=True)


def _visitor(rules: Rules, zone: str | None) -> Hours | None:
    return visitor_hours(zone, rules.visitor_from, rules.visitor_until) if zone else None


def _over_budget(session: Session, ask: Ask, place: _Place, e164: str) -> Refused | None:
    """Switched off, the day's money spent, or a limit used up. Counting waits for its turn in the workspace."""
    if place.stopped is not None:
        return Refused(503, "stopped", "", _STOPPED_RETRY_SECONDS)
    take_turn(session, "callback-budget", ask.workspace_id)
    rules, now = place.rules, place.now
    day = local_day(now, place.workspace.timezone)
    if rules.day_cap and spent_today(session, ask.workspace_id, day) + rules.call_cost > rules.day_cap:
        return Refused(429, "daily_cap", "", _until_midnight(now, place.workspace.timezone))
    scopes = {"number": e164, "ip": ask.ip, "visitor": ask.visitor, "site": ask.site, "workspace": ""}
    longest = timedelta(seconds=max((limit.seconds for limit in rules.limits), default=0))
    spent = spent_limit(rules.limits, earlier_asks(session, ask.workspace_id, scopes, longest, now), e164, now)
    return Refused(429, "over_budget", "", spent.retry_seconds) if spent else None


def _until_midnight(now: datetime, zone: str) -> int:
    there = ZoneInfo(zone)
    midnight = datetime.combine(now.astimezone(there).date() + timedelta(days=1), time(), there)
    return max(1, int((midnight - now).total_seconds()))


def _insert(session: Session, ask: Ask, place: _Place, e164: str, moment: datetime, zone: str) -> CallbackRow:
    at_once = moment - place.now <= _AT_ONCE
    row = CallbackRow(
        uid=uuid.uuid4().hex,
        workspace_id=ask.workspace_id,
        site=ask.site,
        visit=(ask.visit or "")[:64] or None,
        asked_by=ask.asked_by[:120],
        e164=e164,
        name=ask.name[:200] or None,
        comment=ask.comment[:2000] or None,
        page=ask.page[:2000] or None,
        extension=ask.extension,
        zone=zone,
        state=CallbackState.REQUESTED if at_once else CallbackState.SCHEDULED,
        wanted_at=ask.when,
        scheduled_for=None if at_once else moment,
        due_at=moment,
        more=to_document(ask.more),
        created_at=place.now,
    )
    session.add(row)
    session.flush()
    tell(session, row, place.now, "story_taken")
    if not at_once:
        words = say_moment(place.workspace.locale, moment, place.now, place.workspace.timezone)
        tell(session, row, place.now, "story_deferred", moment=words)
    return row


def _note(session: Session, now: datetime, ask: Ask, outcome: str, e164: str | None) -> None:
    note_ask(session, now, ask.workspace_id, outcome, e164=e164, site=ask.site, ip=ask.ip, visitor=ask.visitor)


def _watch_destination(session: Session, place: _Place, e164: str) -> None:
    """In the log at once; the notice on the page is `hub.callbacks.alarms`."""
    asked = session.scalars(
        select(CallbackAsk.e164).where(
            CallbackAsk.workspace_id == place.workspace.id,
            CallbackAsk.at > place.now - timedelta(hours=1),
            CallbackAsk.outcome == ACCEPTED,
        )
    )
    if over_alarm([number for number in asked if number], e164, place.rules.alarm_per_hour):
        log.warning(
            "callback_destination_alarm",
            workspace_id=place.workspace.id,
            destination=destination_of(e164),
            last=mask_phone(e164),
        )
