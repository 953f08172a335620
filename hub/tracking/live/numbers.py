"""Which site holds which number, since when: the passport of numbers, and the quarantine between two sites.

A number that leaves a site still rings for it: old callers know it. So another site may hand it out only when it
has rested for `quarantine_days`. The rule holds for the whole hub, whichever workspaces the sites belong to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.db.locks import take_turn
from hub.db.tracking import SiteNumber, SiteRow
from hub.tracking.live.rules import rules_of

_HELD_ELSEWHERE = timedelta(days=36500)


@dataclass(frozen=True, slots=True)
class Holding:
    """`site_id` had the number from `since` until `until`; None: it still has it."""

    site_id: int
    since: datetime
    until: datetime | None


def usable_from(now: datetime, site_id: int, others: Iterable[Holding], quarantine: timedelta) -> datetime:
    """When `site_id`, which gets a number at `now`, may hand it out, by who else has or had it. Pure."""
    free = now
    for holding in others:
        if holding.site_id == site_id:
            continue
        if holding.until is None:
            return now + _HELD_ELSEWHERE
        free = max(free, holding.until + quarantine)
    return free


def hold_numbers(session: Session, wanted: Mapping[int, Mapping[str, str]], now: datetime) -> None:
    """Make the pools of the sites in `wanted` (site id to number to region) those numbers, at `now`."""
    take_turn(session, "site numbers")
    sites = {row.id: row for row in session.scalars(select(SiteRow).where(SiteRow.id.in_(wanted)))}
    held = session.scalars(select(SiteNumber).where(SiteNumber.site_id.in_(wanted), SiteNumber.until.is_(None))).all()
    let_go = [row for row in held if row.number not in wanted[row.site_id]]
    for row in let_go:
        row.until = now
    session.flush()
    known = {(row.site_id, row.number): row for row in held if row.until is None}
    for site_id, numbers in wanted.items():
        for number, region in numbers.items():
            row_known = known.get((site_id, number))
            if row_known is not None:
                row_known.region = region
            else:
                session.add(_new_row(session, sites[site_id], number, region, now))
        session.flush()
    _free_waiting(session, [row.number for row in let_go])


def _new_row(session: Session, site: SiteRow, number: str, region: str, now: datetime) -> SiteNumber:
    quarantine = timedelta(days=rules_of(site.settings).quarantine_days)
    return SiteNumber(
        workspace_id=site.workspace_id,
        site_id=site.id,
        number=number,
        region=region,
        since=now,
        usable_from=usable_from(now, site.id, _holdings(session, number), quarantine),
    )


def _holdings(session: Session, number: str) -> list[Holding]:
    rows = session.scalars(select(SiteNumber).where(SiteNumber.number == number))
    return [Holding(row.site_id, row.since, row.until) for row in rows]


def _free_waiting(session: Session, numbers: Sequence[str]) -> None:
    """A site that waited for a number which another one has let go of now gets it after the quarantine."""
    waiting = session.execute(
        select(SiteNumber, SiteRow)
        .join(SiteRow, SiteRow.id == SiteNumber.site_id)
        .where(SiteNumber.number.in_(numbers), SiteNumber.until.is_(None))
        .order_by(SiteNumber.id)
    )
    served: set[str] = set()
    for row, site in waiting:
        if row.number in served:
            continue
        served.add(row.number)
        if row.usable_from - row.since < _HELD_ELSEWHERE:
            continue
        quarantine = timedelta(days=rules_of(site.settings).quarantine_days)
        earlier = [one for one in _holdings(session, row.number) if one.until is not None]
        row.usable_from = usable_from(row.since, site.id, earlier, quarantine)


def usable_numbers(session: Session, site_id: int, now: datetime) -> dict[str, str]:
    """Number to region of those that the site may hand out at `now`."""
    rows = session.execute(
        select(SiteNumber.number, SiteNumber.region)
        .where(SiteNumber.site_id == site_id, SiteNumber.usable_from <= now, SiteNumber.since <= now)
        .where(or_(SiteNumber.until.is_(None), SiteNumber.until > now))
        .order_by(SiteNumber.id)
    )
    return {row.number: row.region for row in rows}
