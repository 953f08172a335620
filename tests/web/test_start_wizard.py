"""The wizard with several systems: what is begun, let in, comes back; and refusals in the reader's words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import CallRow, Connection, ConnectionToken
from hub.domain.call import Outcome
from hub.domain.errors import (
    AuthRevoked,
    DozvonError,
    OutcomeUnknown,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.web.refusals import REASONS, refusal_of
from tests.web.conftest import Notes, log_in
from tests.web.rule_stage import rules_app
from tests.web.seed import NOW, Seeded, add_call, add_delivery

ENGLISH = {"Accept-Language": "en"}


@pytest.fixture
def real(settings: Settings, database: Database, notes: Notes) -> Flask:
    return rules_app(settings, database, notes)


@pytest.fixture
def bare(database: Database, acme: Seeded) -> Seeded:
    """A workspace without any system."""
    with database.transaction() as session:
        for row in session.scalars(select(Connection)):
            session.delete(row)
    return acme


def add(database: Database, seeded: Seeded, name: str, vendor: str, **more: object) -> int:
    with database.transaction() as session:
        row = Connection(
            workspace_id=seeded.workspace_id, name=name, vendor=vendor, settings={}, secrets={}, created_at=NOW
        )
        for field, value in more.items():
            setattr(row, field, value)
        session.add(row)
        session.flush()
        return row.id


def test_a_wizard_that_was_left_goes_on_with_the_system_that_is_not_let_in_yet(
    real: Flask, bare: Seeded, database: Database
) -> None:
    client = log_in(real, bare)
    refused = add(database, bare, "mango", "mango", failing_since=NOW, last_error="Mango answered HTTP 400")
    assert client.get("/admin/start").location == f"/admin/start/connections/{refused}"
    page = client.get(f"/admin/start/connections/{refused}", headers=ENGLISH).text
    assert "does not let the hub in" in page
    assert "Mango answered HTTP 400" in page
    add(database, bare, "mango-2", "mango")
    assert client.get("/admin/start").location == "/admin/start/crm"


def test_a_system_that_was_connected_elsewhere_counts_and_one_without_a_log_in_does_not(
    real: Flask, bare: Seeded, database: Database
) -> None:
    client = log_in(real, bare)
    add(database, bare, "mango", "mango", last_event_at=NOW)
    waits = add(database, bare, "amo", "amocrm", settings={"auth": "oauth"}, state="needs_reconnect")
    assert client.get("/admin/start").location == f"/admin/start/connections/{waits}"
    assert "Nobody has logged in yet" in client.get(f"/admin/start/connections/{waits}", headers=ENGLISH).text
    market = add(database, bare, "bitrix24", "bitrix24", settings={"auth": "oauth", "domain": "acme.bitrix24.ru"})
    with database.transaction() as session:
        session.add(ConnectionToken(connection_id=market, pair={"access": "a", "refresh": "b"}))
    assert client.get("/admin/start").location == "/admin/start/people"
    page = client.get("/admin/start/crm", headers=ENGLISH).text
    assert "acme.bitrix24.ru" in page
    assert "Add another one" in page
    assert "Next: employees" in page


def test_what_the_first_call_page_waits_for_is_said_while_the_pbx_is_silent(
    real: Flask, bare: Seeded, database: Database
) -> None:
    pbx = add(database, bare, "mango", "mango")
    page = log_in(real, bare).get("/admin/start/call", headers=ENGLISH).text
    assert "Nothing has been heard of mango yet" in page
    assert f"/admin/start/connections/{pbx}" in page


# --- Refusals in the reader's words -------------------------------------------------------------------

ERRORS = [
    Unreachable("The name x.example is not known.").because("name_unknown", host="x.example"),
    AuthRevoked("Bitrix24: Wrong authorization data (no_auth_found)").because("wrong_keys"),
    Paused("The rights crm are missing.").because("rights_missing", rights="crm"),
    Rejected("amoCRM: Forbidden").because("rights_missing"),
    Throttled("429", until=datetime(2026, 1, 1, tzinfo=UTC)),
    Unreachable("HTTP 503"),
    OutcomeUnknown("HTTP 500"),
    AuthRevoked("x").because("a reason of another version"),
]


def spoken(app: Flask, language: str, error: DozvonError) -> str:
    with app.test_request_context(headers={"Accept-Language": language}):
        return refusal_of(error, "Acme CRM").words


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: f"{type(error).__name__}-{error.reason}")
def test_a_refusal_is_told_in_both_languages_with_the_vendors_words_beside(real: Flask, error: DozvonError) -> None:
    russian, english = spoken(real, "ru", error), spoken(real, "en", error)
    assert russian != english
    assert "%(" not in russian + english
    assert russian[0] not in "abcdefghijklmnopqrstuvwxyz"
    assert ("x.example" in russian) == (error.reason == "name_unknown")
    assert (error.message in russian) == (error.reason != "name_unknown")


def test_each_reason_names_what_it_needs_and_nothing_else(real: Flask) -> None:
    values = {"host": "h.example", "rights": "crm", "name": "amo"}
    for reason in REASONS:
        for language in ("ru", "en"):
            words = spoken(real, language, Paused("said").because(reason, **values))
            assert "%(" not in words, reason


def test_both_rights_sentences_are_there(real: Flask) -> None:
    assert "lack rights: crm." in spoken(real, "en", ERRORS[2])
    assert "lack rights. Let" in spoken(real, "en", ERRORS[3])


# --- A call that is still going on --------------------------------------------------------------------


def test_a_call_that_goes_on_is_not_judged_and_its_card_contradicts_nothing(
    real: Flask, acme: Seeded, database: Database
) -> None:
    call_id = add_call(database, acme, outcome=Outcome.IN_PROGRESS)
    add_delivery(database, acme, call_id, kind="show_card")
    with database.transaction() as session:
        session.get_one(CallRow, call_id).plan_trace = []
    client = log_in(real, acme)
    page = client.get(f"/admin/calls/{call_id}", headers=ENGLISH).text
    assert "good call" not in page
    assert "Nothing was planned" not in page
    assert "decided at its end. What is shown to employees meanwhile stands below." in " ".join(page.split())
    assert 'hx-trigger="every 3s"' in page
    first = client.get("/admin/start/call", headers=ENGLISH).text
    assert "Got it: the call is going on." in first
    assert 'hx-trigger="every 2s"' in first
    with database.transaction() as session:
        session.get_one(CallRow, call_id).outcome = "missed"
    over = client.get(f"/admin/calls/{call_id}", headers=ENGLISH).text
    assert "still going on" not in over
    assert 'hx-trigger="every 3s"' not in over
