"""The pages in a real browser: quiet console, no sideways scrolling, readable for everybody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.work import InboxRow
from tests.web.browser import chromium, serving, sign_in
from tests.web.conftest import Notes, build
from tests.web.seed import Seeded, add_busy_day, add_trouble, add_workspace

pytestmark = pytest.mark.browser
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True)
class House:
    """A served hub with a busy and an empty workspace; `paths` are the pages to look at."""

    address: str
    busy: Seeded
    empty: Seeded
    paths: dict[str, str]
    notes: Notes
    browser: Any


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    upgrade(settings.database_url)
    database, notes = Database(settings.database_url), Notes()
    busy, empty = add_workspace(database), add_workspace(database, "quiet")
    calls = add_busy_day(database, busy)
    add_trouble(database, busy)
    with database.reading() as session:
        item = session.query(InboxRow).filter_by(state="quarantined").first()
        assert item is not None
    paths = {
        "overview": "/admin/", "calls": "/admin/calls", "call": f"/admin/calls/{calls[0]}",
        "no calls": "/admin/calls?q=nothing", "connections": "/admin/connections",
        "crm": f"/admin/connections/{busy.crm_id}", "pbx": f"/admin/connections/{busy.pbx_id}",
        "waiting": "/admin/deliveries", "dead": "/admin/deliveries?view=dead", "all": "/admin/deliveries?view=all",
        "quarantine": "/admin/quarantine", "item": f"/admin/quarantine/{item.id}", "docs": "/api/docs",
    }  # fmt: skip
    with serving(build(settings, database, notes)) as address, chromium() as browser:
        yield House(address, busy, empty, paths, notes, browser)
    database.close()


@contextmanager
def _page(
    house: House, width: int, locale: str, scheme: str = "light", **options: Any
) -> Iterator[tuple[Page, list[str]]]:
    viewport = {"width": width, "height": 900}
    context = house.browser.new_context(viewport=viewport, locale=locale, color_scheme=scheme, **options)
    page, complaints = context.new_page(), []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    try:
        yield page, complaints
    finally:
        context.close()


def _look(page: Page, complaints: list[str], where: str) -> None:
    page.wait_for_load_state("networkidle")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{where} scrolls sideways by {overflow} px"
    found = [v for v in Axe().run(page).response["violations"] if v["impact"] in SERIOUS]
    assert not found, (where, [(v["id"], [node["html"] for node in v["nodes"]]) for v in found])
    assert complaints == [], where


def test_empty_workspace_is_as_tidy(house: House) -> None:
    with _page(house, 390, "ru-RU") as (page, complaints):
        sign_in(page, house.address, house.empty)
        for path in ("/admin/", "/admin/calls", "/admin/deliveries?view=dead", "/admin/quarantine"):
            page.goto(house.address + path)
            _look(page, complaints, path)


def test_filter_changes_the_list_without_a_reload(house: House) -> None:
    with _page(house, 1280, "en-US") as (page, complaints):
        sign_in(page, house.address, house.busy)
        page.goto(house.address + "/admin/calls")
        page.evaluate("window.stillHere = true")
        page.select_option("select[name=outcome]", "missed")
        page.wait_for_url("**/admin/calls?*outcome=missed*")
        page.wait_for_function("document.querySelectorAll('#list tbody tr').length === 7")
        assert page.evaluate("window.stillHere") is True
        assert page.locator("#list .badge.good").count() == 0
        assert complaints == []


def test_ended_session_leads_to_the_log_in_and_a_failure_leaves_the_list(house: House) -> None:
    with _page(house, 1280, "en-US") as (page, _):
        sign_in(page, house.address, house.busy, "auditor")
        page.goto(house.address + "/admin/calls")
        page.route("**/admin/calls?*", lambda route: route.fulfill(status=503, body="away"))
        with page.expect_response(lambda answer: answer.status == 503):
            page.select_option("select[name=outcome]", "missed")
        assert page.locator("#list tbody tr").count() == 28
        page.unroute("**/admin/calls?*")
        page.context.clear_cookies()
        page.select_option("select[name=outcome]", "answered")
        page.wait_for_url("**/admin/login")


def test_everything_essential_works_without_scripts(house: House) -> None:
    house.notes.deliveries.clear()
    with _page(house, 1280, "en-US", java_script_enabled=False) as (page, _):
        sign_in(page, house.address, house.busy)
        page.goto(house.address + "/admin/calls")
        page.select_option("select[name=outcome]", "missed")
        page.click("text=Show")
        assert page.locator("#list tbody tr").count() == 7
        page.click("#list tbody tr a >> nth=0")
        assert page.locator("h1").inner_text() == "+7 900 123-45-01"
        page.goto(house.address + "/admin/deliveries?view=dead")
        page.check("input[name=id] >> nth=0")
        page.click("text=Replay the ticked ones")
        page.click("text=Send again: 1")
        assert "put back to work" in page.locator("[role=status]").inner_text()
        page.goto(house.address + f"/admin/connections/{house.busy.pbx_id}")
        assert "/hooks/" in page.locator("#hook-address").inner_text()
        assert not page.locator("[data-copies]").is_visible()
    assert len(house.notes.deliveries) == 1


def test_copy_button_copies_the_hook_address(house: House) -> None:
    with _page(house, 1280, "en-US", permissions=["clipboard-read", "clipboard-write"]) as (page, complaints):
        sign_in(page, house.address, house.busy)
        page.goto(house.address + f"/admin/connections/{house.busy.pbx_id}")
        page.click("[data-copies]")
        page.wait_for_function("document.querySelector('[data-copies]').textContent === 'Copied'")
        copied = page.evaluate("navigator.clipboard.readText()")
        assert copied == page.locator("#hook-address").inner_text()
        assert complaints == []


def test_tick_all_ticks_all_and_the_quota_is_drawn(house: House) -> None:
    with _page(house, 1280, "en-US") as (page, complaints):
        sign_in(page, house.address, house.busy)
        page.goto(house.address + "/admin/deliveries?view=dead")
        page.check("[data-ticks]")
        assert page.locator("input[name=id]:checked").count() == page.locator("input[name=id]").count() == 2
        page.goto(house.address + f"/admin/connections/{house.busy.crm_id}")
        page.wait_for_selector(".quota-chart canvas")
        assert complaints == []


def test_nothing_is_asked_of_another_host(house: House) -> None:
    with _page(house, 1280, "en-US") as (page, _):
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        sign_in(page, house.address, house.busy)
        for path in house.paths.values():
            page.goto(house.address + path)
            page.wait_for_load_state("networkidle")
        assert asked
        assert [url for url in asked if not url.startswith(house.address)] == []


def test_stylesheet_alone_names_colours() -> None:
    import hub.web

    folder = Path(hub.web.__file__).parent
    tokens, _, rules = (folder / "static/app.css").read_text().partition("*, *::before")
    assert "--paper" in tokens
    assert "#" not in "".join(line.partition("{")[2] for line in rules.splitlines() if "{" in line)
