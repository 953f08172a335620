"""A log-in through a provider of another site, in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import User
from simulators.oidc import SimulatedProvider
from tests.web.browser import chromium, serving
from tests.web.conftest import Notes
from tests.web.oidc_stage import CLIENT_ID, CLIENT_SECRET, acme_people, oidc_app, running_provider, with_oidc
from tests.web.seed import Seeded, add_workspace

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Stage:
    """The hub at `localhost` and the provider at 127.0.0.1: to a browser these are two sites."""

    hub: str
    provider: SimulatedProvider
    acme: Seeded
    browser: Any


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    upgrade(settings.database_url)
    database, notes = Database(settings.database_url), Notes()
    acme, other = add_workspace(database), add_workspace(database, "other")
    with database.transaction() as session:
        session.get_one(User, other.user_ids["agent"]).email = acme.email("admin")
    with running_provider(notes, alg="RS256") as provider:
        acme_people(provider, acme)
        settings = replace(with_oidc(settings, provider), public_url="")
        with serving(oidc_app(settings, database, notes)) as address, chromium() as browser:
            hub = address.replace("127.0.0.1", "localhost")
            provider.register(CLIENT_ID, CLIENT_SECRET, f"{hub}/admin/login/oidc/callback")
            yield Stage(hub, provider, acme, browser)
    database.close()


@pytest.fixture
def context(stage: Stage) -> Iterator[BrowserContext]:
    made = stage.browser.new_context(locale="ru-RU", viewport={"width": 390, "height": 800})
    made.set_default_timeout(30_000)
    yield made
    made.close()


def leave(page: Page, stage: Stage, path: str = "/admin/") -> None:
    """From a page of the hub over the log-in to the provider."""
    page.goto(stage.hub + path)
    page.get_by_role("link", name="Войти через Acme ID").click()
    page.wait_for_url(f"{stage.provider.issuer}/**")


def assert_readable(page: Page) -> None:
    """Axe finds nothing, and nothing has to be scrolled sideways."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_button_leads_to_the_provider_and_back_to_the_wanted_page(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{stage.hub}/admin/calls")
    assert_readable(page)
    leave(page, stage, "/admin/calls")
    page.get_by_role("button", name=stage.acme.email("owner")).click()
    page.wait_for_url(f"{stage.hub}/admin/calls")
    page.goto(f"{stage.hub}/admin/account")
    assert stage.acme.email("owner") in page.inner_text("main")
    assert complaints == []
    assert stage.provider.offences() == []


def test_who_cancels_reads_why_and_can_begin_again_by_keyboard(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    leave(page, stage)
    page.get_by_role("button", name="Cancel").click()
    page.wait_for_url(f"{stage.hub}/admin/login/oidc/callback**")
    assert page.inner_text("h1") == "Вы не вошли"
    assert_readable(page)
    page.get_by_role("link", name="Ко входу").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Войти через Acme ID").wait_for()


def test_person_of_two_workspaces_chooses(stage: Stage, context: BrowserContext) -> None:
    page = context.new_page()
    leave(page, stage)
    page.get_by_role("button", name=stage.acme.email("admin")).click()
    page.get_by_role("heading", name="Куда войти?").wait_for()
    assert_readable(page)
    page.get_by_role("button", name="ООО «Other»").click()
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto(f"{stage.hub}/admin/account")
    assert "ООО «Other»" in page.inner_text("main")
