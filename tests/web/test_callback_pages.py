"""The pages of callbacks: the queue and its stories, settings, the switch, blocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.callbacks.rules import Limit, Rules
from hub.callbacks.store import read_rules
from hub.config import Settings
from hub.db.callbacks import CallbackRow, CallbackStep
from hub.db.engine import Database
from hub.db.routing import Block
from hub.db.statements import NoticeRow
from hub.db.work import DeliveryRow
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime
from tests.web.conftest import Notes, bearer, build, csrf_of, log_in
from tests.web.seed import Seeded
from tests.web.test_office import notes_of

AT = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)


def add_request(database: Database, seeded: Seeded, **more: Any) -> int:
    values = {"asked_by": "site", "e164": "+79001234567", "zone": "Europe/Moscow", "state": "failed", **more}
    with database.transaction() as session:
        row = CallbackRow(uid=more.get("uid", "1" * 32), workspace_id=seeded.workspace_id, due_at=AT, created_at=AT)
        for name, value in values.items():
            setattr(row, name, value)
        session.add(row)
        session.flush()
        session.add(CallbackStep(callback_id=row.id, at=AT, state="failed", words="Никто не ответил."))
        return row.id


def post(client: FlaskClient, path: str, **fields: str) -> str:
    token = csrf_of(client.get("/admin/calls").text)
    return client.post(path, data={"csrf_token": token, **fields}, follow_redirects=True).text


def settings_form(**more: str) -> dict[str, str]:
    return {
        "group": "300", "managers": "101, 102", "owner_first": "1", "most_managers": "3", "operator_retries": "60 300",
        "client_retries": "120", "line": "+74950000001", "countries": "ru kz", "call_cost": "500", "day_cap": "10000",
        "alarm_per_hour": "50", "visitor_from": "10:00", "visitor_until": "20:00", "limits": "number 2 900\nip 5 3600",
        **more,
    }  # fmt: skip


def rules_of(database: Database, seeded: Seeded) -> tuple[Rules, str | None]:
    with database.reading() as session:
        return read_rules(session, seeded.workspace_id)


def test_the_queue_shows_requests_and_each_ones_story(app: Flask, database: Database, acme: Seeded) -> None:
    row_id = add_request(database, acme, name="<b>Ольга</b>", failed_because="no_operator", comment="про двери")
    client = log_in(app, acme, "auditor")
    queue = client.get("/admin/callbacks").text
    assert "+7 900 123-45-67" in queue
    assert "&lt;b&gt;Ольга" in queue
    assert "<b>Ольга" not in queue
    assert "+7 900 123-45-67" not in client.get("/admin/callbacks?state=done").text
    page = client.get(f"/admin/callbacks/{row_id}").text
    assert "Никто не ответил." in page
    assert "про двери" in page
    assert "nobody of ours picked up" in page
    assert "/admin/callbacks/cancel" not in page


def test_another_workspaces_requests_and_blocks_are_out_of_reach(
    app: Flask, database: Database, acme: Seeded, stranger: Seeded
) -> None:
    row_id = add_request(database, acme, state="scheduled", name="Ольга")
    with database.transaction() as session:
        block = Block(workspace_id=acme.workspace_id, kind="visitor", value="v1", reason="", made_by="x", made_at=AT)
        session.add(block)
        session.flush()
        block_id = block.id
    client = log_in(app, stranger)
    assert client.get(f"/admin/callbacks/{row_id}").status_code == 404
    post(client, "/admin/callbacks/cancel", id=str(row_id))
    post(client, "/admin/callbacks/blocks/remove", id=str(block_id))
    with database.reading() as session:
        assert session.get_one(CallbackRow, row_id).state == "scheduled"
        assert session.get(Block, block_id) is not None


def test_settings_are_kept_and_read_back(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    post(client, "/admin/callbacks/settings", **settings_form())
    rules, stopped = rules_of(database, acme)
    assert stopped is None
    assert (rules.group, rules.managers, rules.owner_first, rules.client_first) == ("300", ("101", "102"), True, False)
    assert (rules.operator_retries, rules.client_retries) == ((60, 300), (120,))
    assert (rules.countries, rules.limits) == (("RU", "KZ"), (Limit("number", 2, 900), Limit("ip", 5, 3600)))
    assert (rules.visitor_from, rules.visitor_until, rules.day_cap) == ("10:00", "20:00", 10_000)
    page = client.get("/admin/callbacks/settings").text
    assert "number 2 900" in page
    assert "None of your PBXs can ask the employee for a key" in page
    assert 'name="key_press"' not in page


@pytest.mark.parametrize(
    "wrong",
    [
        {"group": "reception"}, {"managers": "101, x"}, {"most_managers": "0"}, {"day_cap": "-1"},
        {"limits": "all 1 1"}, {"limits": "number 2"}, {"visitor_from": "25:00"}, {"operator_retries": "9999999"},
        {"countries": "Russia"}, {"call_cost": "٣"}, {"client_retries": " ".join(["1"] * 11)},
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_and_nothing_is_kept(
    app: Flask, database: Database, acme: Seeded, wrong: dict[str, str]
) -> None:
    client = log_in(app, acme)
    assert "note bad" in post(client, "/admin/callbacks/settings", **settings_form(**wrong))
    assert rules_of(database, acme)[0] == Rules()


def test_the_switch_stops_and_starts_everything(app: Flask, database: Database, acme: Seeded) -> None:
    client = log_in(app, acme)
    post(client, "/admin/callbacks/stop", stop="1")
    assert rules_of(database, acme)[1] == acme.email("owner")
    assert acme.email("owner") in client.get("/admin/callbacks/settings").text
    post(client, "/admin/callbacks/stop", stop="0")
    assert rules_of(database, acme)[1] is None


def test_a_number_an_address_and_a_visitor_can_be_blocked_and_let_go(
    app: Flask, database: Database, acme: Seeded
) -> None:
    client = log_in(app, acme)
    for kind, value in (("number", "8 900 123 45 67"), ("ip", "203.0.113.9"), ("visitor", "v1")):
        post(client, "/admin/callbacks/blocks", kind=kind, value=value, days="1")
    post(client, "/admin/callbacks/blocks", kind="ip", value="not an address")
    post(client, "/admin/callbacks/blocks", kind="number", value="12")
    with database.reading() as session:
        rows = session.scalars(select(Block).order_by(Block.id)).all()
    assert [(row.kind, row.value) for row in rows] == [
        ("number", "+79001234567"), ("ip", "203.0.113.9"), ("visitor", "v1"),
    ]  # fmt: skip
    assert all(row.until is not None for row in rows)
    post(client, "/admin/callbacks/blocks/remove", id=str(rows[0].id))
    assert "+79001234567" not in client.get("/admin/callbacks/blocks").text


def test_what_a_crm_is_told_of_a_request_is_among_the_deliveries(app: Flask, database: Database, acme: Seeded) -> None:
    row_id = add_request(database, acme)
    with database.transaction() as session:
        session.add(
            DeliveryRow(
                workspace_id=acme.workspace_id, connection_id=acme.crm_id, callback_id=row_id, step_key="request",
                intent_kind="ensure_lead", intent={}, why=[], lane="calls", rank=10, needs=[], repeatable=False,
                state="dead", due_at=AT, expires_at=AT, created_at=AT, last_error="no such field",
            )
        )  # fmt: skip
    client = log_in(app, acme)
    assert f"/admin/callbacks/{row_id}" in client.get("/admin/deliveries?view=all").text
    (item,) = client.get("/api/v1/deliveries", headers=bearer(acme)).get_json()["items"]
    assert (item["call_id"], item["callback_id"]) == (None, str(row_id))


@pytest.fixture
def ringing_app(settings: Settings, database: Database, notes: Notes) -> Flask:
    """The pages with a way out to the PBX, which cancelling a request needs."""
    runtime = Runtime(
        settings=settings, database=database, registry={}, http=cast("Http", None), bucket=Bucket(None),
        tokens=TokenService(database), ledger=UsageLedger(database), now=lambda: notes.now,
    )  # fmt: skip
    return build(settings, database, notes, runtime)


def test_who_changed_callbacks_is_noted_and_no_whole_number_stands_there(
    ringing_app: Flask, database: Database, acme: Seeded
) -> None:
    row_id = add_request(database, acme, state="scheduled")
    client = log_in(ringing_app, acme)
    post(client, "/admin/callbacks/settings", **settings_form())
    post(client, "/admin/callbacks/settings", **settings_form())
    post(client, "/admin/callbacks/settings", **settings_form(day_cap="20000"))
    post(client, "/admin/callbacks/stop", stop="1")
    post(client, "/admin/callbacks/stop", stop="0")
    post(client, "/admin/callbacks/cancel", id=str(row_id))
    post(client, "/admin/callbacks/cancel", id=str(row_id))
    post(client, "/admin/callbacks/blocks", kind="number", value="8 900 123 45 67", reason="a prank")
    with database.reading() as session:
        block_id = session.scalars(select(Block.id)).one()
    post(client, "/admin/callbacks/blocks/remove", id=str(block_id))
    post(client, "/admin/callbacks/blocks/remove", id=str(block_id))
    noted = [(action, subject) for who, action, subject in notes_of(database, acme) if who == acme.email("owner")]
    assert [action for action, _ in noted] == [
        "callbacks.settings", "callbacks.settings", "callbacks.stop", "callbacks.start", "callbacks.cancel",
        "block.add", "block.remove",
    ]  # fmt: skip
    assert noted[1][1] == "day_cap"
    assert "79001234567" not in str(noted)


def test_an_alarm_stands_above_the_queue_and_in_the_metrics_until_it_is_over(
    app: Flask, database: Database, acme: Seeded
) -> None:
    with database.transaction() as session:
        for kind, ended_at in (("callback_destination", None), ("callback_day_cap", AT)):
            session.add(
                NoticeRow(
                    workspace_id=acme.workspace_id, connection_id=acme.pbx_id, kind=kind, words=f"Look at {kind}.",
                    since=AT, made_at=AT, ended_at=ended_at,
                )
            )  # fmt: skip
    client = log_in(app, acme)
    for path in ("/admin/callbacks", "/admin/"):
        page = client.get(path).text
        assert "Look at callback_destination." in page
        assert "Look at callback_day_cap." not in page
    figures = client.get("/metrics").text
    assert 'dozvon_notices{kind="callback_destination"} 1.0' in figures
    assert 'dozvon_notices{kind="callback_day_cap"} 0.0' in figures
    assert 'dozvon_callbacks{state="scheduled"} 0.0' in figures
