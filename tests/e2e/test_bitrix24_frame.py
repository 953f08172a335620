"""The application inside a portal's frame, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.bitrix24.pictures import application, frame_address, portal_page, ringing
from tests.e2e.test_bitrix24_install import Town, town
from tests.web.browser import chromium


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


def test_the_installer_tells_the_portal_that_it_is_done(scene: Town, browser: Any) -> None:
    with portal_page(browser, 1280) as page:
        page.goto(frame_address(scene, "/bitrix24/install"))
        frame = application(page)
        frame.wait_for_selector("html[data-finished=yes]")
        assert "Приложение установлено" in frame.content()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_frame_and_speaks_the_portals_language(scene: Town, browser: Any, width: int) -> None:
    with portal_page(browser, width) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        for language, words in (("ru", "Открыть Дозвон"), ("en", "Open Dozvon")):
            page.goto(frame_address(scene, "/bitrix24/app", language=language))
            frame = application(page)
            assert words in frame.content()
            assert frame.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert complaints == []


def test_the_button_opens_the_admin_pages_in_a_tab_of_their_own(scene: Town, browser: Any) -> None:
    with portal_page(browser, 1280) as page:
        page.goto(frame_address(scene, "/bitrix24/app"))
        frame = application(page)
        with page.expect_popup() as opened:
            frame.click("form button")
        tab = opened.value
        tab.wait_for_selector("nav.nav")
        assert "/admin" in tab.url
        assert "1@b24.bitrix24" in tab.content()


def test_another_site_may_not_show_the_page_in_a_frame(scene: Town, browser: Any) -> None:
    with portal_page(browser, 1280) as page:
        strange = frame_address(scene, "/bitrix24/app").replace("127.0.0.1", "localhost", 1)
        page.goto(strange)
        page.wait_for_load_state("networkidle")
        frame = page.frame(name="app")
        assert frame.query_selector("form button") is None


def test_a_portal_is_connected_from_the_admin_pages_by_its_consent(scene: Town, browser: Any) -> None:
    """The form's answer leads to another site, which a page whose forms lead nowhere else may not redirect to."""
    portal = scene.firms[0].portal
    portal.portal.app.redirect_uri = f"{scene.hub.url}/bitrix24/app"
    with portal_page(browser, 1280) as page:
        page.goto(frame_address(scene, "/bitrix24/app"))
        frame = application(page)
        with page.expect_popup() as opened:
            frame.click("form button")
        tab = opened.value
        tab.wait_for_selector("nav.nav")
        complaints: list[str] = []
        tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        tab.goto(f"{scene.hub.url}/bitrix24/connect")
        tab.fill("input[name=portal]", portal.domain)
        tab.click("main form button")
        tab.wait_for_url("**/admin/connections/*")
        assert complaints == []


@pytest.mark.parametrize("width", [640, 390])
def test_the_place_on_the_call_card_is_small_themed_and_loads_no_script(scene: Town, browser: Any, width: int) -> None:
    with ringing(scene.firms[0], f"79006660{width}") as call_id:
        for scheme, dark in (("light", False), ("dark", True)):
            with portal_page(browser, width, color_scheme=scheme) as page:
                page.goto(frame_address(scene, "/bitrix24/card", call_id=call_id))
                frame = application(page)
                assert "Прошлые звонки" in frame.content()
                assert frame.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
                assert frame.locator("script").count() == 0
                ground = frame.evaluate("getComputedStyle(document.body).backgroundColor").removeprefix("rgb(")
                assert (int(ground.split(",")[0]) < 80) is dark
