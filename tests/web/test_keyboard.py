"""Every page of the hub by the keyboard alone, as narrow as a telephone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from hub.db.tables import CallRow
from tests.web.browser import sign_in
from tests.web.house import House, furnished
from tests.web.keyboard import WATCH, faults_of_page
from tests.web.seed import NOW, add_call

pytestmark = pytest.mark.browser
PARTS = 3
"""As with axe-core: a slow machine needs minutes for all pages."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with furnished(tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.fixture
def page(house: House) -> Iterator[Page]:
    context = house.browser.new_context(viewport={"width": 390, "height": 844}, locale="en-US")
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def _faults(page: Page) -> list[object]:
    faults = faults_of_page(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*faults, *([f"scrolls sideways by {overflow} px"] if overflow > 0 else [])]


def _leads_past_its_head(page: Page) -> bool:
    """Whether the first stop of the page goes to its content."""
    page.locator("a").first.focus()
    is_skip = page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    return is_skip and bool(page.evaluate("document.activeElement.id") == "main")


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_walked_through_by_the_keyboard(house: House, page: Page, part: int) -> None:
    faults: dict[str, list[object]] = {}
    if part == 0:
        page.goto(house.address + "/admin/login")
        faults["login"] = _faults(page)
    sign_in(page, house.address, house.busy)
    for path in house.paths[part::PARTS]:
        page.goto(house.address + path)
        faults[path] = _faults(page)
        if page.locator(".side").count() and not _leads_past_its_head(page):
            faults[path].append("no way past the head")
    assert len(faults) >= 45 / PARTS
    assert not (wrong := {path: found for path, found in faults.items() if found}), wrong


def test_agent_reaches_the_caller_by_the_keyboard(house: House, page: Page) -> None:
    call_id = add_call(house.database, house.busy, started_at=NOW)
    with house.database.transaction() as session:
        row = session.get_one(CallRow, call_id)
        row.closing, row.outcome, row.facts = "open", "in_progress", {**row.facts, "ringing": ["101"]}
    sign_in(page, house.address, house.busy, "agent")
    page.goto(house.address + "/admin/desk")
    assert page.locator(".caller.rings").count() == 1
    assert _faults(page) == []
