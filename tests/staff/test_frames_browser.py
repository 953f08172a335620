"""The table in a real browser, in a page of another site that shows it in a frame, as each CRM does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from hub.db.engine import Database
from hub.db.migrate import upgrade
from simulators.mango import MangoSimulator
from tests.services import Broker
from tests.staff.frames import KEYS, NO_THIRD_PARTY_COOKIES, PEOPLE, Scene, in_account, in_portal
from tests.web.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[dict[str, Scene]]:
    with ExitStack() as stack:
        browser = stack.enter_context(chromium(*NO_THIRD_PARTY_COOKIES))
        made: dict[str, Scene] = {}
        for vendor in ("bitrix24", "amocrm"):
            home = tmp_path_factory.mktemp(vendor)
            upgrade(f"sqlite:///{home / 'hub.sqlite3'}")
            database = Database(f"sqlite:///{home / 'hub.sqlite3'}")
            stack.callback(database.close)
            files = home / "files"
            pbx = stack.enter_context(MangoSimulator(hub_url="", api_key=KEYS["api_key"], api_salt=KEYS["api_salt"]))
            scene = (
                in_portal(stack, files, database, pbx, broker.url)
                if vendor == "bitrix24"
                else in_account(stack, files, database, pbx)
            )
            scene.browser = browser
            made[vendor] = scene
        yield made


@pytest.fixture(params=["bitrix24", "amocrm"])
def scene(request: pytest.FixtureRequest, scenes: dict[str, Scene]) -> Scene:
    return scenes[request.param]


def user(scene: Scene, place: int) -> str:
    return PEOPLE[place][0] if scene.vendor == "bitrix24" else str(503 + place)


def field(frame: Any, name: str) -> Any:
    return frame.get_by_label(f"Добавочный: {name}", exact=True)


def test_people_are_found_by_name_and_e_mail_and_kept_by_the_keyboard(scene: Scene) -> None:
    with scene.frame() as (page, frame):
        assert field(frame, "Anna").input_value() == "101"
        assert field(frame, "Борис Волков").input_value() == "102"
        assert "сохранить?" in frame.inner_text("#staff")
        assert scene.at() == {}
        field(frame, "Anna").focus()
        page.keyboard.press("Enter")
        frame.wait_for_selector("#staff-said:has-text('Сохранена 1 строка')")
        assert scene.at() == {"101": user(scene, 1)}
        assert frame.evaluate("document.activeElement.name") == "extension"  # it went on to the next line
        frame.get_by_role("button", name="Сохранить все").click()
        frame.wait_for_selector("#staff-said:has-text('Сохранена 1 строка')")
        frame.wait_for_selector("#staff tbody .badge.good >> nth=1")
    assert scene.at() == {"101": user(scene, 1), "102": user(scene, 2)}
    assert set(scene.noted()) == {f"{scene.vendor}:{user(scene, 0)}"}


def test_what_cannot_be_is_said_and_what_was_typed_stays(scene: Scene) -> None:
    with scene.frame() as (page, frame):
        field(frame, "Ольга Петрова").fill("101")
        page.keyboard.press("Enter")
        frame.wait_for_selector("#staff-said.bad:has-text('101')")
        assert "Anna" in frame.inner_text("#staff-said")
        assert field(frame, "Ольга Петрова").input_value() == "101"
        page.keyboard.press("Escape")
        assert field(frame, "Ольга Петрова").input_value() == ""


def test_extension_that_is_nobodys_is_given_to_a_person_by_name(scene: Scene) -> None:
    with scene.frame() as (page, frame):
        frame.get_by_label("Чей номер 103?").fill("Ольга Петрова")
        page.keyboard.press("Enter")
        frame.wait_for_selector("#staff-said:has-text('Сохранена 1 строка')")
        assert frame.get_by_label("Чей номер 103?").count() == 0
        assert field(frame, "Ольга Петрова").input_value() == "103"
        field(frame, "Ольга Петрова").fill("")
        page.keyboard.press("Enter")
        frame.wait_for_selector("[aria-label='Чей номер 103?']")
    assert "103" not in scene.at()


def test_search_finds_by_name_e_mail_and_extension(scene: Scene) -> None:
    with scene.frame() as (page, frame):
        for wanted in ("боРис", "boris@", "102"):
            frame.fill("#staff-search", wanted)
            shown = frame.locator("#staff tbody tr:visible")
            assert (shown.count(), "Борис" in shown.inner_text()) == (1, True), wanted
        frame.fill("#staff-search", "nobody at all")
        assert frame.locator("#staff-nobody").is_visible()
        before = scene.noted()
        frame.fill("#staff-search", "")
        frame.focus("#staff-search")
        page.keyboard.press("Enter")
        assert frame.evaluate("document.activeElement.name") in {"extension", "user"}
        assert scene.noted() == before


def test_colleague_who_is_no_administrator_sees_and_cannot_change(scene: Scene) -> None:
    with scene.frame(admin=False) as (_, frame):
        assert "Изменить это может администратор CRM" in frame.inner_text("#staff")
        assert frame.locator("#staff input[type=text], #staff .main-one").count() == 0
        assert "Борис Волков" in frame.inner_text("#staff")
        assert "сохранить?" not in frame.inner_text("#staff")


def test_table_works_without_javascript_in_the_portals_frame(scenes: dict[str, Scene]) -> None:
    """amoCRM's widget is itself a script; what it opens is the same page."""
    scene = scenes["bitrix24"]
    with scene.frame() as (page, frame):
        page.route("**/staff.js", lambda route: route.abort())
    context = scene.browser.new_context(locale="ru-RU")
    page = context.new_page()
    scene.prepare(page)
    page.route("**/staff.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(scene.address(True))
    frame = page.wait_for_selector("iframe[name]").content_frame()
    frame.wait_for_selector("#staff")
    field(frame, "Ольга Петрова").fill("105")
    frame.get_by_label("Сохранить строку: Ольга Петрова").click()
    frame.wait_for_selector("#staff-said:has-text('Сохранена 1 строка')")
    assert scene.at()["105"] == "1"
    field(frame, "Ольга Петрова").fill("")
    frame.get_by_role("button", name="Сохранить все").click()
    frame.wait_for_selector(".staff-group >> text=Нужно уточнить")
    frame.wait_for_selector("#staff-said:has-text('Сохранена 1 строка')")
    assert "105" not in scene.at()
    context.close()


def test_save_of_the_accounts_own_window_keeps_what_was_typed_in_the_frame(scenes: dict[str, Scene]) -> None:
    scene = scenes["amocrm"]
    with scene.frame() as (page, frame):
        field(frame, "Ольга Петрова").fill("106")
        assert page.evaluate("Promise.resolve(widget.callbacks.onSave({}))") is True
        assert scene.at()["106"] == "503"
        field(frame, "Ольга Петрова").fill("101")
        assert page.evaluate("widget.callbacks.onSave({}).then(() => 'kept', () => 'not kept')") == "not kept"
        assert "не сохранены" in page.evaluate("seen.errors")[-1]
        frame.wait_for_selector("#staff-said.bad")
        field(frame, "Ольга Петрова").fill("")
        assert page.evaluate("Promise.resolve(widget.callbacks.onSave({}))") is True
    assert "106" not in scene.at()


def test_another_site_may_not_show_the_table(scene: Scene) -> None:
    context = scene.browser.new_context(locale="ru-RU")
    page = context.new_page()
    with scene.frame() as (_, frame):
        ticket, action = frame.input_value("#staff-form input[name=ticket]"), frame.evaluate(
            "new URL(document.getElementById('staff-form').action).href"
        )  # fmt: skip
    page.route("http://evil.example/", lambda route: route.fulfill(content_type="text/html", body=f"""
        <iframe name="stolen"></iframe><form method="post" target="stolen" action="{action}">
        <input name="ticket" value="{ticket}"><button>go</button></form>"""))  # fmt: skip
    page.goto("http://evil.example/")
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text))
    page.click("button")
    page.wait_for_event("console", predicate=lambda said: "frame-ancestors" in said.text) if not any(
        "frame-ancestors" in text for text in refused
    ) else None
    assert page.frame(name="stolen").locator("#staff").count() == 0
    context.close()


def test_axe_finds_nothing_wide_narrow_light_and_dark(scene: Scene) -> None:
    for width, scheme, options in ((1280, "light", None), (390, "light", None), (390, "dark", CONTRAST)):
        with scene.frame(viewport={"width": width, "height": 900}, color_scheme=scheme) as (_, frame):
            overflow = frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, (width, overflow)
            found = Axe().run(frame, options=options).response["violations"]
            assert [(one["id"], node["html"][:160]) for one in found for node in one["nodes"]] == []
