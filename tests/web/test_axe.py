"""Every page of the hub by axe-core, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import CallRow
from hub.web.secret import first_owner_key
from tests.web.browser import serving, sign_in
from tests.web.conftest import Notes
from tests.web.house import House, furnished
from tests.web.rule_stage import rules_app
from tests.web.seed import NOW, add_call

pytestmark = pytest.mark.browser
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1280, "light"), (390, "dark"))
PARTS = 3
"""The pages are looked at in so many tests: a slow machine needs minutes for all of them."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with furnished(tmp_path_factory.mktemp("home")) as made:
        yield made


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
