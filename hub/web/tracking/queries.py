"""What the pages about sites and visits show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow
from hub.db.tracking import AttributionRow, LeaseRow, PoolHour, SiteAlarm, SiteNumber, SiteRow, TouchRow, VisitRow
from hub.domain.attribution import Model
from hub.web.paging import Cursor, Page, page_of

FIGURES_WINDOW = timedelta(days=7)
ALARM_WINDOW = timedelta(days=2)
_SILENT_AFTER = timedelta(days=1)
_ANSWERED = (Model.STATIC, Model.DYNAMIC, Model.KNOWN_CALLER, Model.CALLBACK, Model.FORM)


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Calls of a week to a site's numbers: how many have an answer, how many came on the number everybody sees."""

    calls: int
    answered: int
    on_default: int
    sure: float

    @property
    def unknown(self) -> int:
        return self.calls - self.answered - self.on_default


@dataclass(frozen=True, slots=True)
class Advice:
    """How large the pool should be: `enough` numbers would have been held at once at the busiest hour."""

    numbers: int
    most_busy: int
    shared: int
    given: int
    enough: int


@dataclass(frozen=True, slots=True)
class ShownNumber:
    row: SiteNumber
    waits_until: datetime | None
    held_by: int
    last_given: datetime | None


def list_sites(session: Session, workspace_id: int) -> Sequence[SiteRow]:
    return session.scalars(select(SiteRow).where(SiteRow.workspace_id == workspace_id).order_by(SiteRow.name)).all()


def find_site(session: Session, workspace_id: int, key: str) -> SiteRow | None:
    return session.scalar(select(SiteRow).where(SiteRow.workspace_id == workspace_id, SiteRow.key == key))


class SiteState(StrEnum):
    """`bare`: it has no number for visitors; `unseen`, `silent`: its script was never seen, or not for a day."""

    WORKS = "works"
    BARE = "bare"
    UNSEEN = "unseen"
    SILENT = "silent"


def state_of(site: SiteRow, numbers: int, now: datetime) -> SiteState:
    """How a site with so many numbers in its pools is. Pure."""
    if not numbers:
        return SiteState.BARE
    if not site.seen:
        return SiteState.UNSEEN
    seen_at = datetime.fromtimestamp(site.seen["at"] / 1000, UTC)
    return SiteState.SILENT if now - seen_at > _SILENT_AFTER else SiteState.WORKS


def count_numbers(session: Session, workspace_id: int) -> Mapping[int, int]:
    """How many numbers are in the pools of each site that has any."""
    query = select(SiteNumber.site_id, func.count()).group_by(SiteNumber.site_id)
    held = query.where(SiteNumber.workspace_id == workspace_id, SiteNumber.until.is_(None))
    return {site_id: int(count) for site_id, count in session.execute(held)}


def numbers_of(session: Session, site_id: int, now: datetime) -> list[ShownNumber]:
    """The pool: who rests, who is held by how many."""
    rows = session.scalars(
        select(SiteNumber).where(SiteNumber.site_id == site_id, SiteNumber.until.is_(None)).order_by(SiteNumber.id)
    ).all()
    holders = func.sum(case((LeaseRow.until > now, 1), else_=0))
    counted = session.execute(
        select(LeaseRow.number, holders, func.max(LeaseRow.since))
        .where(LeaseRow.site_id == site_id, LeaseRow.since > now - FIGURES_WINDOW)
        .group_by(LeaseRow.number)
    )
    known = {number: (held, since) for number, held, since in counted}
    return [_shown(row, now, *known.get(row.number, (0, None))) for row in rows]


def _shown(row: SiteNumber, now: datetime, held: int, last_given: datetime | None) -> ShownNumber:
    return ShownNumber(row, row.usable_from if row.usable_from > now else None, held, last_given)


def accuracy_of(session: Session, site_id: int, now: datetime) -> Accuracy:
    rows = session.execute(
        select(AttributionRow.model, func.count(), func.sum(AttributionRow.probability))
        .where(AttributionRow.site_id == site_id, AttributionRow.called_at > now - FIGURES_WINDOW)
        .group_by(AttributionRow.model)
    )
    counts = {model: (count, total) for model, count, total in rows}
    answered = sum(counts[model][0] for model in _ANSWERED if model in counts)
    surety = sum(counts[model][1] for model in _ANSWERED if model in counts)
    lost = counts.get(Model.DEFAULT_NUMBER, (0, 0.0))[0]
    total = sum(count for count, _ in counts.values())
    return Accuracy(total, answered, lost, surety / answered if answered else 0.0)


def pool_hours(session: Session, site_id: int, now: datetime) -> Sequence[PoolHour]:
    """The last 24 hours of the pool, the oldest first."""
    query = select(PoolHour).where(PoolHour.site_id == site_id, PoolHour.hour > now - timedelta(hours=24))
    return session.scalars(query.order_by(PoolHour.hour)).all()


def advise(session: Session, site_id: int, now: datetime, numbers: int) -> Advice:
    """How many numbers would have been enough: the most leases that ran at one moment of the last week, and a tenth."""
    most_busy, shared, given = session.execute(
        select(func.max(PoolHour.most_busy), func.sum(PoolHour.shared), func.sum(PoolHour.given)).where(
            PoolHour.site_id == site_id, PoolHour.hour > now - FIGURES_WINDOW
        )
    ).one()
    peak = _most_at_once(session, site_id, now)
    enough = -(-max(peak, most_busy or 0) * 11 // 10)
    return Advice(numbers, most_busy or 0, shared or 0, given or 0, enough)


def _most_at_once(session: Session, site_id: int, now: datetime) -> int:
    """Sweeps over starts and ends; shared leases count, because each of them wanted a number of its own."""
    rows = session.execute(
        select(LeaseRow.since, LeaseRow.until)
        .where(LeaseRow.site_id == site_id, LeaseRow.since > now - FIGURES_WINDOW)
        .order_by(LeaseRow.since.desc())
        .limit(50_000)
    )
    changes = sorted(change for since, until in rows for change in ((since, 1), (until, -1)))
    most = running = 0
    for _, step in changes:
        running += step
        most = max(most, running)
    return most


def alarms_of(session: Session, site_id: int, now: datetime) -> Sequence[SiteAlarm]:
    query = select(SiteAlarm).where(SiteAlarm.site_id == site_id, SiteAlarm.hour > now - ALARM_WINDOW)
    return session.scalars(query.order_by(SiteAlarm.hour.desc()).limit(20)).all()


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """None means: no matter. `since <= started_at < until`."""

    site_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None


def list_visits(
    session: Session, workspace_id: int, wanted: VisitFilter, *, cursor: Cursor | None, limit: int
) -> Page[VisitRow]:
    """Visits, the newest first."""
    query = select(VisitRow).where(VisitRow.workspace_id == workspace_id)
    if wanted.site_id is not None:
        query = query.where(VisitRow.site_id == wanted.site_id)
    if wanted.since is not None:
        query = query.where(VisitRow.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(VisitRow.started_at < wanted.until)
    if wanted.source is not None:
        query = query.where(VisitRow.source == wanted.source)
    if cursor is not None:
        older = and_(VisitRow.started_at == cursor.at, VisitRow.id < cursor.id)
        query = query.where(or_(VisitRow.started_at < cursor.at, older))
    rows = session.scalars(query.order_by(VisitRow.started_at.desc(), VisitRow.id.desc()).limit(limit + 1)).all()
    return page_of(list(rows), limit, lambda row: Cursor(row.id, row.started_at))


def find_visit(session: Session, workspace_id: int, uid: str) -> VisitRow | None:
    return session.scalar(select(VisitRow).where(VisitRow.workspace_id == workspace_id, VisitRow.uid == uid))


def touches_of(session: Session, uid: str) -> Sequence[TouchRow]:
    """The arrivals of one visit from outside, in order."""
    return session.scalars(select(TouchRow).where(TouchRow.visit_uid == uid).order_by(TouchRow.at)).all()


def calls_of_visit(session: Session, uid: str) -> Sequence[CallRow]:
    query = select(CallRow).join(AttributionRow, AttributionRow.call_id == CallRow.id)
    return session.scalars(query.where(AttributionRow.visit_uid == uid).order_by(CallRow.started_at)).all()


def leases_of(
    session: Session, workspace_id: int, *, visit: str | None = None, number: str | None = None
) -> list[LeaseRow]:
    """The newest 100 leases of a visit or of a number."""
    query = select(LeaseRow).where(LeaseRow.workspace_id == workspace_id)
    query = query.where(LeaseRow.visit_uid == visit) if visit else query.where(LeaseRow.number == number)
    return list(session.scalars(query.order_by(LeaseRow.since.desc()).limit(100)))


def passport_of(session: Session, workspace_id: int, number: str) -> list[tuple[SiteNumber, SiteRow]]:
    """Which of the workspace's sites had the number, since when and until when; the newest first."""
    rows = session.execute(
        select(SiteNumber, SiteRow)
        .join(SiteRow, SiteRow.id == SiteNumber.site_id)
        .where(SiteNumber.workspace_id == workspace_id, SiteNumber.number == number)
        .order_by(SiteNumber.since.desc(), SiteNumber.id.desc())
    )
    return [(row, site) for row, site in rows]


def calls_by_number(session: Session, workspace_id: int, numbers: Sequence[str], since: datetime) -> Mapping[str, int]:
    rows = session.execute(
        select(CallRow.line, func.count())
        .where(CallRow.workspace_id == workspace_id, CallRow.line.in_(numbers), CallRow.started_at > since)
        .group_by(CallRow.line)
    )
    return {line: count for line, count in rows if line is not None}
