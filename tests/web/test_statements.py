"""Statements, notices and the quota ledger: on the pages and in the API, of one's own workspace only."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from hub.db.engine import Database
from hub.db.statements import NoticeRow, StatementRow
from hub.db.work import QuotaUse
from tests.web.conftest import bearer, log_in
from tests.web.seed import NOW, Seeded, add_call

DAY = date(2026, 5, 13)


def document(call_id: int | None = None, **facts: Any) -> dict[str, Any]:
    difference = {
        "kind": "gone",
        "call_id": call_id,
        "call_key": "abc",
        "connection": "b24",
        "words": "was it deleted there?",
    }
    return {
        "since": "2026-05-12T21:00:00+00:00",
        "until": "2026-05-13T21:00:00+00:00",
        "agrees": False,
        "pbx": {"asked": True, "reason": "", "calls": 12},
        "hub": {"calls": 12},
        "crm": [{"connection": "b24", "asked": True, "reason": "", "expected": 11, "logged": 10, "under_way": 0}],
        "differences": [difference],
        "difference_count": 1,
        "repairs": [{**difference, "kind": "lost", "words": "no event of it came", "at": "2026-05-13T09:15:00+00:00"}],
        **facts,
    }


def add_statement(database: Database, seeded: Seeded, day: date = DAY, **facts: Any) -> int:
    call_id = add_call(database, seeded)
    with database.transaction() as session:
        row = StatementRow(
            workspace_id=seeded.workspace_id,
            connection_id=seeded.pbx_id,
            day=day,
            document=document(call_id, **facts),
            made_at=NOW,
        )
        session.add(row)
        session.flush()
        return row.id


def test_api_tells_statements_the_newest_first_and_by_day(app: Flask, database: Database, acme: Seeded) -> None:
    older, newer = (add_statement(database, acme, DAY - timedelta(days=back)) for back in (1, 0))
    client = app.test_client()
    first = client.get("/api/v1/statements?limit=1", headers=bearer(acme)).get_json()
    assert [item["id"] for item in first["items"]] == [str(newer)]
    second = client.get(f"/api/v1/statements?cursor={first['next']}", headers=bearer(acme)).get_json()
    assert ([item["id"] for item in second["items"]], second["next"]) == ([str(older)], None)
    item = first["items"][0]
    assert (item["connection"], item["day"], item["made_at"]) == ("mango", "2026-05-13", "2026-05-14T12:30:00Z")
    assert (item["pbx"]["calls"], item["hub"]["calls"], item["crm"][0]["logged"], item["agrees"]) == (12, 12, 10, False)
    assert [one["kind"] for one in (*item["differences"], *item["repairs"])] == ["gone", "lost"]
    until = client.get("/api/v1/statements?to=2026-05-12", headers=bearer(acme)).get_json()
    assert [item["id"] for item in until["items"]] == [str(older)]
    assert client.get(f"/api/v1/statements/{older}", headers=bearer(acme)).get_json()["day"] == "2026-05-12"


def test_statements_of_others_are_not_there(app: Flask, database: Database, acme: Seeded, stranger: Seeded) -> None:
    number = add_statement(database, stranger)
    client = app.test_client()
    assert client.get("/api/v1/statements", headers=bearer(acme)).get_json()["items"] == []
    assert client.get(f"/api/v1/statements/{number}", headers=bearer(acme)).status_code == 404
    assert log_in(app, acme).get(f"/admin/statements/{number}").status_code == 404


def test_pages_show_counts_differences_and_repairs(app: Flask, database: Database, acme: Seeded) -> None:
    number = add_statement(database, acme)
    browser = log_in(app, acme)
    listed = browser.get("/admin/statements").text
    assert "2026-05-13" in listed
    assert "differs" in listed
    shown = browser.get(f"/admin/statements/{number}").text
    assert "the CRM does not show the call any more" in shown
    assert "no event of it came" in shown
    assert "/admin/calls/" in shown


def test_page_without_statements_says_how_to_make_one(app: Flask, acme: Seeded) -> None:
    assert "dozvon reconcile" in log_in(app, acme).get("/admin/statements").text


@pytest.fixture
def silent(database: Database, acme: Seeded) -> Seeded:
    with database.transaction() as session:
        session.add(
            NoticeRow(
                workspace_id=acme.workspace_id,
                connection_id=acme.pbx_id,
                kind="silence",
                words="Nothing has come from mango.",
                since=NOW - timedelta(hours=3),
                made_at=NOW,
            )
        )
    return acme


def test_silence_is_on_the_overview_the_connection_and_in_the_api(app: Flask, silent: Seeded) -> None:
    browser = log_in(app, silent)
    for path in ("/admin/", f"/admin/connections/{silent.pbx_id}"):
        page = browser.get(path, follow_redirects=True).text
        assert "Nothing has come from mango since" in page, path
    items = app.test_client().get("/api/v1/connections", headers=bearer(silent)).get_json()["items"]
    (mango,) = [item for item in items if item["name"] == "mango"]
    assert mango["health"] == "troubled"
    assert mango["notices"] == [
        {"kind": "silence", "words": "Nothing has come from mango.", "since": "2026-05-14T09:30:00Z"}
    ]


def test_quota_ledger_tells_lane_and_purpose(app: Flask, database: Database, acme: Seeded) -> None:
    with database.transaction() as session:
        for lane, purpose, requests, throttled in (
            ("calls", "log_call", 5, 1),
            ("calls", "ensure_lead", 3, 0),
            ("bulk", "reconcile", 2, 0),
        ):
            session.add(
                QuotaUse(
                    connection_id=acme.pbx_id,
                    hour=NOW - timedelta(minutes=30),
                    lane=lane,
                    purpose=purpose,
                    requests=requests,
                    throttled=throttled,
                )
            )
    items = app.test_client().get("/api/v1/connections", headers=bearer(acme)).get_json()["items"]
    (mango,) = [item for item in items if item["name"] == "mango"]
    by_lane = {use["lane"]: use for use in mango["quota"]}
    assert (by_lane["calls"]["requests"], by_lane["calls"]["throttled"]) == (8, 1)
    assert [(one["purpose"], one["requests"]) for one in by_lane["calls"]["purposes"]] == [
        ("log_call", 5),
        ("ensure_lead", 3),
    ]
    page = log_in(app, acme).get(f"/admin/connections/{acme.pbx_id}").text
    assert "Log the call" in page
    assert "Compare the calls" in page
