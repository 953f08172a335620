"""The session that a provider's log-in begins, and the password beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from hub.config import Settings
from hub.db.engine import Database
from hub.db.tables import Workspace
from simulators.oidc import SimulatedProvider
from tests.web.conftest import Notes, csrf_of
from tests.web.oidc_stage import HUB, acme_people, copied, oidc_app, running_provider, visit, with_oidc
from tests.web.seed import PASSWORD, Seeded


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    return copied(migrated_sqlite, tmp_path)


@pytest.fixture
def provider(notes: Notes, acme: Seeded) -> Iterator[SimulatedProvider]:
    with running_provider(notes) as running:
        acme_people(running, acme)
        yield running


@pytest.fixture
def hub(settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider) -> Flask:
    return oidc_app(with_oidc(settings, provider), database, notes)


# --- The session ---------------------------------------------------------------------------------------------------


def test_session_is_renewed_at_log_in(hub: Flask, provider: SimulatedProvider) -> None:
    browser = visit(hub)
    page = browser.get("/admin/login").text
    old_token = csrf_of(page)
    address = browser.go().location
    with browser.client.session_transaction(base_url=HUB) as session:
        session["planted"] = "by a stranger"
    browser.get(browser.agree(address, "owner"))
    with browser.client.session_transaction(base_url=HUB) as session:
        assert not {"planted", "oidc_attempts", "oidc_arrival"} & set(session)
    assert browser.post("/admin/logout", {"csrf_token": old_token}).status_code == 400
    assert browser.is_in()


def test_whoever_is_in_already_goes_where_they_wanted(hub: Flask, provider: SimulatedProvider) -> None:
    browser = visit(hub)
    browser.arrive("owner")
    assert browser.go("/admin/calls").location == "/admin/calls"
    assert browser.go("//evil.example").location == "/admin/"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/%5Cevil.example", "x" * 600])
def test_nobody_is_led_astray_after_the_log_in(hub: Flask, provider: SimulatedProvider, target: str) -> None:
    assert visit(hub).arrive("owner", target).location == "/admin/"


# --- Beside the password -------------------------------------------------------------------------------------------


def test_log_in_page_has_both_ways(hub: Flask, provider: SimulatedProvider, acme: Seeded) -> None:
    browser = visit(hub)
    page = browser.get("/admin/login?next=/admin/calls").text
    assert "Log in through Acme ID" in page
    assert 'href="/admin/login/oidc?next=/admin/calls"' in page
    form = {"email": acme.email("owner"), "password": PASSWORD, "csrf_token": csrf_of(page)}
    assert browser.post("/admin/login", form).status_code == 303


def test_without_a_provider_there_is_neither_button_nor_address(app: Flask, acme: Seeded) -> None:
    client = app.test_client()
    assert "oidc" not in client.get("/admin/login").text
    assert client.get("/admin/login/oidc").status_code == 404
    assert client.get("/admin/login/oidc/callback?code=x&state=y").status_code == 404


def test_password_may_be_switched_off(
    settings: Settings, database: Database, notes: Notes, provider: SimulatedProvider, acme: Seeded
) -> None:
    app = oidc_app(replace(with_oidc(settings, provider), password_login=False), database, notes)
    browser = visit(app)
    page = browser.get("/admin/login").text
    assert 'type="password"' not in page
    form = {"email": acme.email("owner"), "password": PASSWORD, "csrf_token": csrf_of(page)}
    answer = browser.post("/admin/login", form)
    assert answer.status_code == 403
    assert "Log-in by password is switched off here." in answer.text
    assert not browser.is_in()
    assert browser.arrive("owner").status_code == 303


def test_workspaces_share_the_provider_and_nothing_else(
    hub: Flask, provider: SimulatedProvider, database: Database, stranger: Seeded
) -> None:
    provider.add("other-owner", stranger.email("owner"))
    browser = visit(hub)
    browser.arrive("other-owner")
    page = browser.get("/admin/account").text
    with database.reading() as session:
        names = {row.id: row.name for row in session.scalars(select(Workspace))}
    assert names[stranger.workspace_id] in page
    assert "ООО «Acme»" not in page
