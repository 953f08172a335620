"""A connection begun by mistake is taken away again, while nothing has come or gone by way of it."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import AuditRow, Connection, ConnectionToken, EmployeeRow, Provisioned
from hub.db.work import DeliveryRow
from tests.web.conftest import Notes, csrf_of, log_in
from tests.web.rule_stage import rules_app
from tests.web.seed import NOW, Seeded, add_call, add_delivery, add_item
from tests.web.test_start_wizard import add


@pytest.fixture
def real(settings: Settings, database: Database, notes: Notes) -> Flask:
    return rules_app(settings, database, notes)


def page_of(client: FlaskClient, connection_id: int) -> str:
    return client.get(f"/admin/start/connections/{connection_id}").text


def remove(client: FlaskClient, connection_id: int) -> tuple[int, str]:
    form = {"csrf_token": csrf_of(client.get("/admin/account").text)}
    answer = client.post(f"/admin/start/connections/{connection_id}/remove", data=form)
    return answer.status_code, answer.location or ""


def names_of(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Connection.name).order_by(Connection.id)))


def test_connection_that_nothing_came_by_is_removed_with_its_traces(
    real: Flask, acme: Seeded, database: Database
) -> None:
    wrong = add(database, acme, "mango-2", "mango", failing_since=NOW)
    with database.transaction() as session:
        session.add(
            Provisioned(workspace_id=acme.workspace_id, section="connection", key="mango-2", document={"settings": {}})
        )
        for row in session.scalars(select(EmployeeRow)):
            row.extensions = {"mango-2": "5", "*": "101"}
            row.users = {"b24": "7", "mango-2": "5"}
    client = log_in(real, acme)
    page = page_of(client, wrong)
    assert '<details class="sure"><summary>Remove<span class="unseen"> mango-2' in page  # asked twice
    assert remove(client, wrong) == (303, "/admin/start")
    assert names_of(database) == ["mango", "b24"]
    with database.reading() as session:
        people = [(row.extensions, row.users) for row in session.scalars(select(EmployeeRow))]
        assert people == [({"*": "101"}, {"b24": "7"})] * 2
        assert session.scalars(select(Provisioned.key)).all() == []
        noted = session.execute(select(AuditRow.action, AuditRow.subject)).all()
    assert ("connection.remove", "mango-2") in {tuple(one) for one in noted}
    assert "mango-2 is removed" in client.get("/admin/start", follow_redirects=True).text
    assert remove(client, wrong)[0] == 404


def test_what_only_waits_for_it_goes_with_it_and_is_counted(real: Flask, acme: Seeded, database: Database) -> None:
    call_id = add_call(database, acme)
    wrong = add(database, acme, "b24-2", "bitrix24", state="needs_reconnect")
    delivery = add_delivery(database, acme, call_id, state="blocked")
    with database.transaction() as session:
        row = session.get_one(DeliveryRow, delivery)
        row.connection_id, row.lease, row.closed_at = wrong, 0, None
    client = log_in(real, acme)
    assert "Writes that wait for it and go too: 1." in page_of(client, wrong)
    assert remove(client, wrong)[0] == 303
    with database.reading() as session:
        assert session.get(DeliveryRow, delivery) is None


def test_connection_that_was_heard_or_written_by_stays_and_leads_to_the_pause(
    real: Flask, acme: Seeded, database: Database
) -> None:
    spare = add(database, acme, "amo", "amocrm", settings={"auth": "oauth"})
    with database.transaction() as session:
        session.get_one(Connection, acme.pbx_id).last_event_at = None
        session.add(ConnectionToken(connection_id=spare, pair={"access": "a", "refresh": "r"}))
    add_item(database, acme)
    add_delivery(database, acme, add_call(database, acme), state="done")
    client = log_in(real, acme)
    for connection_id, words in (
        (acme.pbx_id, "calls have come or gone by way of it"),
        (acme.crm_id, "something has come or was written by way of it"),
        (spare, "somebody has logged in"),
    ):
        page = page_of(client, connection_id)
        assert words in page
        assert f"/admin/start/connections/{connection_id}/remove" not in page
        assert f'href="/admin/connections/{connection_id}"' in page
        assert remove(client, connection_id) == (303, f"/admin/start/connections/{connection_id}")
    assert names_of(database) == ["mango", "b24", "amo"]


def test_connection_of_others_and_without_the_right_is_not_removed(
    real: Flask, acme: Seeded, stranger: Seeded, database: Database
) -> None:
    wrong = add(database, acme, "mango-2", "mango")
    assert remove(log_in(real, stranger), wrong)[0] == 404
    for role in ("marketer", "auditor", "agent"):
        assert remove(log_in(real, acme, role), wrong)[0] == 403
    assert "mango-2" in names_of(database)
