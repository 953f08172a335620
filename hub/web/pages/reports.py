"""Reports: calls of a period by source, channel, campaign, employee, line, day and hour, as pictures and files."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Response, render_template, request

from hub.web.export import safe_cell
from hub.web.pages import pages
from hub.web.pages.charts import columns
from hub.web.pages.lists import day_argument, start_of_day, text_argument
from hub.web.pages.report_rows import KEYS, ON_THE_CLOCK, VIEWS, Row, rows_of
from hub.web.people import Person, this_person
from hub.web.queries.connections import connection_names
from hub.web.queries.reports import ReportFilter, Tally
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.words import DIRECTIONS

_USUAL_DAYS = 30
_MOST_DAYS = 366
_MOST_ROWS = 300
_PRESET_DAYS = (1, 7, 30, 90)
_UTF8_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Period:
    """Days of the workspace's zone, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asks for."""

    view: str
    period: Period
    direction: str | None
    connection: str | None

    def arguments(self, **other: str) -> dict[str, str]:
        """The address of this report, with `other` in place of its own arguments."""
        own = {
            "view": self.view, "from": self.period.first.isoformat(), "to": self.period.last.isoformat(),
            "direction": self.direction or "", "connection": self.connection or "",
        }  # fmt: skip
        return {**own, **other}


def period_asked(today: date) -> Period:
    """The days in the address: the last 30 without any; turned round when they are, and never over a year."""
    last = day_argument("to") or today
    first = day_argument("from") or last - timedelta(days=_USUAL_DAYS - 1)
    first, last = min(first, last), max(first, last)
    return Period(max(first, last - timedelta(days=_MOST_DAYS - 1)), last)


def _asked(person: Person, now: datetime) -> Asked:
    view = text_argument("view", VIEWS) or "sources"
    is_plain = "direction" not in request.args  # clients who call are what most look for; "" is every direction
    direction = "inbound" if is_plain else text_argument("direction", DIRECTIONS)
    return Asked(view, period_asked(now.astimezone(person.zone).date()), direction, text_argument("connection"))


def _filter(asked: Asked, person: Person) -> ReportFilter:
    since = start_of_day(asked.period.first, person.zone)
    until = start_of_day(asked.period.last, person.zone, days_later=1)
    assert since is not None
    assert until is not None
    return ReportFilter(since, until, asked.direction, asked.connection)


@pages.get("/admin/reports")
@needs(Right.OVERVIEW)
def reports() -> str:
    person, now = this_person(), web().services.now()
    asked = _asked(person, now)
    with web().database.reading() as session:
        rows = rows_of(session, asked.view, _filter(asked, person), person)
        connections = connection_names(session, person.workspace_id)
    is_clock = asked.view in ON_THE_CLOCK
    return render_template(
        "reports.html",
        asked=asked,
        views=VIEWS,
        rows=rows[:_MOST_ROWS] if not is_clock else rows,
        left_out=0 if is_clock else max(0, len(rows) - _MOST_ROWS),
        total=sum((row.tally for row in rows), Tally()),
        highest=max((row.tally.calls for row in rows), default=0),
        chart=columns([(row.tally.answered, row.tally.missed) for row in rows]) if is_clock else None,
        presets=_presets(now.astimezone(person.zone).date()),
        connections=connections,
        directions=DIRECTIONS,
    )


def _presets(today: date) -> dict[int, dict[str, str]]:
    """By number of days, the arguments of the period that ends today."""
    return {
        days: {"from": (today - timedelta(days=days - 1)).isoformat(), "to": today.isoformat()} for days in _PRESET_DAYS
    }


@pages.get("/admin/reports.csv")
@needs(Right.OVERVIEW)
def reports_file() -> Response:
    """All rows of the same report; what columns there are is told in docs/reports.md."""
    person = this_person()
    asked = _asked(person, web().services.now())
    with web().database.reading() as session:
        rows = rows_of(session, asked.view, _filter(asked, person), person)
    disposition = {"Content-Disposition": f'attachment; filename="{asked.view}.csv"'}
    return Response(_csv(asked.view, rows), content_type="text/csv; charset=utf-8", headers=disposition)


def _csv(view: str, rows: Sequence[Row]) -> str:
    buffer = io.StringIO(_UTF8_MARK)
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    at_once = ("most_at_once",) if view in ON_THE_CLOCK else ()
    writer.writerow((*KEYS[view], "calls", "answered", "not_answered", "talk_seconds", *at_once))
    for row in rows:
        tally = row.tally
        figures = (tally.calls, tally.answered, tally.missed, tally.talk_seconds)
        cells = (*row.key, *figures, *((row.most_at_once,) if at_once else ()))
        writer.writerow([safe_cell(cell) for cell in cells])
    return buffer.getvalue()
