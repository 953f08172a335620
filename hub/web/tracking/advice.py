"""The pool advisor: how many numbers a site needs, by its own traffic or by figures that a person typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import abort, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tracking import LeaseRow, SiteRow, VisitRow
from hub.tracking.advisor import DAY_SECONDS, PoolChoice, Span, pool_curve, sizes_for, usual_traffic
from hub.tracking.attribution import DelayLaw
from hub.tracking.live.answers import law_of
from hub.tracking.live.rules import rules_of
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.tracking.queries import FIGURES_WINDOW, find_site, numbers_of

_MOST_VISITS = 8000
_FEWEST_VISITS = 50
_USUAL_SECONDS_ON_PAGE = 180
_MOST_TYPED = 20_000


@dataclass(frozen=True, slots=True)
class Typed:
    """What the form says; None is what nobody typed. `price` is for one number and month, in any currency."""

    visits_per_day: int | None
    seconds_on_page: int
    price: float | None


@dataclass(frozen=True, slots=True)
class Advised:
    """The curve and what it rests on: `own` are the site's own visits, `learned` its own delay law."""

    curve: Sequence[PoolChoice]
    visits_per_day: int
    own: bool
    learned: bool
    present: int

    @property
    def enough(self) -> PoolChoice | None:
        return next((choice for choice in self.curve if choice.is_enough), None)


@pages.get("/admin/sites/<key>/advisor")
@needs(Right.SITES)
def advisor(key: str) -> str:
    now, workspace_id = web().services.now(), this_person().workspace_id
    typed = _typed()
    with web().database.reading() as session:
        row = find_site(session, workspace_id, key)
        if row is None:
            abort(404)
        advised = advise_site(session, row, typed, now)
    return render_template("tracking/advisor.html", site=row, advised=advised, typed=typed)


def _typed() -> Typed:
    visits, seconds = _number("visits", _MOST_TYPED), _number("seconds", 7200)
    price = _number("price", 1_000_000)
    return Typed(int(visits) if visits else None, int(seconds or _USUAL_SECONDS_ON_PAGE), price)


def _number(name: str, most: int) -> float | None:
    """A figure of the form; nothing where it is none or makes no sense."""
    try:
        value = float(request.args.get(name, "").replace(",", "."))
    except ValueError:
        return None
    return value if 0 < value <= most else None


def advise_site(session: Session, site: SiteRow, typed: Typed, now: datetime) -> Advised:
    """The curve for `site`: by its visits of a week, or by the typed figures where there are any or too few visits."""
    present = len(numbers_of(session, site.id, now))
    law, idle = law_of(site), rules_of(site.settings).idle_seconds
    spans = [] if typed.visits_per_day else _spans(session, site.id, now)
    own = len(spans) >= _FEWEST_VISITS
    if own:
        lasted = max(DAY_SECONDS, spans[-1].began - spans[0].began)
        per_day = round(len(spans) * DAY_SECONDS / lasted)
    else:
        per_day = typed.visits_per_day or 0
        spans = _thinned(per_day, typed.seconds_on_page)
    curve = _curve(spans, law, idle, per_day, typed.price, present)
    return Advised(curve, per_day, own, site.law is not None, present)


def _thinned(per_day: int, seconds: int) -> list[Span]:
    """Typed traffic; no more visits than a page can wait for."""
    return usual_traffic(per_day, seconds)[:_MOST_TYPED] if per_day else []


def _curve(
    spans: Sequence[Span], law: DelayLaw, idle: int, per_day: int, price: float | None, present: int
) -> list[PoolChoice]:
    learned_with = present if law.calls_learned else None
    return pool_curve(spans, law, idle, sizes_for(per_day, present), price=price, present=learned_with)


def _spans(session: Session, site_id: int, now: datetime) -> list[Span]:
    """The site's latest visits that held a number, the oldest first."""
    rows = session.execute(
        select(LeaseRow.since, VisitRow.last_seen_at)
        .join(VisitRow, VisitRow.uid == LeaseRow.visit_uid)
        .where(LeaseRow.site_id == site_id, LeaseRow.since > now - FIGURES_WINDOW)
        .order_by(LeaseRow.since.desc())
        .limit(_MOST_VISITS)
    ).all()
    return [Span(since.timestamp(), max(since, seen).timestamp()) for since, seen in reversed(rows)]
