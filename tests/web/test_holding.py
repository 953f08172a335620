"""Pause and resume of a connection by hand."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection
from hub.db.work import DeliveryRow
from hub.delivery.health import MEND_PAUSED, MEND_REVOKED
from hub.web.pages.holding import MEND_BY_HAND
from hub.web.told import KNOWN
from tests.web.conftest import csrf_of, log_in
from tests.web.seed import Seeded, add_call, add_delivery


def press(client: FlaskClient, connection_id: int, what: str) -> str:
    path = f"/admin/connections/{connection_id}"
    form = {"csrf_token": csrf_of(client.get(path).text)}
    return client.post(f"{path}/{what}", data=form, follow_redirects=True).text


def standing(database: Database, seeded: Seeded) -> tuple[str, str, list[str]]:
    with database.reading() as session:
        row = session.get_one(Connection, seeded.crm_id)
        states = session.scalars(select(DeliveryRow.state).order_by(DeliveryRow.id)).all()
        return row.state, row.state_reason, list(states)


def test_pause_holds_what_waits_and_resume_takes_it_up(app: Flask, acme: Seeded, database: Database) -> None:
    call_id = add_call(database, acme)
    for state in ("pending", "waiting", "done"):
        add_delivery(database, acme, call_id, state=state)
    owner = log_in(app, acme)
    for _ in range(2):  # pressed twice, paused once
        page = press(owner, acme.crm_id, "pause")
    assert "Press Resume when it may go on" in page
    assert standing(database, acme) == ("paused", acme.email("owner"), ["blocked", "blocked", "done"])
    assert "2 deliveries are taken up" in press(owner, acme.crm_id, "resume")
    assert standing(database, acme) == ("active", "", ["pending", "pending", "done"])
    with database.reading() as session:
        actions = session.scalars(select(AuditRow.action).where(AuditRow.action.startswith("connection."))).all()
    assert sorted(actions) == ["connection.pause", "connection.resume"]


def test_resume_of_one_that_works_changes_nothing(app: Flask, acme: Seeded, database: Database) -> None:
    add_delivery(database, acme, add_call(database, acme), state="blocked")
    press(log_in(app, acme), acme.crm_id, "resume")
    assert standing(database, acme) == ("active", "", ["blocked"])


def test_every_mend_that_the_hub_keeps_is_told_in_both_languages() -> None:
    assert {MEND_PAUSED, MEND_REVOKED, MEND_BY_HAND} <= set(KNOWN)
