"""The overview leads back to where the wizard was left, says what is next, and stops when all is done."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import Connection, EmployeeRow
from tests.web.conftest import Notes, log_in
from tests.web.rule_stage import rules_app
from tests.web.seed import NOW, Seeded, add_call
from tests.web.test_start_wizard import add

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def real(settings: Settings, database: Database, notes: Notes) -> Flask:
    return rules_app(settings, database, notes)


@pytest.fixture
def bare(database: Database, acme: Seeded) -> Seeded:
    """A workspace in which nothing was set up."""
    with database.transaction() as session:
        for row in (*session.scalars(select(Connection)), *session.scalars(select(EmployeeRow))):
            session.delete(row)
    return acme


def banner(client: FlaskClient) -> str:
    """What the banner says; "" without one."""
    found = re.search(r'<section[^>]*id="setting-up".*?</section>', client.get("/admin/").text, re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", found[0])).strip() if found else ""


def test_banner_says_what_is_next_until_everything_is_done(real: Flask, bare: Seeded, database: Database) -> None:
    client = log_in(real, bare)
    assert banner(client).startswith("Setting up: 0 of 4 steps are done. Next: connect the PBX")
    pbx = add(database, bare, "mango", "mango", failing_since=NOW)
    assert "0 of 4 steps are done. Next: mango, which is not let in yet." in banner(client)
    with database.transaction() as session:
        session.get_one(Connection, pbx).failing_since = None
    assert "1 of 4 steps are done. Next: connect the CRM" in banner(client)
    add(database, bare, "b24", "bitrix24", settings={"auth": "webhook"}, last_success_at=NOW)
    assert "2 of 4 steps are done. Next: say which extension is whose." in banner(client)
    with database.transaction() as session:
        session.add(
            EmployeeRow(workspace_id=bare.workspace_id, name="Анна", extensions={"*": "101"}, users={"b24": "7"})
        )
    assert "3 of 4 steps are done. Next: ring your own number" in banner(client)
    add_call(database, replace(bare, pbx_id=pbx))
    assert banner(client) == ""


def test_who_may_not_connect_is_not_led_there(real: Flask, bare: Seeded) -> None:
    for role in ("marketer", "auditor"):
        assert banner(log_in(real, bare, role)) == ""
    assert banner(log_in(real, bare, "admin")) != ""
