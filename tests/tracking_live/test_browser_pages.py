"""The script on pages of every kind: tag managers, frameworks, slow hubs, broken callbacks; and what it costs them."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, Page

from hub.db.tracking import LeaseRow, PageRow, VisitRow
from tests.tracking_live.conftest import POOL
from tests.tracking_live.shop import POOL_TEXT, given, open_page, wait_for_text
from tests.tracking_live.stage import AD, World

pytestmark = pytest.mark.browser

WATCH_SHIFTS = (
    "window.shift = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => shift += one.value))"
    ".observe({ type: 'layout-shift', buffered: true });"
)
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


def test_a_tag_manager_may_bring_the_script_after_the_page(world: World, context: BrowserContext) -> None:
    context.route("**/t/shop.js", lambda route: route.abort(), times=1)
    page, _ = open_page(context, world.shop + AD)
    assert page.inner_text("#plain") == "8 (495) 000-00-00"
    page.evaluate(
        "(address) => { const tag = document.createElement('script'); tag.async = true; tag.src = address;"
        " document.head.append(tag); }",
        f"{world.markup[0]}/t/shop.js",
    )
    given(page)


def test_a_script_that_never_comes_holds_nothing_up(world: World, context: BrowserContext) -> None:
    context.route("**/t/shop.js", lambda route: None)
    page = context.new_page()
    page.goto(world.shop + AD, wait_until="domcontentloaded")
    assert page.inner_text("#plain") == "8 (495) 000-00-00"


def test_a_framework_finds_its_own_nodes_again_and_what_it_renders_is_replaced(
    world: World, context: BrowserContext
) -> None:
    """React and Vue keep references to the text nodes that they made, write into them, and remove them by them."""
    page, troubles = open_page(context, world.shop + AD)
    number = given(page)
    page.evaluate(
        "window.view = document.createElement('p'); view.id = 'view';"
        "window.text = document.createTextNode('8 (495) 000-00-00'); view.append('Тел. ', text, ' звоните');"
        "window.link = Object.assign(document.createElement('a'), { href: 'tel:+74950000000' }); view.append(link);"
        "document.body.append(view)"
    )
    wait_for_text(page, "#view", r"111-00-0")
    assert page.evaluate("text.nodeValue") == number
    assert page.evaluate("view.childNodes.length === 4 && view.childNodes[1] === text && view.lastChild === link")
    page.evaluate("text.nodeValue = 'по номеру 8 (495) 000-00-00'")
    page.wait_for_function("text.nodeValue.includes('111-00-0')")
    page.evaluate("view.removeChild(text); view.insertBefore(text, link); text.nodeValue = 'без номера'")
    page.evaluate(FRAMES)
    assert page.evaluate("text.nodeValue") == "без номера"
    page.evaluate("view.remove()")
    assert troubles == []


def test_a_view_that_replaces_the_page_has_the_number_and_is_a_page_of_the_visit(
    world: World, context: BrowserContext
) -> None:
    page, _ = open_page(context, world.shop + AD)
    number = given(page)
    with page.expect_response("**/t/shop/pages"):
        page.evaluate(
            "history.pushState({}, '', '/cart'); document.title = 'Корзина';"
            "document.body.innerHTML = '<main><p id=view>8 (495) 000-00-00</p></main>'"
        )
    assert wait_for_text(page, "#view", POOL_TEXT.pattern) == number
    assert [row.title for row in world.rows(PageRow)] == ["Магазин", "Корзина"]
    assert len(world.rows(VisitRow)) == 1


def test_a_site_has_its_own_form_of_numbers_and_its_own_places(world: World, context: BrowserContext) -> None:
    world.setup(format="+7 (###) ###-##-##", selectors=[".phone"])
    world.markup.append('<p class="phone" id="pieces">8 <b>(495)</b> <i>000</i>-00-00</p>')
    page, _ = open_page(context, world.shop + AD)
    assert wait_for_text(page, "#plain", r"^\+7 \(495\) 111-00-0[123]$")
    assert "111" in wait_for_text(page, "#pieces", "111")
    assert page.inner_html("#pieces").count("<") == 4


def test_the_page_hears_of_a_number_given_changed_and_taken_back(world: World, context: BrowserContext) -> None:
    world.setup(idle_seconds=3)
    context.add_init_script(
        "window.heard = []; window.dozvon = ['given', 'changed', 'taken'].map("
        "(name) => ['on', name, (n) => heard.push(name + ' ' + n.number)]);"
        "document.addEventListener('dozvon:changed', (event) => heard.push('event ' + event.detail.number))"
    )
    page, _ = open_page(context, world.shop + AD)
    given(page)
    first = page.evaluate("dozvon.getNumber().number")
    world.hub.pool(*(number for number in POOL if number != first))
    world.hub.visitors.sites._known.clear()
    page.evaluate("dozvon.set('a', 1)")
    page.wait_for_function("heard.some((one) => one.startsWith('event'))")
    second = page.evaluate("dozvon.getNumber().number")
    page.wait_for_function("heard.some((one) => one.startsWith('taken'))", timeout=15_000)
    heard = page.evaluate("heard")
    assert heard[0] == f"given {first}"
    assert {f"changed {second}", f"event {second}"} <= set(heard)
    assert heard[-1] == f"taken {second}"
    assert page.evaluate("dozvon.getNumber()") is None


def test_what_breaks_in_the_pages_own_functions_reaches_no_console(world: World, context: BrowserContext) -> None:
    context.add_init_script(
        "window.dozvon = [['on', 'given', () => { throw new Error('listener') }],"
        " ['format', () => { throw new Error('format') }], ['nonsense'], null, ['report'], ['set']]"
    )
    page, troubles = open_page(context, world.shop + AD)
    given(page)
    assert POOL_TEXT.fullmatch(page.inner_text("#made")), "where the page's own markup fails, the text is replaced"
    page.evaluate("dozvon.report(); dozvon.on(); dozvon.set(); dozvon.push(7)")
    assert troubles == []


def test_who_does_nothing_is_given_nothing_where_the_site_wants_it_so(world: World, context: BrowserContext) -> None:
    world.setup(wait_for_interaction=True)
    page, _ = open_page(context, world.shop + AD)
    page.evaluate(FRAMES)
    assert page.inner_text("#plain") == "8 (495) 000-00-00"
    assert world.rows(VisitRow) == world.rows(LeaseRow) == []
    page.mouse.move(10, 10)
    page.mouse.move(40, 40)
    given(page)


def test_the_hub_on_the_sites_domain_sets_the_id_and_scripts_cannot_read_it(
    world: World, context: BrowserContext
) -> None:
    page, _ = open_page(context, world.shop + AD)
    given(page)
    (cookie,) = context.cookies()
    assert (cookie["name"], cookie["httpOnly"]) == ("dz_visitor", True)
    (visit,) = world.rows(VisitRow)
    assert cookie["value"] == visit.visitor_id
    assert "u" not in page.evaluate("JSON.parse(localStorage.dozvon)")


# --- What it costs the page ---------------------------------------------------------------------------


def called(page: Page, work: str) -> dict[str, int]:
    """How often each function of the script is called while `work` is done and two frames pass: a count, so that
    a busy machine changes nothing."""
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.startPreciseCoverage", {"callCount": True, "detailed": False})
    session.send("Profiler.takePreciseCoverage")
    page.evaluate(work)
    page.evaluate(FRAMES)
    found = session.send("Profiler.takePreciseCoverage")["result"]
    session.send("Profiler.stopPreciseCoverage")
    calls: dict[str, int] = {}
    for script in found:
        if script["url"].endswith("/t/shop.js"):
            for place, function in enumerate(script["functions"]):
                calls[f"{place}:{function['functionName']}"] = function["ranges"][0]["count"]
    return calls


def total(calls: dict[str, int]) -> int:
    return sum(calls.values())


def test_nothing_moves_on_the_page(world: World, context: BrowserContext) -> None:
    context.add_init_script(WATCH_SHIFTS)
    world.markup.append("<p>8 (495) 000-00-00</p><p>под номером</p>" * 50)
    page, _ = open_page(context, world.shop + AD)
    given(page)
    page.evaluate(FRAMES)
    assert page.evaluate("shift") == 0


def test_a_change_costs_its_own_size_and_not_that_of_the_page(world: World, context: BrowserContext) -> None:
    world.markup.append("<p>слова</p>" * 3000 + "<p>8 (495) 000-00-00</p>" * 20)
    page, _ = open_page(context, world.shop + AD)
    given(page)
    one = total(called(page, "late.append(document.createTextNode('8 (495) 000-00-00'))"))
    ten = total(called(page, "for (let n = 0; n < 10; n++) late.append(document.createTextNode('слова'))"))
    assert 0 < one < 100
    assert 0 < ten < 300
    assert called(page, "document.body.className = 'x'") == {}


def test_a_larger_page_costs_in_proportion(world: World, context: BrowserContext) -> None:
    def cost(words: int) -> int:
        page, _ = open_page(context, world.shop + AD)
        given(page)
        many = total(called(page, f"late.innerHTML = '<p>слова</p>'.repeat({words})"))
        page.close()
        return many

    few, many = cost(200), cost(2000)
    assert many < 12 * few
    assert many < 2000 * 8


def test_at_rest_the_script_does_nothing(world: World, context: BrowserContext) -> None:
    page, _ = open_page(context, world.shop + AD)
    given(page)
    page.evaluate(FRAMES)
    assert total(called(page, "0")) <= 5
