"""The table in a real browser, in a page of another site that shows it in a frame, as each CRM does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from sqlalchemy import select

from connectors.amocrm.archive import Widget, archive
from hub.db.directory import DirectoryUser
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import AuditRow, Connection
from hub.delivery.people import employees_for
from hub.runtime import utc_now
from simulators.amocrm import AmoCrmSimulator
from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.amocrm import house as amo_house
from tests.amocrm.host_page import host_page
from tests.amocrm.shop import audience
from tests.bitrix24 import house as b24_house
from tests.bitrix24.pictures import LIBRARY, LIBRARY_STAND_IN
from tests.services import Broker
from tests.web.browser import chromium

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
KEYS = {"api_key": "demoapikey000000000000000000abcd", "api_salt": "demoapisalt00000000000000000wxyz"}
PEOPLE = (("1", "Ольга Петрова", None), ("7", "Anna", None), ("8", "Борис Волков", "boris@acme.example"))
NO_THIRD_PARTY_COOKIES = (
    "--test-third-party-cookie-phaseout",
    "--disable-features=LocalNetworkAccessChecks",  # the account's pages are answered by the test, not by a socket
)
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}}


@dataclass
class Scene:
    """A hub at "localhost" and a CRM at "127.0.0.1": two sites for the browser, which shares no cookie between them."""

    vendor: str
    database: Database
    crm_id: int
    pbx_id: int
    browser: Any
    prepare: Any
    address: Any

    @contextmanager
    def frame(self, *, admin: bool = True, **more: Any) -> Iterator[tuple[Any, Any]]:
        """The CRM's page and the frame with the table in it; the browser complains of nothing."""
        context = self.browser.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "ru-RU", **more})
        page = context.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        try:
            self.prepare(page)
            page.goto(self.address(admin))
            if self.vendor == "amocrm":
                page.wait_for_selector("html[data-ready=yes]")
                page.evaluate("widget.callbacks.advancedSettings()")
            handle = page.wait_for_selector("iframe[name]", timeout=20_000)
            frame = handle.content_frame()
            frame.wait_for_selector("#staff", timeout=20_000)
            yield page, frame
            assert complaints == []
            assert context.cookies() == []
        finally:
            context.close()

    def at(self) -> dict[str, str | None]:
        """Extension to user, as the next call finds them."""
        with self.database.reading() as session:
            pbx, crm = session.get_one(Connection, self.pbx_id), session.get_one(Connection, self.crm_id)
            return {extension: one.user_id for extension, one in employees_for(session, pbx, crm).items()}

    def noted(self) -> list[str]:
        with self.database.reading() as session:
            changes = select(AuditRow.actor).where(AuditRow.action == "employees.change")
            return list(session.scalars(changes.order_by(AuditRow.id)))


def furnish(database: Database, workspace_id: int, crm_id: int, pbx: MangoSimulator, people: Any) -> int:
    with database.transaction() as session:
        row = Connection(
            workspace_id=workspace_id, name="mango", vendor="mango", settings={"base_url": pbx.base_url},
            secrets=KEYS, created_at=utc_now(),
        )  # fmt: skip
        session.add(row)
        for user_id, name, email in people:
            session.add(
                DirectoryUser(
                    connection_id=crm_id, user_id=user_id, name=name, email=email, extension=None, active=True,
                    refreshed_at=utc_now(),
                )
            )  # fmt: skip
        session.flush()
        return row.id


def in_portal(stack: ExitStack, home: Path, database: Database, pbx: MangoSimulator, redis_url: str) -> Scene:
    b24 = stack.enter_context(Bitrix24Simulator())
    b24.settings.slow_handler_seconds = 20
    house = b24_house.house_for(database, home, b24, redis_url)
    hub = stack.enter_context(b24_house.open_house(house)).replace("127.0.0.1", "localhost")
    assert b24.open_app(f"{hub}/bitrix24/install")[0] == 200
    crm = house.connection()
    pbx_id = furnish(database, crm.workspace_id, crm.id, pbx, PEOPLE)

    def address(admin: bool) -> str:
        query = {"url": f"{hub}/bitrix24/app", "lang": "ru", "user_id": 1 if admin else 7}
        return f"{b24.base_url}/marketplace/app/?{urlencode(query)}"

    def prepare(page: Any) -> None:
        page.route(LIBRARY, lambda route: route.fulfill(body=LIBRARY_STAND_IN, content_type="application/javascript"))

    return Scene("bitrix24", database, crm.id, pbx_id, None, prepare, address)


def in_account(stack: ExitStack, home: Path, database: Database, pbx: MangoSimulator) -> Scene:
    amo = stack.enter_context(AmoCrmSimulator(redirect_uri=amo_house.CALLBACK))
    house = amo_house.house_for(database, home)
    crm_id = house.add_connection(house.add_workspace(), amo, with_pair=True, account_id=str(amo.account.id))
    hub = stack.enter_context(amo_house.open_house(house)).replace("127.0.0.1", "localhost")
    packed = archive(Widget(hub, "1.0.1", hub, "help@acme.example"))
    host = stack.enter_context(host_page(packed, lambda user: amo.widget_token(user, audience())))
    people = tuple((str(502 + place), name, email) for place, (_, name, email) in enumerate(PEOPLE, 1))
    pbx_id = furnish(database, 1, crm_id, pbx, people)

    def prepare(page: Any) -> None:
        """The account's own pages are the host's, under the account's address."""
        own = f"{urlsplit(amo.base_url).netloc}/"
        page.route(
            lambda url: own in url and "localhost" not in url,
            lambda route: route.fulfill(response=route.fetch(url=route.request.url.replace(f"http://{own}", host))),
        )

    def address(admin: bool) -> str:
        return f"{amo.base_url}/settings/?user={503 if admin else 504}&status=installed"

    return Scene("amocrm", database, crm_id, pbx_id, None, prepare, address)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory, broker: Broker) -> Iterator[dict[str, Scene]]:
    with ExitStack() as stack:
        browser = stack.enter_context(chromium(*NO_THIRD_PARTY_COOKIES))
        pbx = stack.enter_context(MangoSimulator(hub_url="", **KEYS))
        made: dict[str, Scene] = {}
        for vendor in ("bitrix24", "amocrm"):
            home = tmp_path_factory.mktemp(vendor)
            upgrade(f"sqlite:///{home / 'hub.sqlite3'}")
            database = Database(f"sqlite:///{home / 'hub.sqlite3'}")
            stack.callback(database.close)
            files = home / "files"
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
