"""A site in a real browser: added, its line copied, a number changed; by the keyboard and without a script too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.migrate import upgrade
from tests.web.browser import chromium, serving, sign_in
from tests.web.conftest import Notes, build
from tests.web.seed import Seeded, add_busy_day, add_workspace

pytestmark = pytest.mark.browser
FIRST, SECOND = "+74951110001", "+74951110002"


@dataclass(frozen=True)
class House:
    address: str
    acme: Seeded
    browser: Any


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    settings = load_settings({}, home=tmp_path_factory.mktemp("home"))
    upgrade(settings.database_url)
    database = Database(settings.database_url)
    acme = add_workspace(database)
    add_busy_day(database, acme)
    with serving(build(settings, database, Notes())) as address, chromium() as browser:
        yield House(address, acme, browser)
    database.close()


def _sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def test_site_is_added_its_line_copied_and_a_number_changed(house: House) -> None:
    context = house.browser.new_context(locale="ru-RU", permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    sign_in(page, house.address, house.acme)
    page.goto(house.address + "/admin/sites")
    page.get_by_role("link", name="Добавить сайт").click()
    page.locator("[name=origins]").fill("https://shop.example/catalog")
    page.locator("[name=default_number]").fill("8 495 000-00-00")
    page.locator("[name=pool]").fill(f"{FIRST}\n12")
    page.get_by_role("button", name="Добавить сайт").click()
    wrong = page.locator("#wrong-pool")
    expect(wrong).to_contain_text("«12» – не полный номер телефона")
    assert page.evaluate("document.activeElement.name") == "pool"
    page.locator("[name=pool]").fill(FIRST)
    page.get_by_role("button", name="Добавить сайт").click()
    expect(page.get_by_text("Сайт добавлен.")).to_be_visible()
    page.get_by_role("button", name="Копировать").click()
    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    line = page.evaluate("navigator.clipboard.readText()")
    assert line == page.locator("#snippet").inner_text()
    assert line.endswith('/t/shop-example.js"></script>')
    page.get_by_role("link", name="Изменить", exact=True).click()
    page.locator("[name=pool]").fill(SECOND)
    page.get_by_role("button", name="Сохранить").click()
    expect(page.get_by_text("Сохранено.")).to_be_visible()
    expect(page.get_by_role("link", name="495 111-00-02")).to_be_visible()
    assert page.get_by_role("link", name="495 111-00-01").count() == 0
    context.close()


def test_narrow_page_without_a_script_does_it_by_the_keyboard(house: House) -> None:
    viewport = {"width": 390, "height": 900}
    context = house.browser.new_context(viewport=viewport, locale="en-US", java_script_enabled=False)
    page = context.new_page()
    sign_in(page, house.address, house.acme, "admin")
    page.goto(house.address + "/admin/new-site")
    page.locator("[name=origins]").focus()
    page.keyboard.type("https://narrow.example")
    page.keyboard.press("Tab")
    page.keyboard.type("Narrow")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("+74950000009")
    page.keyboard.press("Tab")
    page.keyboard.type("+74951110009")
    page.get_by_role("button", name="Add the site").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Narrow", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="495 111-00-09")).to_be_visible()
    page.goto(house.address + "/admin/sites/narrow-example/change")
    assert _sideways(page) <= 0
    context.close()
