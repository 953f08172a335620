"""The how-tos that connect a system, followed as they are printed: each step, each label, in both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from hub.db.engine import Database
from hub.db.tables import User, Workspace
from simulators.amocrm import AmoCrmSimulator
from simulators.amocrm.simulated import SimulatedAccount
from simulators.bitrix24 import Bitrix24Simulator
from simulators.bitrix24.simulated import SimulatedPortal
from simulators.mango import MangoSimulator
from tests.bitrix24.pictures import LIBRARY, LIBRARY_STAND_IN, frame_address_at
from tests.docs.howto import Place, blocks_with
from tests.docs.labels import LANGUAGES, Language
from tests.docs.steps import Reader, is_same, page_of, steps_under
from tests.e2e.hub import Hub, environment_for, start_hub, until
from tests.services import free_port
from tests.web.browser import chromium
from tests.web.seed import NOW, PASSWORD, password_hash

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
API_KEY, API_SALT = "demoapikey000000000000000000abcd", "demoapisalt00000000000000000wxyz"
HOWTOS: Mapping[str, tuple[str, Mapping[Language, str]]] = {
    "mango": ("mango", {"en": "Steps", "ru": "Шаги"}),
    "webhook": ("webhook-connector", {"en": "Steps", "ru": "Шаги"}),
    "bitrix24": (
        "bitrix24",
        {
            "en": "For the owner of a portal: a local application",
            "ru": "Владельцу портала: локальное приложение",
        },
    ),
    "amocrm-token": (
        "amocrm",
        {"en": "Connect with a long-lived token", "ru": "Подключение по долгосрочному токену"},
    ),
    "amocrm-log-in": ("amocrm", {"en": "Connect with a log-in", "ru": "Подключение через вход"}),
}
"""Each how-to: its page, and the heading above its steps."""


@dataclass
class Town:
    """A hub whose owners have connected nothing yet, and what there is to connect, for each language its own."""

    hub: Hub
    browser: Any
    pbxs: dict[Language, MangoSimulator]
    portals: dict[Language, SimulatedPortal]
    accounts: dict[str, SimulatedAccount]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    home, port = tmp_path_factory.mktemp("home"), free_port()
    names = [f"{way}-{language}" for way in ("token", "login") for language in LANGUAGES]
    with (
        MangoSimulator(hub_url="", api_key=API_KEY, api_salt=API_SALT) as pbx,
        MangoSimulator(hub_url="", api_key=API_KEY, api_salt=API_SALT) as other_pbx,
        Bitrix24Simulator() as b24,
        AmoCrmSimulator(accounts=names, redirect_uri=f"http://127.0.0.1:{port}/amocrm/callback") as amo,
        chromium() as browser,
    ):
        environment = environment_for(home, DOZVON_BITRIX24_AUTH_SERVERS=b24.auth_domain)
        hub = start_hub(home, environment, port)
        try:
            accounts = dict(zip(names, amo.accounts, strict=True))
            portals: dict[Language, SimulatedPortal] = {"en": b24, "ru": b24.add_portal()}
            yield Town(hub, browser, {"en": pbx, "ru": other_pbx}, portals, accounts)
        finally:
            hub.stop()


@dataclass
class Visit:
    """An owner of an empty workspace, logged in, in a browser of the language."""

    town: Town
    page: Page
    language: Language
    notes: dict[str, str] = field(default_factory=dict)

    def follow(self, howto: str, types: Mapping[str, str], elsewhere: Mapping[int, Callable[[], None]]) -> None:
        name, headings = HOWTOS[howto]
        steps = steps_under(page_of(name, self.language), headings[self.language], self.language)
        Reader(self.page, self.language, types, elsewhere).follow(steps)

    def copied(self) -> str:
        """What the last press of "Copy" left behind."""
        button = self.page.locator("[data-copies]")
        expect(button).to_have_text(str(button.get_attribute("data-done")))
        return str(self.page.evaluate("navigator.clipboard.readText()"))


@contextmanager
def visit(town: Town, howto: str, language: Language) -> Iterator[Visit]:
    email = f"owner@{howto}-{language}.example"
    add_owner(town.hub, f"{howto}-{language}", email)
    locale = {"en": "en-US", "ru": "ru-RU"}[language]
    allowed = ["clipboard-read", "clipboard-write"]
    context = town.browser.new_context(locale=locale, viewport={"width": 1280, "height": 900}, permissions=allowed)
    context.route(LIBRARY, lambda route: route.fulfill(body=LIBRARY_STAND_IN, content_type="application/javascript"))
    page = context.new_page()
    try:
        page.goto(f"{town.hub.url}/admin/login")
        page.fill("input[name=email]", email)
        page.fill("input[name=password]", PASSWORD)
        page.click("form.form button")
        page.wait_for_selector("nav.nav")
        assert page.locator("html").get_attribute("lang") == language
        yield Visit(town, page, language)
    finally:
        context.close()


def add_owner(hub: Hub, slug: str, email: str) -> None:
    """An empty workspace and its owner, who has chosen no language."""
    database = Database(f"sqlite:///{hub.home / 'dozvon.sqlite3'}")
    with database.transaction() as session:
        workspace = Workspace(
            slug=slug, name=slug, timezone="Europe/Moscow", region="RU", locale="ru", hours={}, created_at=NOW
        )
        session.add(workspace)
        session.flush()
        session.add(
            User(
                workspace_id=workspace.id, email=email, password_hash=password_hash(), role="owner", locale=None,
                session_version=1, created_at=NOW,
            )
        )  # fmt: skip
    database.close()


@pytest.mark.parametrize("howto", HOWTOS)
def test_both_languages_say_the_same_steps(howto: str) -> None:
    name, headings = HOWTOS[howto]
    english, russian = (steps_under(page_of(name, language), headings[language], language) for language in LANGUAGES)
    assert len(english) == len(russian)
    assert [pair for pair in zip(english, russian, strict=True) if not is_same(*pair)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_mango_is_connected_by_the_steps_of_its_page(town: Town, language: Language) -> None:
    pbx = town.pbxs[language]
    types = {
        "Unique code of the VPBX": API_KEY,
        "Key to create the signature": API_SALT,
        "API address": pbx.base_url,
    }
    with visit(town, "mango", language) as reader:
        elsewhere = {
            1: lambda: None,  # the keys are read off Mango's account: they stand above
            7: lambda: pbx.sends_to(reader.copied()),
            8: lambda: rings(pbx),
        }
        reader.follow("mango", types, elsewhere)
        expect(reader.page.locator("#live .note.good")).to_be_visible()
    assert pbx.ledger.offences() == []


def rings(pbx: MangoSimulator) -> None:
    assert pbx.play("A", client="79001110001").accepted


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_pbx_of_ones_own_is_connected_by_the_steps_of_its_page(
    town: Town, language: Language, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page = page_of("webhook-connector", language)
    shell = Place(tmp_path_factory.mktemp("shell"))

    def printed(says: str) -> str:
        return next(block.text for block in blocks_with("docs/webhook-connector.md", says) if block.page == page)

    secret = shell.do(printed("openssl rand -base64 32")).strip()
    with visit(town, "webhook", language) as reader:

        def send() -> None:
            shell.environment |= {"HOOK": reader.copied(), "SECRET": secret}
            shell.do(printed('curl -sS -X POST "$HOOK"'))

        types = {"Signing secret": secret, "Recording hosts": "records.acme.example"}
        reader.follow("webhook", types, {1: lambda: None, 7: send})
        expect(reader.page.locator("#list tbody")).to_contain_text("123-45-67")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_portal_is_connected_by_the_steps_of_its_page(town: Town, language: Language) -> None:
    portal = town.portals[language]
    shown: dict[str, str] = {}
    with visit(town, "bitrix24", language) as reader:

        def make_application() -> None:
            addresses = reader.page.locator("main code").all_inner_texts()
            shown.update(zip(("app", "install"), addresses, strict=True))

        def opened(path: str) -> None:
            reader.page.goto(frame_address_at(portal, shown[path], language=language))

        def everything_bound() -> None:
            until(lambda: len(portal.state()["handlers"]) >= 5, 60, "what is clicked in the portal reaches the hub")

        elsewhere = {
            2: make_application,
            5: lambda: opened("install"),
            6: everything_bound,
            7: lambda: opened("app"),
            8: lambda: go(reader.page, f"{town.hub.url}/admin"),
        }
        types = {
            "Address of the portal": portal.domain,
            "Application id (client_id)": portal.client_id,
            "Application key (client_secret)": portal.client_secret,
        }
        reader.follow("bitrix24", types, elsewhere)
        expect(reader.page.locator(".connection-card")).to_have_count(1)
    assert shown == {part: f"{town.hub.url}/bitrix24/{part}" for part in ("app", "install")}
    assert portal.ledger.offences() == []


def go(page: Page, address: str) -> None:
    page.goto(address)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_account_is_connected_by_a_token_by_the_steps_of_its_page(town: Town, language: Language) -> None:
    account = town.accounts[f"token-{language}"]
    types = {"Address of the account": account.base_url, "Long-lived token": account.long_lived_token()}
    with visit(town, "amocrm-token", language) as reader:
        reader.follow("amocrm-token", types, {1: lambda: None, 2: lambda: None})
    assert account.requests()
    assert account.offences() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_account_is_connected_by_a_log_in_by_the_steps_of_its_page(town: Town, language: Language) -> None:
    account = town.accounts[f"login-{language}"]
    types = {
        "Address of the account": account.base_url,
        "Integration ID": account.client_id,
        "Secret key": account.client_secret,
    }
    with visit(town, "amocrm-log-in", language) as reader:

        def make_integration() -> None:
            address = re.compile(re.escape(account.redirect_uri))
            expect(reader.page.locator("main code")).to_have_text(address)

        reader.follow("amocrm-log-in", types, {2: make_integration})
        assert re.search(r"/admin/connections/\d+", reader.page.url)
    assert account.offences() == []
