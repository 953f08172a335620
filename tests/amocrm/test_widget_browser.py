"""The widget in a real browser, in a page that hosts it as amoCRM does, against the hub's real addresses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connectors.amocrm.archive import Widget, archive
from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import Connection, Workspace
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.host_page import host_page
from tests.amocrm.house import CALLBACK, House, house_for, open_house
from tests.amocrm.shop import ADMIN, ANNA, BORIS, add_call, add_visit, audience, furnish
from tests.web.browser import chromium

pytestmark = pytest.mark.timeout(120)


@dataclass
class Scene:
    """One house, one account, one browser; `host` is the page's address."""

    house: House
    amo: AmoCrmSimulator
    browser: Any
    host: str
    crm: int

    @contextmanager
    def page(self, query: str) -> Iterator[Any]:
        page = self.browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            page.goto(f"{self.host}?{query}")
            page.wait_for_selector("html[data-ready=yes]")
            yield page
            assert complaints == []
        finally:
            page.close()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    home: Path = tmp_path_factory.mktemp("home")
    address = f"sqlite:///{home / 'hub.sqlite3'}"
    upgrade(address)
    database = Database(address)
    with AmoCrmSimulator(redirect_uri=CALLBACK) as amo, chromium() as browser:
        house = house_for(database, home / "files")
        house.add_workspace()
        crm = furnish(house, amo)
        with open_house(house) as hub:
            packed = archive(Widget(hub, "1.0.1", hub, "help@acme.example"))
            with host_page(packed, lambda user: amo.widget_token(user, audience())) as host:
                yield Scene(house, amo, browser, host, crm)
    database.close()


def heard(page: Any, what: str, count: int = 1) -> list[Any]:
    """What the page was told, when so much has come."""
    page.wait_for_function(f"() => seen.{what}.length >= {count}", timeout=10_000)
    found: list[Any] = page.evaluate(f"seen.{what}")
    return found


def test_it_starts_as_the_host_expects_and_leaves_no_globals(scene: Scene) -> None:
    with scene.page(f"user={ANNA}") as page:
        assert page.evaluate("seen.returned") == [True, True, True]
        assert page.evaluate("seen.leaked") == 0
        assert page.evaluate("Object.keys(seen.actions)") == ["phone"]
        assert page.evaluate("widget.callbacks.destroy()") is True


def test_a_click_on_a_number_orders_the_call(scene: Scene) -> None:
    before = len(scene.house.kept)
    with scene.page(f"user={ANNA}") as page:
        page.evaluate("seen.actions.phone({value: '8 (900) 123-45-67', type: 'contact'})")
        assert "зазвонит ваш телефон" in heard(page, "notices")[0]
    assert len(scene.house.kept) == before + 1


@pytest.mark.parametrize(
    ("user", "number", "words"), [(BORIS, "+79001234567", "внутренний номер"), (ANNA, "12", "позвонить нельзя")]
)
def test_why_a_click_does_not_ring_is_said_in_words(scene: Scene, user: int, number: str, words: str) -> None:
    with scene.page(f"user={user}") as page:
        page.evaluate(f"seen.actions.phone({{value: '{number}'}})")
        assert words in heard(page, "errors")[0]


@pytest.mark.parametrize("area", ["lcard", "ccard-1"])
def test_a_card_shows_calls_source_and_pages_and_never_runs_what_a_page_was_called(scene: Scene, area: str) -> None:
    contact = scene.amo.add_contact("+79001234567")
    lead = scene.amo.add_entity("leads", {"name": "Order"})
    scene.amo.link(lead, contact)
    if area == "lcard":
        add_visit(scene.house, add_call(scene.house, source="yandex"), title="<img src=x onerror=alert(1)>")
    with scene.page(f"user={ANNA}&area={area}&id={lead if area == 'lcard' else contact}") as page:
        page.wait_for_selector(".dozvon__call")
        text = page.inner_text("#dozvon-visit")
        assert "Источник: yandex" in text
        assert "<img src=x onerror=alert(1)>" in text
        assert "acme.example/doors" in text
        assert page.query_selector("#dozvon-visit img") is None


def test_a_ringing_call_is_noticed_once(scene: Scene) -> None:
    contact = scene.amo.add_contact("+79001234567", "Olga")
    call = add_call(scene.house, over=False)
    with scene.page(f"user={ANNA}") as page:
        (notice,) = heard(page, "calls")
        assert notice["from"] == "+7 900 123-45-67"
        with page.expect_response("**/amocrm/widget/ringing"):
            page.evaluate("widget.callbacks.init()")
        assert len(page.evaluate("seen.calls")) == 1
    assert contact
    assert call


def test_settings_show_the_state_and_want_consent(scene: Scene) -> None:
    """The employees are the hub's own page in a frame: tests/staff/test_frames_browser.py."""
    with scene.page(f"user={ADMIN}") as page:
        page.evaluate("widget.callbacks.settings([document.getElementById('modal')])")
        page.wait_for_selector("#dozvon-people iframe")
        assert "подключён" in page.inner_text("#dozvon-state")
        assert page.evaluate("widget.callbacks.onSave({})") is False
        assert "согласие" in heard(page, "errors")[0]
        page.check("#dozvon-agreed")
        assert page.evaluate("Promise.resolve(widget.callbacks.onSave({}))") is True


def test_an_installed_widget_can_be_switched_off_though_the_hub_is_away(scene: Scene) -> None:
    with scene.page(f"user={ADMIN}&status=installed") as page:
        page.route("**/amocrm/widget/**", lambda route: route.abort())
        page.evaluate("widget.callbacks.settings([document.getElementById('modal')])")
        page.wait_for_function("document.querySelector('#dozvon-state .dozvon__bad') !== null")
        assert "help@acme.example" in page.inner_text("#dozvon-state")
        assert page.evaluate("Promise.resolve(widget.callbacks.onSave({}))") is True


def test_an_account_that_nobody_claimed_is_linked_by_its_administrator(scene: Scene) -> None:
    with scene.house.database.transaction() as session:
        row = session.get_one(Workspace, 1)
        known, row.slug = row.slug, "amo-555"
        session.query(Connection).filter_by(vendor="mango").update({"workspace_id": 1})
        others = [one.id for one in session.query(Connection).filter(Connection.id != scene.crm)]
        room = Workspace(slug="elsewhere", name="e", timezone="UTC", region="RU", locale="ru", hours={},
                         created_at=row.created_at)  # fmt: skip
        session.add(room)
        session.flush()
        session.query(Connection).filter(Connection.id.in_(others)).update({"workspace_id": room.id})
    with scene.page(f"user={ADMIN}") as page:
        page.evaluate("widget.callbacks.advancedSettings()")
        page.click(".dozvon__claim")
        assert "/amocrm/claim?ticket=" in heard(page, "opened")[0]
    with scene.house.database.transaction() as session:
        session.query(Connection).update({"workspace_id": 1})
        session.get_one(Workspace, 1).slug = known
