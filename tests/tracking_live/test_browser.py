"""The script in a real Chromium, on a page of another origin than the hub's."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from hub.db.tracking import FormReport, LeaseRow, SiteRow, TouchRow, VisitRow
from hub.web.tracking.script import script_of
from tests.tracking_live.conftest import AFTER, BILLBOARD
from tests.tracking_live.shop import POOL_TEXT, given, open_page, wait_for_text
from tests.tracking_live.stage import AD, World

pytestmark = pytest.mark.browser

LARGEST_SCRIPT_BYTES = 4096


def test_the_script_is_small(world: World) -> None:
    built = script_of(world.hub.site)
    assert len(built.packed) <= LARGEST_SCRIPT_BYTES
    assert gzip.decompress(built.packed) == built.text


def test_a_page_shows_a_pool_number_in_text_and_links_in_the_forms_that_stood_there(
    world: World, context: BrowserContext
) -> None:
    page, troubles = open_page(context, world.shop + AD)
    last = given(page)[-1]
    assert page.inner_text("#plus") == f"+7 495 111-00-0{last}"
    assert page.get_attribute("#link", "href") == f"tel:+7495111000{last}"
    assert page.inner_text("#split") == f"8 (495) 111-00-0{last}"
    assert page.inner_html("#split").count("<") == 4, "the elements are those of the page"
    assert page.inner_text("#other") == "8 (495) 000-00-01 и 74950000000123"
    assert page.inner_text("#skipped") == "8 (495) 000-00-00"
    assert page.input_value("#typed") == "8 (495) 000-00-00"
    assert troubles == []


def test_a_second_tab_keeps_the_number_and_so_does_the_next_page(world: World, context: BrowserContext) -> None:
    first, _ = open_page(context, world.shop + AD)
    number = given(first)
    second, _ = open_page(context, world.shop + "/")
    assert given(second) == number
    second.click("#next")
    second.wait_for_url("**/next")
    assert given(second) == number
    assert len(world.rows(VisitRow)) == 1
    assert len({row.number for row in world.rows(LeaseRow)}) == 1
    assert [touch.source for touch in world.rows(TouchRow)] == ["yandex"]


def test_without_cookies_and_storage_it_works_within_one_visit(world: World, browser: Any) -> None:
    context = browser.new_context()
    context.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new Error('no storage'); } })"
    )
    context.route("**/visit", lambda route: route.continue_(headers=_without_cookie(route.request.headers)))
    page, troubles = open_page(context, world.shop + AD)
    number = given(page)
    page.click("#next")
    page.wait_for_url("**/next")
    assert given(page) == number
    assert len(world.rows(VisitRow)) == 1
    assert troubles == []
    context.close()


def _without_cookie(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "cookie"}


def test_other_browsers_get_other_numbers(world: World, browser: Any) -> None:
    contexts = [browser.new_context() for _ in range(2)]
    numbers = {given(open_page(one, world.shop + AD)[0]) for one in contexts}
    for one in contexts:
        one.close()
    assert len(numbers) == 2


def test_an_idle_page_gives_the_number_back_and_a_move_brings_it_again(world: World, context: BrowserContext) -> None:
    world.setup(idle_seconds=2)
    page, _ = open_page(context, world.shop + AD)
    number = given(page)
    assert wait_for_text(page, "#plain", r"000-00-01", timeout=15_000) == "8 (495) 000-00-01"
    assert page.get_attribute("#link", "href") == f"tel:{AFTER}"
    page.mouse.move(30, 30)
    page.mouse.move(60, 60)
    assert given(page) == number
    assert len(world.rows(VisitRow)) == 1


def test_with_the_hub_stopped_an_open_page_keeps_its_number_and_gives_it_back_by_itself(
    world: World, context: BrowserContext
) -> None:
    world.setup(idle_seconds=3)
    page, troubles = open_page(context, world.shop + AD)
    given(page)
    world.stop_hub()
    assert POOL_TEXT.fullmatch(page.inner_text("#plain"))
    wait_for_text(page, "#plain", r"000-00-01", timeout=15_000)
    assert [text for text in troubles if "ERR_" not in text] == []


def test_with_the_hub_stopped_a_new_page_is_as_it_was(world: World, context: BrowserContext) -> None:
    world.stop_hub()
    page, troubles = open_page(context, world.shop + AD)
    page.wait_for_load_state("load")
    assert page.inner_text("#plain") == "8 (495) 000-00-00"
    assert page.get_attribute("#link", "href") == "tel:+74950000000"
    assert [text for text in troubles if "ERR_" not in text] == []


def test_late_content_and_rewritten_text_get_the_number(world: World, context: BrowserContext) -> None:
    page, _ = open_page(context, world.shop + AD)
    number = given(page)
    page.evaluate("late.innerHTML = '<p id=added>8 (495) 000-00-00</p>'")
    assert wait_for_text(page, "#added", POOL_TEXT.pattern) == number
    page.evaluate("plain.firstChild.nodeValue = 'тел. 8 (495) 000-00-00'")
    assert wait_for_text(page, "#plain", r"тел\. 8 \(495\) 111") == f"тел. {number}"
    page.evaluate("link.setAttribute('href', 'tel:84950000000')")
    page.wait_for_function("link.getAttribute('href').startsWith('tel:8495111')")


def test_pages_of_a_single_page_application_are_kept(world: World, context: BrowserContext) -> None:
    page, _ = open_page(context, world.shop + AD)
    given(page)
    with page.expect_request("**/t/shop/pages") as request:
        page.evaluate("history.pushState({}, '', '/cart'); document.title = 'Корзина'; late.textContent = 'new'")
    assert "/cart" in (request.value.post_data or "")


def test_the_page_can_listen_ask_and_report(world: World, context: BrowserContext) -> None:
    context.add_init_script(
        "window.heard = []; window.dozvon = [['on', 'given', (n) => heard.push(n.number)],"
        " ['format', (text) => '<b class=x>' + text + '</b>']]"
    )
    page, troubles = open_page(context, world.shop + AD)
    number = given(page)
    assert page.evaluate("heard") == [page.evaluate("dozvon.getNumber().number")]
    assert page.inner_html("#made").startswith('<b class="x">+7 495 111-00-0')
    with page.expect_response("**/t/shop/report") as answer:
        page.evaluate("dozvon.report({ form: 'callback', phone: '8 900 123-45-67', comment: 'вечером' })")
    assert answer.value.status == 204
    (report,) = world.rows(FormReport)
    assert (report.form, report.phone_e164, report.fields) == ("callback", "+79001234567", {"comment": "вечером"})
    with page.expect_response("**/t/shop/beat"):
        page.evaluate("dozvon.set('order', '77')")
    (visit,) = world.rows(VisitRow)
    assert visit.params == {"order": "77"}
    assert number
    assert troubles == []


def test_before_consent_there_is_no_id_no_storage_and_a_channel_number_at_most(
    world: World, context: BrowserContext
) -> None:
    world.setup(consent="required")
    page, _ = open_page(context, world.shop + "/?utm_source=billboard&utm_medium=offline")
    wait_for_text(page, "#plain", r"8 \(495\) 222-00-01")
    assert page.evaluate("dozvon.getNumber().number") == BILLBOARD
    assert page.evaluate("Object.keys(localStorage)") == []
    assert context.cookies() == []
    assert world.rows(VisitRow) == []
    page.evaluate("dozvon.consent(true)")
    page.wait_for_function("localStorage.dozvon")
    page.evaluate("dozvon.consent(false)")
    assert page.evaluate("Object.keys(localStorage)") == []


def test_a_delayed_number_comes_after_the_delay(world: World, context: BrowserContext) -> None:
    world.setup(show_delay_seconds=1)
    page, _ = open_page(context, world.shop + AD)
    assert page.inner_text("#plain") == "8 (495) 000-00-00"
    given(page)
    (lease,) = world.rows(LeaseRow)
    (visit,) = world.rows(VisitRow)
    assert (lease.since - visit.started_at).total_seconds() >= 1


def test_the_hub_sees_what_the_script_replaced(world: World, context: BrowserContext) -> None:
    page, _ = open_page(context, world.shop + AD)
    given(page)
    with page.expect_response("**/t/shop/beat"):
        page.evaluate("dozvon.set('a', 1)")
    (site,) = world.rows(SiteRow)
    assert site.seen["links"] == 1
    assert site.seen["texts"] >= 3


def test_analytics_ids_come_along(world: World, context: BrowserContext) -> None:
    context.add_cookies(
        [
            {"name": name, "value": value, "url": world.shop}
            for name, value in {
                "_ga": "GA1.1.1234567890.1700000000", "_ym_uid": "1700000000123456789",
                "_ga_ABC": "GS2.1.o3$g1$s1700000777$t1700000999",
            }.items()
        ]
    )  # fmt: skip
    given(open_page(context, world.shop + AD)[0])
    (visit,) = world.rows(VisitRow)
    assert visit.ids == {"ga": "1234567890.1700000000", "ga_session": "1700000777", "ym_uid": "1700000000123456789"}
