"""From nothing to the first call in the CRM without a mouse, on a page as narrow as a telephone, in the dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from simulators.amocrm import AmoCrmSimulator
from tests.e2e.first_scene import API_KEY, API_SALT, Scene, empty_hub, printed_address
from tests.web.browser import chromium
from tests.web.keyboard import WATCH, Hands

pytestmark = pytest.mark.browser
FIRST, SECOND = "79001110001", "79001110002"
PASSWORD = "correct horse battery"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with empty_hub(tmp_path) as made:
        yield made


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as browser:
        context = browser.new_context(
            locale="en-US",
            color_scheme="dark",
            viewport={"width": 390, "height": 844},
            timezone_id="Asia/Yekaterinburg",
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(WATCH)
        yield context.new_page()
        context.close()


def make_account(hands: Hands, scene: Scene) -> None:
    page = hands.page
    page.goto(printed_address(scene))
    expect(hands.page.locator("[name=name]")).to_be_focused()
    hands.type("Acme")
    hands.tab_to("[name=email]")
    hands.type("owner@acme.example")
    hands.tab_to("[name=password]")
    hands.type(PASSWORD)
    hands.tab_to("[name=region]")
    hands.type("Russia")
    assert page.evaluate("document.activeElement.value") == "RU"
    hands.tab_to("[name=timezone]")
    assert page.evaluate("document.activeElement.value") == "Asia/Yekaterinburg"
    hands.enter("button", "Make the account and begin")
    expect(page.locator("h1")).to_have_text("Connect your PBX")


def log_out_and_in(hands: Hands) -> None:
    hands.enter("[popovertarget=menu]")
    hands.enter("#menu button", "Log out")
    expect(hands.page.locator("h1")).to_have_text("Log in")
    expect(hands.page.locator("[name=email]")).to_be_focused()
    hands.type("owner@acme.example")
    hands.tab_to("[name=password]")
    hands.type("not this one at all")
    hands.press("Enter")
    expect(hands.page.locator("[role=alert]")).to_be_visible()
    expect(hands.page.locator("[name=password]")).to_be_focused()
    hands.type(PASSWORD)
    hands.press("Enter")
    hands.enter("main a[href^='/admin/start']")


def connect_pbx(hands: Hands, scene: Scene) -> None:
    page = hands.page
    hands.enter("a", "Mango Office")
    expect(page.locator("#keys")).to_be_visible()
    expect(hands.page.locator("[name='secrets.api_key']")).to_be_focused()
    hands.type(API_KEY)
    hands.tab_to("[name='secrets.api_salt']")
    hands.type(API_SALT)
    hands.tab_to("summary")
    hands.press("Space")
    hands.tab_to("[name='settings.base_url']")
    hands.type(scene.pbx.base_url)
    hands.press("Enter")
    expect(page.locator(".note.good")).to_contain_text("the keys are right")
    hands.tab_to("[data-copies]")
    hands.press("Space")
    expect(page.locator("[data-copies]")).to_have_text("Copied")
    assert hands.stands_at("[data-copies]")
    scene.pbx.sends_to(page.evaluate("navigator.clipboard.readText()"))
    assert scene.pbx.play("A", client=FIRST).accepted
    expect(page.locator("#live")).to_contain_text("Got it")
    assert hands.stands_at("[data-copies]")  # the part that renewed itself took nothing away
    hands.enter("main a", "Next: the CRM")


def connect_bitrix24(hands: Hands, scene: Scene) -> None:
    page = hands.page
    hands.enter("main a", "Bitrix24")
    expect(page.locator("#keys")).to_be_visible()
    expect(hands.page.locator("[name='secrets.webhook_url']")).to_be_focused()
    hands.type("https://")
    hands.press("Enter")
    expect(page.locator("[aria-invalid]")).to_be_visible()
    expect(hands.page.locator("[name='secrets.webhook_url']")).to_be_focused()
    hands.type(scene.b24.webhook_url)
    hands.press("Enter")
    expect(page.locator(".note.good")).to_contain_text("the keys are right")
    hands.enter("main a", "Add another one")


def connect_amocrm(hands: Hands, amo: AmoCrmSimulator) -> None:
    page = hands.page
    hands.enter("main a", "amoCRM")
    expect(page.locator("#keys")).to_be_visible()
    expect(hands.page.locator("[name='settings.base_url']")).to_be_focused()
    hands.type(amo.base_url)
    hands.tab_to("[name='secrets.access_token']")
    hands.type(amo.long_lived_token())
    hands.enter("button", "Connect and check")
    expect(page.locator(".note.good")).to_contain_text("the keys are right")
    hands.enter("main a", "Next: employees")


def settle_people(hands: Hands) -> None:
    """An extension is given to another line by Enter alone, and back; the rest is kept at once."""
    page = hands.page
    expect(page.locator("#staff-search")).to_be_visible()
    hands.tab_to("#staff-search")
    hands.type("103")
    hands.press("Enter")
    expect(hands.page.locator("[data-stood='103']")).to_be_focused()
    hands.press("Control+a")
    hands.type("0511")
    hands.press("Enter")
    expect(page.locator("#staff-said")).to_contain_text("1 line was kept")
    expect(hands.page.locator("[data-line='/103']")).to_be_focused()  # the next that the search still shows
    hands.tab_to("#staff-search", key="Shift+Tab")
    hands.press("Control+a")
    hands.type("0511")
    hands.press("Enter")
    expect(hands.page.locator("[data-stood='0511']")).to_be_focused()
    hands.press("Control+a")
    hands.type("103")
    hands.tab_to("button", "Keep")
    hands.press("Space")
    expect(page.locator("[data-line='/0511']")).to_be_visible()
    expect(hands.page.locator("[data-line='/0511']")).to_be_focused()
    hands.tab_to("button", "Keep all", key="Shift+Tab")
    hands.press("Enter")
    expect(page.locator("#staff-search")).to_have_value("")
    hands.enter("main a", "Next: the first call")


def see_the_first_call(hands: Hands, scene: Scene) -> None:
    page = hands.page
    live = page.locator("#live")
    hands.tab_to("#whole-call")
    assert scene.pbx.play("A", client=SECOND).accepted
    expect(live).to_contain_text("111-00-02")
    expect(live).to_contain_text("Log the call")
    expect(live).to_contain_text("Done: the call is over")
    assert hands.stands_at("#whole-call")  # however often the page renewed itself
    hands.press("Enter")
    expect(page.locator("h1")).to_contain_text("111-00-02")
    hands.enter("[popovertarget=menu]")
    hands.enter("#menu a", "Overview")
    expect(page.locator("main")).to_contain_text("111-00-02")


def test_owner_comes_from_nothing_to_the_first_call_by_the_keyboard_alone(scene: Scene, page: Page) -> None:
    hands = Hands(page)
    with AmoCrmSimulator() as amo:
        make_account(hands, scene)
        log_out_and_in(hands)
        connect_pbx(hands, scene)
        connect_bitrix24(hands, scene)
        connect_amocrm(hands, amo)
        settle_people(hands)
        see_the_first_call(hands, scene)
        (call,) = [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == f"+{SECOND}"]
        leads = [lead["metadata"]["phone"] for lead in amo.unsorted()]
    assert call["PORTAL_USER_ID"] == 7
    assert leads == [f"+{SECOND}"]
    assert not hands.page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
