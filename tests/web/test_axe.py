"""Every page of the hub by axe-core, wide and narrow, light and dark, and by the keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Page

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import CallRow
from hub.db.work import InboxRow
from hub.web.secret import first_owner_key
from tests.web.browser import chromium, serving, sign_in
from tests.web.conftest import Notes, log_in
from tests.web.rule_stage import add_world, rules_app
from tests.web.seed import NOW, Seeded, add_busy_day, add_call, add_trouble, add_workspace
from tests.web.test_doors import OPEN_TO_ALL
from tests.web.test_statements import add_statement
from tests.web.things import add_callback, add_tracking

pytestmark = pytest.mark.browser
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1280, "light"), (390, "dark"))
PARTS = 3
"""The pages are looked at in so many tests: a slow machine needs minutes for all of them."""


@dataclass(frozen=True)
class House:
    """A served hub; `paths` are all pages that answer a reader with HTML."""

    address: str
    busy: Seeded
    empty: Seeded
    paths: list[str]
    database: Database
    browser: Any


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    busy, empty = add_workspace(database), add_workspace(database, "quiet")
    calls = add_busy_day(database, busy)
    add_world(database, busy)
    add_trouble(database, busy)
    with database.reading() as session:
        item_id = session.query(InboxRow.id).filter_by(state="quarantined").limit(1).scalar()
    ids = {
        "call_id": calls[0], "connection_id": busy.crm_id, "item_id": item_id, "place": 1,
        "statement_id": add_statement(database, busy), **add_tracking(database, busy), **add_callback(database, busy),
    }  # fmt: skip
    app = rules_app(settings, database, Notes())
    paths = _html_pages(app, busy, ids)
    with serving(app) as address, chromium() as browser:
        yield House(address, busy, empty, paths, database, browser)
    database.close()


def _html_pages(app: Flask, seeded: Seeded, ids: dict[str, Any]) -> list[str]:
    """Every address that a person may open and that answers with a page; none is named by hand."""
    client, found = (
        log_in(app, seeded),
        [
            "/admin/calls?q=nothing",
            "/admin/deliveries?view=dead",
            "/admin/deliveries/preview?all=1&view=all",
            "/admin/reports?view=days",
            "/admin/reports?view=employees",
            f"/admin/connections/{seeded.pbx_id}",
            "/api/docs",
            "/admin/start/pbx?vendor=mango",
            "/admin/start/crm?vendor=bitrix24",
        ],
    )
    for rule in app.url_map.iter_rules():
        if not rule.endpoint.startswith("pages.") or rule.endpoint in OPEN_TO_ALL or "GET" not in (rule.methods or ()):
            continue
        if not rule.arguments <= set(ids):
            assert rule.arguments == {"connection_id", "form"}, f"no id for {rule}"
            continue
        with app.test_request_context():
            path = app.url_map.bind("").build(rule.endpoint, {name: ids[name] for name in rule.arguments})
        answer = client.get(path)
        assert answer.status_code in {200, 302}, path
        if answer.status_code == 200 and answer.mimetype == "text/html":
            found.append(path)
    return found


def _findings(page: Page) -> list[tuple[str, str]]:
    violations = Axe().run(page).response["violations"]
    return [(one["id"], node["html"][:200]) for one in violations for node in one["nodes"]]


def _faults(page: Page) -> list[object]:
    """What is wrong with the page: wide in the light and narrow in the dark, by every rule of axe-core."""
    faults: list[object] = []
    if page.locator("[tabindex]:not([tabindex='0'], [tabindex='-1'])").count():
        faults.append("an order of its own for the Tab key")
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        faults += [f"scrolls sideways by {overflow} px at {width}"] if overflow > 0 else []
        faults += [(scheme, *finding) for finding in _findings(page)]
    return faults


@pytest.mark.parametrize("part", range(PARTS))
def test_axe_finds_nothing_on_any_page(house: House, part: int) -> None:
    context = house.browser.new_context(locale="ru-RU")
    page, complaints, faults = context.new_page(), [], {}
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    if part == 0:
        page.goto(house.address + "/admin/login")
        faults["login"] = _faults(page)
    sign_in(page, house.address, house.busy)
    for path in house.paths[part::PARTS]:
        page.goto(house.address + path)
        faults[path] = _faults(page)
    context.close()
    assert len(faults) >= 45 / PARTS
    assert not (wrong := {path: found for path, found in faults.items() if found}), wrong
    assert complaints == []


def test_axe_finds_nothing_on_the_page_that_makes_the_first_owner(house: House, tmp_path: Path) -> None:
    settings = load_settings({}, home=tmp_path)
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    with serving(rules_app(settings, database, Notes())) as address:
        context = house.browser.new_context(locale="ru-RU")
        page = context.new_page()
        page.goto(f"{address}/admin/first?key={first_owner_key(settings)}")
        assert page.locator("[name=email]").count() == 1
        faults = _faults(page)
        context.close()
    database.close()
    assert faults == []


STOPS = """() => [...document.querySelectorAll('main :is(a, button, input, select, summary, textarea)')]
  .filter((one) => one.type !== 'hidden' && !one.disabled && one.checkVisibility({visibilityProperty: true}))
  .map((one) => one.outerHTML.slice(0, 120))"""
STOP = "document.activeElement.outerHTML.slice(0, 120)"


@pytest.mark.parametrize("path", ["/admin/workspace/users", "/admin/workspace", "/admin/desk"])
def test_keyboard_skips_to_the_content_and_stops_everywhere_in_reading_order(house: House, path: str) -> None:
    context = house.browser.new_context(viewport={"width": 390, "height": 900}, locale="en-US")
    page = context.new_page()
    sign_in(page, house.address, house.busy, "owner" if "workspace" in path else "agent")
    page.goto(house.address + path)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    wanted, seen = page.evaluate(STOPS), []
    for _ in wanted:
        page.keyboard.press("Tab")
        seen.append(page.evaluate(STOP))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none", seen[-1]
    context.close()
    assert seen == wanted
    assert len(wanted) > 8


def test_key_is_made_by_the_keyboard_alone(house: House) -> None:
    context = house.browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, house.address, house.busy)
    page.goto(house.address + "/admin/workspace/keys")
    page.locator("input[name=name]").focus()
    page.keyboard.type("by keyboard")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert page.locator("#new-key").inner_text().startswith("dz_")
    assert _findings(page) == []
    context.close()


def test_desk_shows_a_call_that_comes_in_without_a_reload(house: House) -> None:
    context = house.browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, house.address, house.empty, "agent")
    page.goto(house.address + "/admin/desk")
    assert page.locator(".caller").count() == 0
    page.evaluate("window.stillHere = true")
    call_id = add_call(house.database, house.empty, started_at=NOW)
    with house.database.transaction() as session:
        row = session.get_one(CallRow, call_id)
        row.closing, row.outcome, row.facts = "open", "in_progress", {**row.facts, "ringing": ["101"]}
    page.wait_for_selector(".caller.rings")
    assert page.evaluate("window.stillHere") is True
    assert _findings(page) == []
    context.close()


def test_menu_of_a_narrow_page_opens_and_closes_by_the_keyboard(house: House) -> None:
    context = house.browser.new_context(viewport={"width": 390, "height": 900}, locale="en-US")
    page = context.new_page()
    sign_in(page, house.address, house.busy)
    page.goto(house.address + "/admin/calls")
    link = page.locator("#menu a[aria-current=page]")
    assert not link.is_visible()
    page.locator("[popovertarget=menu]").focus()
    page.keyboard.press("Enter")
    link.wait_for()
    assert _findings(page) == []
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#menu') !== null")
    page.keyboard.press("Escape")
    link.wait_for(state="hidden")
    assert page.evaluate("document.activeElement.getAttribute('popovertarget')") == "menu"
    context.close()


def test_page_that_renews_itself_keeps_the_focus_and_what_was_opened(house: House) -> None:
    context = house.browser.new_context(locale="en-US")
    page = context.new_page()
    sign_in(page, house.address, house.busy)
    page.goto(house.address + "/admin/")
    page.locator("#hours-as-table summary").click()
    row = page.locator("[id^=call-row-]").nth(3)
    wanted = row.get_attribute("id")
    row.locator("a").focus()
    call_id = add_call(house.database, house.busy, started_at=NOW)
    page.evaluate("htmx.ajax('GET', '/admin/', {target: '#live', select: '#live', swap: 'outerMorph'})")
    page.wait_for_selector(f"#call-row-{call_id}")
    assert page.evaluate("document.activeElement.closest('tr')?.id") == wanted
    assert page.locator("#hours-as-table[open]").count() == 1
    context.close()
