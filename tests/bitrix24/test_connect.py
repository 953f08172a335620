"""Connecting a portal from our own pages: the authorization-code flow against the simulator's auth server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from hub.db.engine import Database
from hub.db.tables import User
from hub.runtime import utc_now
from hub.web.bitrix24.connect import portal_host
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, house_for, open_house
from tests.web.conftest import csrf_of

PASSWORD = "correct horse battery"


@pytest.fixture
def b24() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as running:
        running.settings.slow_handler_seconds = 20
        running.portal.app.redirect_uri = "http://localhost/bitrix24/app"
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str) -> House:
    return house_for(database, tmp_path / "home", b24, redis_url)


def member(house: House, workspace_id: int, role: str = "owner") -> FlaskClient:
    email = f"{role}{workspace_id}@acme.example"
    with house.database.transaction() as session:
        session.add(
            User(
                workspace_id=workspace_id,
                email=email,
                password_hash=PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD),
                role=role,
                created_at=utc_now(),
            )
        )
    client = house.app.test_client()
    token = csrf_of(client.get("/admin/login").text)
    form = {"email": email, "password": PASSWORD, "csrf_token": token}
    assert client.post("/admin/login", data=form).status_code == 303
    return client


def consent(client: FlaskClient, b24: Bitrix24Simulator) -> str:
    """Begin, and consent on the portal; the path that the browser comes back to."""
    token = csrf_of(client.get("/bitrix24/connect").text)
    away = client.post("/bitrix24/connect", data={"portal": b24.domain, "csrf_token": token})
    found = re.search(r'id="away" rel="noreferrer" href="([^"]+)"', away.text)
    assert found is not None, away.text
    back = urllib3.request("GET", unescape(found[1]), redirect=False).headers["Location"]
    return back.removeprefix("http://localhost")


def test_a_portal_joins_the_workspace_that_asked_for_it(house: House, b24: Bitrix24Simulator) -> None:
    workspace_id = house.add_workspace()
    client = member(house, workspace_id)
    back = consent(client, b24)
    assert client.get(back).headers["Location"].startswith("/admin/connections/")
    connection = house.connection()
    assert (connection.workspace_id, connection.settings["member_id"]) == (workspace_id, b24.member_id)
    assert house.tokens(connection.id) is not None


def test_an_installation_that_came_first_moves_to_the_workspace_that_asks(house: House, b24: Bitrix24Simulator) -> None:
    with open_house(house) as address:
        b24.open_app(f"{address}/bitrix24/install")
    installed = house.connection().id
    workspace_id = house.add_workspace()
    client = member(house, workspace_id)
    assert client.get(consent(client, b24)).status_code == 303
    connection = house.connection()
    assert (connection.id, connection.workspace_id) == (installed, workspace_id)
    assert connection.secrets["application_token"] == b24.application_token
    assert [one.slug for one in house.workspaces()] == ["acme"]


def test_a_portal_of_another_customer_is_not_taken_over(house: House, b24: Bitrix24Simulator) -> None:
    theirs = house.add_workspace("theirs")
    first = member(house, theirs)
    first.get(consent(first, b24))
    second = member(house, house.add_workspace("acme"))
    answer = second.get(consent(second, b24))
    assert answer.status_code == 403
    assert "another workspace" in answer.text
    assert house.connection().workspace_id == theirs


def test_a_way_back_works_once_and_only_for_who_began(house: House, b24: Bitrix24Simulator) -> None:
    workspace_id = house.add_workspace()
    client = member(house, workspace_id)
    back = consent(client, b24)
    stranger = house.app.test_client()
    assert stranger.get(back).status_code == 400
    assert house.connections() == []
    assert client.get(back).status_code == 303
    assert client.get(back).status_code == 400


def test_a_code_for_a_strange_server_is_not_shown_the_secret(house: House, b24: Bitrix24Simulator) -> None:
    client = member(house, house.add_workspace())
    back = consent(client, b24)
    state = parse_qs(urlsplit(back).query)["state"][0]
    answer = client.get("/bitrix24/app", query_string={"code": "x", "state": state, "server_domain": "evil.example"})
    assert answer.status_code == 403
    assert house.connections() == []


def test_another_site_cannot_begin_it(house: House, b24: Bitrix24Simulator) -> None:
    client = member(house, house.add_workspace())
    assert client.post("/bitrix24/connect", data={"portal": b24.domain}).status_code == 400


@pytest.mark.parametrize("role", ["agent", "marketer", "auditor"])
def test_only_administrators_connect(house: House, role: str) -> None:
    client = member(house, house.add_workspace(), role)
    assert client.get("/bitrix24/connect").status_code == 403


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("acme.bitrix24.ru", "acme.bitrix24.ru"),
        (" https://Acme.bitrix24.ru/crm/ ", "acme.bitrix24.ru"),
        ("box.acme.example:8443", "box.acme.example:8443"),
        ("acme", None),
        ("acme.bitrix24.ru@evil.example", None),
        ("https://user:pw@acme.bitrix24.ru", "acme.bitrix24.ru"),
        ("acme.bitrix24.ru?x", None),
        ("", None),
    ],
)
def test_a_typed_portal_is_a_host_name_or_nothing(typed: str, host: str | None) -> None:
    assert portal_host(typed) == host


# --- Begun in the wizard ------------------------------------------------------------------------------


def from_start(client: FlaskClient, b24: Bitrix24Simulator, **more: str) -> str:
    """Begun in the wizard; the path that the browser comes back to from the portal's consent."""
    token = csrf_of(client.get("/bitrix24/connect?from=start").text)
    form = {"portal": f" https://{b24.domain}/crm/ ", "from": "start", "csrf_token": token, **more}
    away = client.post("/bitrix24/connect", data=form)
    found = re.search(r'id="away" rel="noreferrer" href="([^"]+)"', away.text)
    assert found is not None, away.text
    back = urllib3.request("GET", unescape(found[1]), redirect=False).headers["Location"]
    return back.removeprefix("http://localhost")


def test_a_log_in_that_the_wizard_began_comes_back_to_its_next_step(house: House, b24: Bitrix24Simulator) -> None:
    client = member(house, house.add_workspace())
    answer = client.get(from_start(client, b24))
    connection = house.connection()
    assert answer.location == f"/admin/start/connections/{connection.id}"
    page = client.get(answer.location, headers={"Accept-Language": "en"}).text
    assert 'href="/admin/start/people"' in page
    assert client.get(consent(client, b24)).location == f"/admin/connections/{connection.id}"


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"error": "access_denied", "state": ""}, "the access was not allowed"),
        ({"state": "made up", "code": "x"}, "no longer good"),
        ({"code": "x", "state": "", "server_domain": "evil.example"}, "evil.example is not known to the hub"),
        ({"code": "no such code", "state": ""}, "no longer good"),
    ],
)
def test_a_refusal_leads_back_to_the_wizards_form_in_plain_words(
    house: House, b24: Bitrix24Simulator, query: dict[str, str], words: str
) -> None:
    client = member(house, house.add_workspace())
    state = parse_qs(urlsplit(from_start(client, b24)).query)["state"][0]
    english = {"Accept-Language": "en"}
    answer = client.get("/bitrix24/app", query_string={**query, "state": query["state"] or state}, headers=english)
    assert (answer.status_code, answer.location) == (303, "/admin/start/crm?vendor=bitrix24")
    page = client.get("/admin/start/crm?vendor=bitrix24", headers=english).text
    assert words in page
    assert "Nothing has changed." in page
    assert house.connections() == []


def test_keys_of_an_own_application_are_entered_on_the_page(
    database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str
) -> None:
    house = house_for(database, tmp_path / "home", b24, redis_url, own_application=False)
    workspace_id = house.add_workspace()
    client = member(house, workspace_id)
    token = csrf_of(client.get("/bitrix24/connect?from=start").text)
    form = {"portal": b24.domain, "from": "start", "csrf_token": token}
    assert client.post("/bitrix24/connect", data=form).status_code == 400
    assert client.post("/bitrix24/connect", data={**form, "client_id": "local.1"}).status_code == 400
    keys = {"client_id": b24.client_id, "client_secret": b24.client_secret}
    answer = client.get(from_start(client, b24, **keys))
    connection = house.connection()
    assert answer.location == f"/admin/start/connections/{connection.id}"
    assert (connection.workspace_id, connection.settings["member_id"]) == (workspace_id, b24.member_id)
    assert b24.client_secret not in client.get("/bitrix24/connect").text
