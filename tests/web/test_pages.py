"""What people read on the pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from flask import Flask

from hub.db.engine import Database
from hub.db.tables import AuditRow, CallEventRow, CallRow, Connection
from hub.db.work import DeliveryRow
from hub.domain.call import Outcome
from hub.domain.phone import Phone
from hub.web.pages.charts import CHART_HEIGHT, TIMELINE_WIDTH, hour_bars, leg_bars
from hub.web.queries.connections import Health, health_of
from hub.web.queries.overview import HourOfCalls, day_bounds
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.seed import (
    NOW,
    Seeded,
    add_busy_day,
    add_call,
    add_delivery,
    add_item,
    add_recording,
    add_trouble,
    facts,
)

EVIL = "<script>alert('x')</script>"


def test_overview_counts_the_day_of_the_workspace_zone(app: Flask, database: Database, acme: Seeded) -> None:
    moscow_midnight = datetime(2026, 5, 13, 21, 0, tzinfo=UTC)
    add_call(database, acme, started_at=moscow_midnight, outcome=Outcome.MISSED)
    add_call(database, acme, started_at=moscow_midnight - timedelta(seconds=1))
    text = log_in(app, acme).get("/admin/").text
    assert '<td class="number">00:00</td><td class="right number">0</td><td class="right number">1</td>' in text
    assert text.count('<td class="number">') == 1
    assert "14 May, 00:00" in text


def test_overview_shows_waiting_dead_and_health(app: Flask, database: Database, acme: Seeded) -> None:
    add_busy_day(database, acme)
    add_trouble(database, acme)
    text = log_in(app, acme).get("/admin/").text
    for words in ("Deliveries waiting</span><strong>3<", "Deliveries given up</span><strong>2<", "stopped", "works"):
        assert words in text


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 29), 23), ((2026, 10, 25), 25), ((2026, 5, 14), 24)])
def test_day_has_as_many_hours_as_its_zone_gives_it(day: tuple[int, int, int], hours: int) -> None:
    bounds = day_bounds(datetime(*day, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin"))
    assert bounds.until - bounds.since == timedelta(hours=hours)


def test_tallest_bar_fills_the_picture_and_none_leaves_it() -> None:
    chart = hour_bars([HourOfCalls(NOW, 6, 2, 0), HourOfCalls(NOW, 0, 0, 9), HourOfCalls(NOW, 1, 0, 0)])
    first, second, third = chart.bars
    assert first.missed_y == 0
    assert first.answered_height + first.missed_height == CHART_HEIGHT
    assert second.answered_height == second.missed_height == 0
    assert third.answered_y + third.answered_height == CHART_HEIGHT
    assert third.x + third.width <= chart.width


def test_legs_stand_where_their_times_put_them() -> None:
    menu, busy, talk = leg_bars(facts("c", started_at=NOW, outcome=Outcome.ANSWERED))
    assert menu.x == 0
    assert busy.talk_width == 0
    assert busy.x < talk.x < talk.talk_x
    assert talk.talk_x + talk.talk_width == pytest.approx(TIMELINE_WIDTH, abs=0.2)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"900 999", "900 123"}),
        ("outcome=missed", {"900 999"}),
        ("phone=8%20900%20999-99-99", {"900 999"}),
        ("q=billb", {"900 999"}),
        ("q=900%20123", {"900 123"}),
        ("q=%25", set()),
        ("from=2026-05-14&to=2026-05-14", {"900 999"}),
        ("from=2026-05-13&to=2026-05-13", {"900 123"}),
        ("connection=mango&direction=inbound", {"900 999", "900 123"}),
        ("direction=sideways", {"900 999", "900 123"}),
        ("from=rubbish&q=%00", {"900 999", "900 123"}),
    ],
)
def test_call_filters(app: Flask, database: Database, acme: Seeded, query: str, shown: set[str]) -> None:
    midnight = datetime(2026, 5, 13, 21, 0, tzinfo=UTC)
    add_call(database, acme, started_at=midnight - timedelta(minutes=1))
    nines = Phone("79009999999", "+79009999999")
    add_call(database, acme, started_at=midnight, client=nines, outcome=Outcome.MISSED, source="billboard")
    client = log_in(app, acme)
    answer = client.get(f"/admin/calls?{query}")
    assert answer.status_code == 200
    assert {number for number in ("900 999", "900 123") if number + "-" in answer.text} == shown
    file = client.get(f"/admin/calls.csv?{query}").text
    assert {n for n in ("900 999", "900 123") if "+7" + n.replace(" ", "") in file} == shown


def test_older_calls_are_a_link_away_and_made_up_cursors_are_refused(
    app: Flask, database: Database, acme: Seeded
) -> None:
    import re

    for number in range(51):
        add_call(database, acme, started_at=NOW - timedelta(minutes=number))
    client = log_in(app, acme)
    first = client.get("/admin/calls?direction=inbound").text
    older = re.search(r'rel="next" href="([^"]+)"', first)
    assert older is not None
    second = client.get(older.group(1).replace("&amp;", "&")).text
    assert second.count('class="lead"') == 1
    assert "Newest" in second
    assert client.get("/admin/calls?cursor=made-up").status_code == 400


def test_call_page_tells_the_whole_story(app: Flask, database: Database, acme: Seeded) -> None:
    call_id = add_call(database, acme, source="billboard")
    add_delivery(database, acme, call_id, state="dead", words="ERROR_CORE: no such field")
    token = add_recording(database, acme, call_id)
    text = log_in(app, acme).get(f"/admin/calls/{call_id}").text
    for words in (
        "+7 900 123-45-67", "Анна Белова · 101", "billboard / offline", "events/call", "call ended",
        "101 talked with the client last", "this CRM keeps no notes", "ERROR_CORE: no such field", "rejected",
        f'src="/r/{token}"', "14:30:00", "Replay",
    ):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize(("state", "words"), [("wanted", "being fetched"), ("failed", "not to be had")])
def test_recording_that_cannot_be_played_says_why(
    app: Flask, database: Database, acme: Seeded, state: str, words: str
) -> None:
    call_id = add_call(database, acme)
    add_recording(database, acme, call_id, state=state)
    text = log_in(app, acme).get(f"/admin/calls/{call_id}").text
    assert words in text
    assert "<audio" not in text


def test_what_was_read_from_the_pbxs_list_is_not_said_to_be_cleaned_away(
    app: Flask, database: Database, acme: Seeded
) -> None:
    call_id = add_call(database, acme)
    with database.transaction() as session:
        first, last = session.query(CallEventRow).filter_by(call_id=call_id).order_by(CallEventRow.id)
        first.inbox_id = last.inbox_id = None
        last.document = {**last.document, "from_history": True}
    text = log_in(app, acme).get(f"/admin/calls/{call_id}").text
    assert text.count("read from the PBX’s own list of calls") == 1
    assert text.count("the original was cleaned away") == 1


def test_caller_without_a_number_is_called_hidden(app: Flask, database: Database, acme: Seeded) -> None:
    call_id = add_call(database, acme, client=None)
    client = log_in(app, acme)
    assert "hidden number" in client.get("/admin/calls").text
    assert "hidden number" in client.get(f"/admin/calls/{call_id}").text


def test_what_vendors_say_is_text_and_nothing_more(app: Flask, database: Database, acme: Seeded) -> None:
    call_id = add_call(database, acme, client=Phone(EVIL), source=EVIL)
    add_delivery(database, acme, call_id, state="dead", words=EVIL)
    item = add_item(database, acme, body=EVIL.encode() + b"\xff\x00", reason=EVIL)
    with database.transaction() as session:
        session.get_one(CallRow, call_id).plan_trace = [
            {"kind": EVIL, "key": EVIL, "unsupported": EVIL, "why": [{"field": EVIL, "rule": EVIL, "fact": EVIL}]}
        ]
        session.query(DeliveryRow).update({"result": {EVIL: EVIL}})
        session.get_one(Connection, acme.crm_id).state_reason = EVIL
        session.get_one(Connection, acme.crm_id).last_error = EVIL
        session.get_one(Connection, acme.crm_id).state = "paused"
    client = log_in(app, acme)
    for path in (
        "/admin/", "/admin/calls", f"/admin/calls/{call_id}", "/admin/deliveries?view=all", "/admin/quarantine",
        f"/admin/quarantine/{item}", "/admin/connections", f"/admin/connections/{acme.crm_id}",
        "/admin/calls?q=" + EVIL, "/admin/login?next=" + EVIL,
    ):  # fmt: skip
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200, path
        assert EVIL not in answer.text, path
    assert "&lt;script&gt;" in client.get(f"/admin/quarantine/{item}").text


def test_replay_of_many_goes_to_the_engine_and_comes_back(
    app: Flask, database: Database, acme: Seeded, notes: Notes
) -> None:
    call_id = add_call(database, acme)
    dead = [add_delivery(database, acme, call_id, state="dead") for _ in range(3)]
    client = log_in(app, acme)
    page = client.get("/admin/deliveries?view=dead").text
    assert page.count('name="id"') == 3
    form = {"csrf_token": csrf_of(page), "id": [str(row) for row in dead[:2]], "next": "/admin/deliveries?view=dead"}
    answer = client.post("/admin/deliveries/replay", data=form)
    assert (answer.status_code, answer.location) == (303, "/admin/deliveries?view=dead")
    assert notes.deliveries == [(dead[:2], acme.workspace_id)]
    assert "2 rows were put back to work" in client.get(answer.location).text
    with database.reading() as session:
        actors = {row.actor for row in session.query(AuditRow).filter_by(action="delivery.replay")}
    assert actors == {acme.email("owner")}


def test_blocked_row_can_be_sent_again_and_one_that_waits_needs_nobody(
    app: Flask, database: Database, acme: Seeded
) -> None:
    call_id = add_call(database, acme)
    blocked = add_delivery(database, acme, call_id, state="blocked", words="waits for step register, which is dead")
    add_delivery(database, acme, call_id, state="waiting")
    client = log_in(app, acme)
    page = client.get("/admin/deliveries?view=waiting").text
    assert page.count('name="id"') == 1
    assert f'name="id" value="{blocked}"' in page


def test_one_foreign_row_stops_the_whole_replay(
    app: Flask, database: Database, acme: Seeded, stranger: Seeded, notes: Notes
) -> None:
    own = add_delivery(database, acme, add_call(database, acme), state="dead")
    foreign = add_delivery(database, stranger, add_call(database, stranger), state="dead")
    client = log_in(app, acme)
    form = {"csrf_token": csrf_of(client.get("/admin/calls").text), "id": [str(own), str(foreign)]}
    assert client.post("/admin/deliveries/replay", data=form).status_code == 404
    assert notes.deliveries == []


def test_replay_of_nothing_and_of_too_much(app: Flask, acme: Seeded, notes: Notes) -> None:
    client = log_in(app, acme)
    token = csrf_of(client.get("/admin/calls").text)
    answer = client.post("/admin/quarantine/replay", data={"csrf_token": token}, follow_redirects=True)
    assert "Nothing was chosen" in answer.text
    many = {"csrf_token": token, "id": [str(number) for number in range(1, 600)]}
    assert client.post("/admin/quarantine/replay", data=many).status_code == 413
    assert notes.inbox == []


def test_quarantine_is_replayed_from_the_page(app: Flask, database: Database, acme: Seeded, notes: Notes) -> None:
    item = add_item(database, acme)
    client = log_in(app, acme)
    page = client.get(f"/admin/quarantine/{item}").text
    assert "&lt;oops&gt;" in page
    form = {"csrf_token": csrf_of(page), "id": str(item)}
    assert client.post("/admin/quarantine/replay", data=form).status_code == 303
    assert notes.inbox == [([item], acme.workspace_id)]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/admin/", "Put the hook address"),
        ("/admin/calls", "Put the hook address"),
        ("/admin/calls?q=nothing", "Widen the period"),
        ("/admin/deliveries", "Every delivery has reached its CRM"),
        ("/admin/deliveries?view=dead", "ready to be sent again"),
        ("/admin/deliveries?view=all", "when a call concerns"),
        ("/admin/quarantine", "Nothing to do here"),
    ],
)
def test_empty_pages_say_what_to_do_next(app: Flask, acme: Seeded, path: str, words: str) -> None:
    assert words in log_in(app, acme).get(path).text


def test_connection_page_shows_address_drift_and_quota(app: Flask, database: Database, acme: Seeded) -> None:
    add_trouble(database, acme)
    client = log_in(app, acme)
    pbx = client.get(f"/admin/connections/{acme.pbx_id}").text
    assert 'id="hook-address">http://localhost/hooks/hook-token-of-acme-0000<' in pbx
    assert "new_field" in pbx
    crm = client.get(f"/admin/connections/{acme.crm_id}").text
    assert "Open the portal and install the app again." in crm
    assert "401 invalid_grant" in crm
    series = client.get(f"/admin/connections/{acme.crm_id}/quota.json").get_json()
    assert [lane["lane"] for lane in series["lanes"]] == ["bulk", "calls", "urgent"]
    assert all(len(lane["requests"]) == len(series["hours"]) == 12 for lane in series["lanes"])


def test_health_names_the_worst_that_is_known() -> None:
    quiet = Connection(state="active")
    assert health_of(quiet, NOW) is Health.QUIET
    assert health_of(Connection(state="active", last_event_at=NOW), NOW) is Health.GOOD
    assert health_of(Connection(state="active", last_event_at=NOW, failing_since=NOW), NOW) is Health.TROUBLED
    ahead = NOW + timedelta(minutes=1)
    assert health_of(Connection(state="active", last_event_at=NOW, breaker_until=ahead), NOW) is Health.TROUBLED
    assert health_of(Connection(state="active", last_event_at=NOW, breaker_until=NOW), NOW) is Health.GOOD
    assert health_of(Connection(state="paused", last_event_at=NOW), NOW) is Health.STOPPED
