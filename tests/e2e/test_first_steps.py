"""The first ten minutes in a real browser: from a hub that nobody can log in to yet to a call in the CRM."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.first_scene import API_KEY, API_SALT, Scene, empty_hub, printed_address
from tests.e2e.hub import until
from tests.web.browser import chromium

pytestmark = pytest.mark.browser
FIRST, SECOND = "79001110001", "79001110002"
LONGEST_SECONDS = 240  # of the ten minutes; a person who reads takes the rest


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with empty_hub(tmp_path) as made:
        yield made


def make_account(page: Page, scene: Scene) -> None:
    page.goto(f"{scene.hub.url}/admin/login")
    expect(page.locator("main")).to_contain_text("Nobody can log in here yet")
    page.goto(printed_address(scene))
    assert page.evaluate("document.activeElement.name") == "name"
    page.keyboard.type("Acme")
    page.keyboard.press("Tab")
    page.keyboard.type("owner@acme.example")
    page.keyboard.press("Tab")
    page.keyboard.type("correct horse battery")
    page.get_by_label("Country").select_option("RU")
    page.get_by_role("button", name="Make the account and begin").click()


def connect_pbx(page: Page, scene: Scene) -> None:
    page.get_by_role("link", name="Mango Office").click()
    page.fill("[name='secrets.api_key']", API_KEY)
    page.fill("[name='secrets.api_salt']", "not the right salt")
    page.get_by_text("More", exact=True).click()
    page.fill("[name='settings.base_url']", scene.pbx.base_url)
    page.get_by_role("button", name="Connect and check").click()
    expect(page.locator(".note.bad")).to_contain_text("does not know these keys")
    expect(page.locator(".note.bad")).to_contain_text("3102")
    page.fill("[name='secrets.api_salt']", f"  {API_SALT} ")
    page.get_by_role("button", name="Connect and check").click()
    expect(page.locator(".note.good")).to_contain_text("the keys are right")
    expect(page.locator("#live")).to_contain_text("Waiting for the first event")
    scene.pbx.sends_to(page.locator("#hook-address").inner_text())
    page.evaluate("window.stillHere = true")
    assert scene.pbx.play("A", client=FIRST).accepted
    expect(page.locator("#live")).to_contain_text("Got it", timeout=20_000)
    assert page.evaluate("window.stillHere") is True


def connect_crm(page: Page, scene: Scene) -> None:
    page.get_by_role("link", name="Next: the CRM").click()
    page.get_by_role("link", name="Bitrix24", exact=True).click()
    page.fill("[name='secrets.webhook_url']", re.sub(r"[^/]+/$", "nosuchsecret0000/", scene.b24.webhook_url))
    page.get_by_role("button", name="Connect and check").click()
    expect(page.locator(".note.bad")).to_contain_text("does not know these keys")
    page.goto(f"{scene.hub.url}/admin/start")  # left half-way: it leads back to what was begun
    expect(page.locator("main")).to_contain_text("does not let the hub in")
    page.get_by_role("link", name="Other keys").click()
    page.fill("[name='secrets.webhook_url']", scene.b24.webhook_url)
    page.get_by_role("button", name="Connect and check").click()
    expect(page.locator(".note.good")).to_contain_text("the keys are right")


def settle_people(page: Page) -> None:
    page.get_by_role("link", name="Next: employees").click()
    expect(page.locator("tbody tr").filter(has=page.locator("input[value='101']"))).to_contain_text("same")
    page.get_by_role("button", name="Keep all").click()


def test_owner_comes_from_nothing_to_the_first_call_in_the_crm_without_a_file(scene: Scene) -> None:
    began = time.monotonic()
    with chromium() as browser:
        page = browser.new_context(locale="en-US").new_page()
        make_account(page, scene)
        connect_pbx(page, scene)
        connect_crm(page, scene)
        settle_people(page)
        assert scene.pbx.play("A", client=SECOND).accepted
        until(lambda: [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == f"+{SECOND}"], what="the call")
        live = page.locator("#live")
        expect(live).to_contain_text("Log the call", timeout=20_000)
        expect(live).to_contain_text("111-00-02")
        expect(live).to_contain_text("Done: the call is over", timeout=30_000)
        page.get_by_role("link", name="Everything that happened to this call").click()
        expect(page.locator("main")).to_contain_text("Log the call")
    (call,) = [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == f"+{SECOND}"]
    assert call["PORTAL_USER_ID"] == 7  # whom the page found for extension 101 by itself
    assert time.monotonic() - began < LONGEST_SECONDS
