"""Pages: sites, one site, visits, one visit, a number's passport."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import abort, render_template

from hub.db.tracking import SiteAlarm, SiteRow
from hub.provisioning.one_site import has_traces
from hub.tracking.live.rules import rules_of
from hub.web.pages import pages
from hub.web.pages.charts import columns
from hub.web.pages.lists import PER_PAGE, cursor_argument, shown, text_argument
from hub.web.people import this_person
from hub.web.queries.attribution import pages_of
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.tracking import advice as _advice  # noqa: F401 - its page joins these
from hub.web.tracking import editing as _editing  # noqa: F401 - so do these
from hub.web.tracking import queries
from hub.web.tracking.site_words import state_word

pages.add_app_template_filter(state_word, "site_state")
_ALIVE_WITHIN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Listed:
    """A site in the list; `numbers` are those of its pools."""

    site: SiteRow
    state: queries.SiteState
    numbers: int
    snippet: str
    accuracy: queries.Accuracy
    alarms: Sequence[SiteAlarm]


def snippet_of(site: SiteRow) -> str:
    """The line to put on the site's pages."""
    return f'<script async src="{web().public_url}/t/{site.key}.js"></script>'


@pages.get("/admin/sites")
@needs(Right.SITES)
def sites() -> str:
    now, workspace_id = web().services.now(), this_person().workspace_id
    with web().database.reading() as session:
        counts = queries.count_numbers(session, workspace_id)
        rows = [
            Listed(
                site,
                queries.state_of(site, counts.get(site.id, 0), now),
                counts.get(site.id, 0),
                snippet_of(site),
                queries.accuracy_of(session, site.id, now),
                queries.alarms_of(session, site.id, now),
            )
            for site in queries.list_sites(session, workspace_id)
        ]
    return render_template("tracking/sites.html", rows=rows)


@pages.get("/admin/sites/<key>")
@needs(Right.SITES)
def site(key: str) -> str:
    now, workspace_id = web().services.now(), this_person().workspace_id
    with web().database.reading() as session:
        row = queries.find_site(session, workspace_id, key)
        if row is None:
            abort(404)
        numbers = queries.numbers_of(session, row.id, now)
        calls = queries.calls_by_number(
            session, workspace_id, [one.row.number for one in numbers], now - queries.FIGURES_WINDOW
        )
        hours = queries.pool_hours(session, row.id, now)
        return render_template(
            "tracking/site.html",
            site=row,
            rules=rules_of(row.settings),
            state=queries.state_of(row, len(numbers), now),
            is_untouched=not has_traces(session, row),
            snippet=snippet_of(row),
            numbers=numbers,
            calls=calls,
            accuracy=queries.accuracy_of(session, row.id, now),
            advice=queries.advise(session, row.id, now, len(numbers)),
            hours=hours,
            chart=columns([(hour.most_busy, 0) for hour in hours], least=max(4, len(numbers)), most_labels=8),
            alarms=queries.alarms_of(session, row.id, now),
            alive_since=int((now - _ALIVE_WITHIN).timestamp() * 1000),
        )


@pages.get("/admin/visits")
@needs(Right.SITES)
def visits() -> str:
    workspace_id, key = this_person().workspace_id, text_argument("site")
    with web().database.reading() as session:
        found = queries.find_site(session, workspace_id, key) if key else None
        wanted = queries.VisitFilter(site_id=found.id if found else None)
        page = queries.list_visits(session, workspace_id, wanted, cursor=cursor_argument(timed=True), limit=PER_PAGE)
        sites = queries.list_sites(session, workspace_id)
    arguments = {"site": key} if key else {}
    return render_template("tracking/visits.html", page=shown(page, arguments), arguments=arguments, sites=sites)


@pages.get("/admin/visits/<uid>")
@needs(Right.SITES)
def visit(uid: str) -> str:
    workspace_id = this_person().workspace_id
    with web().database.reading() as session:
        row = queries.find_visit(session, workspace_id, uid)
        if row is None:
            abort(404)
        return render_template(
            "tracking/visit.html",
            visit=row,
            pages=pages_of(session, uid, most=200),
            leases=queries.leases_of(session, workspace_id, visit=uid),
            calls=queries.calls_of_visit(session, uid),
        )


@pages.get("/admin/numbers/<number>")
@needs(Right.SITES)
def number(number: str) -> str:
    workspace_id = this_person().workspace_id
    with web().database.reading() as session:
        passport = queries.passport_of(session, workspace_id, number)
        if not passport:
            abort(404)
        leases = queries.leases_of(session, workspace_id, number=number)
    return render_template("tracking/number.html", number=number, passport=passport, leases=leases)
