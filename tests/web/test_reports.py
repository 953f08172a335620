"""Reports: what is counted, in whose zone, how many at once, as a page and as a file."""

from __future__ import annotations

import csv
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import text

from hub.db.engine import Database
from hub.db.tables import CallRow
from hub.domain.call import Outcome
from hub.web.pages.charts import CHART_HEIGHT, CHART_WIDTH, columns
from hub.web.queries import reports
from hub.web.queries.reports import ReportFilter, Span, Tally, by_day, by_hour_of_day
from tests.web.conftest import log_in
from tests.web.seed import NOW, Seeded, add_call

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no store answers differently."""
MOSCOW = ZoneInfo("Europe/Moscow")
DAY = timedelta(days=1)
WEEK = ReportFilter(NOW - 7 * DAY, NOW + DAY)


def change(database: Database, call_id: int, **columns_: object) -> None:
    with database.transaction() as session:
        row = session.get_one(CallRow, call_id)
        for name, value in columns_.items():
            setattr(row, name, value)


def add_sources(database: Database, seeded: Seeded) -> None:
    """Four calls of yandex / cpc, one in vain, and one from a map; one outbound, one going on, one of last month."""
    for number in range(4):
        call_id = add_call(database, seeded, outcome=Outcome.MISSED if number == 3 else Outcome.ANSWERED)
        change(database, call_id, source="yandex", medium="cpc", campaign=f"c{number % 2}")
    change(database, add_call(database, seeded), source="2gis", medium="maps")
    change(database, add_call(database, seeded), direction="outbound")
    change(database, add_call(database, seeded), outcome="in_progress")
    add_call(database, seeded, started_at=NOW - 40 * DAY)


def rows_of_file(app: Flask, seeded: Seeded, arguments: str) -> list[list[str]]:
    answer = log_in(app, seeded).get(f"/admin/reports.csv?{arguments}")
    assert answer.mimetype == "text/csv"
    return list(csv.reader(answer.get_data().decode("utf-8-sig").splitlines()))


def test_sources_count_inbound_calls_of_the_period_that_are_over(
    app: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    add_sources(database, acme)
    add_sources(database, stranger)
    assert rows_of_file(app, acme, "view=sources") == [
        ["source", "medium", "calls", "answered", "not_answered", "talk_seconds"],
        ["yandex", "cpc", "4", "3", "1", "285"],
        ["2gis", "maps", "1", "1", "0", "95"],
    ]
    assert [row[:2] for row in rows_of_file(app, acme, "view=sources&direction=")[1:]] == [
        ["yandex", "cpc"], ["", ""], ["2gis", "maps"],
    ]  # fmt: skip
    assert rows_of_file(app, acme, "view=sources&connection=b24")[1:] == []


@ON_SQLITE
@pytest.mark.parametrize(
    ("view", "first"),
    [
        ("channels", ["paid_search", "4", "3", "1"]),
        ("campaigns", ["yandex", "cpc", "c0", "2", "2", "0"]),
        ("employees", ["mango", "101", "Анна Белова", "4", "4", "0"]),
        ("lines", ["+74950000001", "5", "4", "1"]),
    ],
)
def test_other_views_group_the_same_calls(
    app: Flask, acme: Seeded, database: Database, view: str, first: list[str]
) -> None:
    add_sources(database, acme)
    assert rows_of_file(app, acme, f"view={view}")[1][: len(first)] == first


@ON_SQLITE
def test_page_shows_the_same_as_the_file_and_leads_to_the_calls(app: Flask, acme: Seeded, database: Database) -> None:
    add_sources(database, acme)
    page = log_in(app, acme).get("/admin/reports").text
    shown = re.sub(r"<[^>]+>|\s+", " ", page)
    assert re.search(r"yandex / cpc\s+4\s+3\s+1\s+75 %\s+4 min 45 s", shown)
    assert re.search(r"All together\s+5\s+4\s+1\s+80 %", shown)
    link = re.search(r'href="(/admin/calls\?[^"]+)">yandex / cpc', page)
    assert link is not None
    found = log_in(app, acme).get(link.group(1).replace("&amp;", "&")).text
    assert len(set(re.findall(r"/admin/calls/(\d+)", found))) == 4


def test_days_and_hours_are_those_of_the_workspace(app: Flask, acme: Seeded, database: Database) -> None:
    add_call(database, acme, started_at=datetime(2026, 5, 13, 21, 30, tzinfo=UTC))
    days = rows_of_file(app, acme, "view=days&from=2026-05-13&to=2026-05-14")
    assert [row[:2] for row in days[1:]] == [["2026-05-13", "0"], ["2026-05-14", "1"]]
    hours = rows_of_file(app, acme, "view=hours&from=2026-05-13&to=2026-05-14")
    assert [row[0] for row in hours[1:] if row[1] == "1"] == ["00"]
    page = log_in(app, acme).get("/admin/reports?view=days&from=2026-05-13&to=2026-05-14").text
    assert page.count('<rect class="bar-') == 4, "two columns of two parts"


@ON_SQLITE
def test_period_turned_round_or_endless_is_still_a_period(app: Flask, acme: Seeded) -> None:
    client = log_in(app, acme)
    page = client.get("/admin/reports?from=2026-05-14&to=2026-05-01").text
    assert 'name="from" value="2026-05-01"' in page
    page = client.get("/admin/reports?from=1990-01-01&to=2026-05-14").text
    assert 'name="from" value="2025-05-14"' in page
    assert client.get("/admin/reports?view=nonsense&from=x&direction=up&connection=%00").status_code == 200


@ON_SQLITE
def test_empty_report_says_what_to_do(app: Flask, acme: Seeded) -> None:
    assert "Widen the period" in log_in(app, acme).get("/admin/reports?view=hours").text


@ON_SQLITE
def test_formula_in_a_source_stays_text(app: Flask, acme: Seeded, database: Database) -> None:
    change(database, add_call(database, acme), source='=HYPERLINK("x")', medium=None)
    assert rows_of_file(app, acme, "view=sources")[1][0].startswith("'=")


def at(hour: int, minute: int, seconds: int, *, is_answered: bool = True) -> Span:
    """A call that begins on 14 May, Moscow time, and lasts for so many seconds."""
    began = int(datetime(2026, 5, 14, hour, minute, tzinfo=MOSCOW).timestamp())
    return Span(began, began + seconds, is_answered, seconds)


def test_calls_at_once_are_counted_where_they_run_not_only_where_they_begin() -> None:
    long, beside, after = at(9, 50, 3 * 3600), at(11, 0, 60), at(11, 1, 60)
    hours = by_hour_of_day([after, long, beside], MOSCOW)
    assert {hour: one.most_at_once for hour, one in hours.items() if one.most_at_once} == {9: 1, 10: 1, 11: 2, 12: 1}
    assert hours[11].tally == Tally(2, 0, 120)
    assert hours[10].tally == Tally()


def test_call_that_ends_when_the_next_begins_is_not_beside_it() -> None:
    hours = by_hour_of_day([at(10, 0, 60), at(10, 1, 60), at(10, 2, 0, is_answered=False)], MOSCOW)
    assert hours[10].most_at_once == 1
    assert hours[10].tally == Tally(2, 1, 120)


def test_every_day_of_the_period_is_there_when_the_clocks_change() -> None:
    zone = ZoneInfo("Europe/Berlin")
    since, until = datetime(2026, 3, 28, tzinfo=zone), datetime(2026, 3, 31, tzinfo=zone)
    assert list(by_day([], ReportFilter(since, until), zone)) == [date(2026, 3, day) for day in (28, 29, 30)]


def test_columns_stay_in_the_picture_and_their_labels_thin_out() -> None:
    chart = columns([(3, 1), (0, 0), (40, 10)] * 40)
    assert chart.highest == 50
    assert chart.label_step == 5
    assert all(bar.x >= 0 and bar.x + bar.width <= CHART_WIDTH for bar in chart.bars)
    assert chart.bars[2].missed_y == 0
    assert chart.bars[0].answered_y + chart.bars[0].answered_height == pytest.approx(CHART_HEIGHT, abs=0.2)


def test_reports_read_a_range_of_an_index(acme: Seeded, database: Database) -> None:
    asked: list[str] = []
    with database.reading() as session:
        connection = session.connection()
        is_sqlite = connection.dialect.name == "sqlite"
        session.execute(text("select 1" if is_sqlite else "set enable_seqscan = off"))
        for ask in (reports.by_source, reports.by_campaign, reports.by_line, reports.by_employee, reports.spans):
            plan = plan_of(session, is_sqlite, ask, acme.workspace_id)
            asked.append(plan)
            assert "ix_calls_workspace_started" in plan, plan
            assert "started_at" in plan, plan
    assert len(asked) == 5


def plan_of(session, is_sqlite: bool, ask, workspace_id: int) -> str:  # type: ignore[no-untyped-def]
    """How the store answers the last statement of `ask`."""
    from sqlalchemy import event

    said: list[tuple[str, object]] = []

    def keep(_connection, _cursor, statement, parameters, *_more) -> None:  # type: ignore[no-untyped-def]
        said.append((statement, parameters))

    engine = session.connection().engine
    event.listen(engine, "before_cursor_execute", keep)
    try:
        ask(session, workspace_id, WEEK)
    finally:
        event.remove(engine, "before_cursor_execute", keep)
    statement, parameters = next(one for one in reversed(said) if "FROM calls" in one[0])
    explained = "EXPLAIN QUERY PLAN " if is_sqlite else "EXPLAIN "
    rows = session.connection().exec_driver_sql(explained + statement, parameters)
    return "\n".join(str(row[-1]) for row in rows)
