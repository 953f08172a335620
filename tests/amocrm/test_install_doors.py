"""The button, the widget and the removal: what amoCRM's own servers send (amocrm.md §1.3, §1.4, §1.8, §1.9)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.db.tables import Connection
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import (
    CALLBACK,
    House,
    agreed,
    button_state,
    come_back,
    consent_of,
    csrf_of,
    open_house,
    prepared,
)

ANNA = 504


# --- The button ---------------------------------------------------------------------------------------


def test_the_button_makes_an_integration_and_connects_the_account(house: House, amo: AmoCrmSimulator) -> None:
    client = house.browser()
    state = button_state(client.get("/amocrm/install").text)
    with open_house(house) as address:
        integration, location = amo.press_button(f"{address}/amocrm/secrets", state, CALLBACK)
    assert location is not None
    answer = come_back(client, {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()})
    assert answer.status_code == 303
    row = house.connection()
    assert (row.state, row.secrets["client_id"], row.settings["base_url"]) == (
        "active",
        integration.client_id,
        amo.base_url,
    )
    assert house.tokens(row.id) is not None
    assert amo.offences() == []


@pytest.mark.parametrize("as_form", [True, False])
def test_keys_are_answered_by_exactly_200_and_taken_once(house: House, as_form: bool) -> None:
    state = button_state(house.browser().get("/amocrm/install").text)
    client = house.app.test_client()

    def post(client_id: str, secret: str) -> int:
        given = {"client_id": client_id, "client_secret": secret, "state": state, "name": "Dozvon"}
        return client.post("/amocrm/secrets", **({"data": given} if as_form else {"json": given})).status_code

    assert post("c1", "s1") == 200
    assert post("c1", "s1") == 200  # the same once more
    assert post("c1", "s2") == 404
    assert post("c2", "s2") == 404
    assert house.connection().secrets["client_secret"] == "s1"


def test_keys_without_a_living_state_of_the_button_are_refused(house: House, amo: AmoCrmSimulator) -> None:
    browser = house.browser()
    state = button_state(browser.get("/amocrm/install").text)
    prepared(house, amo)
    of_a_connection = parse_qs(urlsplit(consent_of(browser)).query)["state"][0]
    client = house.app.test_client()
    for wrong in ("", "made up", of_a_connection, state[:-2]):
        given = {"client_id": "c1", "client_secret": "s1", "state": wrong}
        assert client.post("/amocrm/secrets", json=given).status_code == 404
    house.wait(timedelta(minutes=11))
    assert client.post("/amocrm/secrets", json={**given, "state": state}).status_code == 404
    assert client.post("/amocrm/secrets", data=b"[1", content_type="application/json").status_code == 404
    assert len(house.connections()) == 1


# --- The widget ---------------------------------------------------------------------------------------


def test_an_installation_from_the_widget_waits_until_its_administrator_claims_it(
    house: House, amo: AmoCrmSimulator
) -> None:
    prepared(house, amo, base_url="http://127.0.0.1:1", account_id="1")  # where the hub knows the integration from
    with open_house(house) as address:
        amo.integration.redirect_uri = f"{address}/amocrm/callback"
        status = amo.install_from_widget()
    assert status == 403  # the hub's own redirect address is another one: the account refuses the exchange
    amo.integration.redirect_uri = CALLBACK
    given = {"code": amo.authorization_code(), "referer": amo.account.host, "client_id": amo.client_id}
    assert come_back(house.browser(None), {**given, "from_widget": "1"}).status_code == 200
    assert house.workspaces() == ["acme", "amo-555"]
    waiting = house.connections()[-1]
    client = house.browser()
    assert client.get(f"/admin/connections/{waiting.id}").status_code == 404

    token = amo.widget_token(503, "http://hub.acme.example")
    origin = {"Origin": "https://demo.amocrm.ru", "X-Auth-Token": token}
    answer = house.app.test_client().post("/amocrm/widget", headers=origin)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://demo.amocrm.ru")
    assert house.app.test_client().post("/amocrm/widget", headers=origin).status_code == 403  # good once
    path = answer.get_json()["url"].removeprefix("http://hub.acme.example")
    page = client.get(path).text
    assert amo.account.host in page
    ticket = parse_qs(urlsplit(path).query)["ticket"][0]
    form = {"ticket": ticket, "csrf_token": csrf_of(page)}
    assert client.post("/amocrm/claim", data=form).status_code == 303
    assert client.get(f"/admin/connections/{waiting.id}").status_code == 200
    assert house.workspaces() == ["acme"]
    assert client.post("/amocrm/claim", data=form).status_code == 400


def test_an_installation_again_renews_the_known_connection(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo, with_pair=True, account_id="555")
    before = house.tokens(connection_id)
    given = {"code": amo.authorization_code(), "referer": amo.account.host, "client_id": amo.client_id}
    assert come_back(house.browser(None), {**given, "from_widget": "1"}).status_code == 200
    assert house.connection().id == connection_id
    assert house.tokens(connection_id) != before


def test_who_merely_names_an_integration_is_not_handed_its_access(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo, base_url="http://127.0.0.1:1", account_id="1")
    house.add_workspace("third")
    trap = prepared(house, amo, "third")
    with house.database.transaction() as session:
        row = session.get_one(Connection, trap)
        row.secrets = {**row.secrets, "client_secret": "guessed"}
    given = {"code": amo.authorization_code(), "referer": amo.account.host, "client_id": amo.client_id}
    assert come_back(house.browser(None), {**given, "from_widget": "1"}).status_code == 200
    assert house.tokens(trap) is None


def test_an_unknown_integration_is_not_exchanged(house: House, amo: AmoCrmSimulator) -> None:
    given = {"code": "c", "referer": amo.account.host, "client_id": amo.client_id, "from_widget": "1"}
    assert come_back(house.browser(None), given).status_code == 403
    assert amo.ledger.entries("oauth") == []


def test_a_widget_token_counts_only_when_it_is_genuine_ours_and_an_administrators(
    house: House, amo: AmoCrmSimulator
) -> None:
    prepared(house, amo, with_pair=True, account_id="555")

    def status(token: str) -> int:
        return house.app.test_client().post("/amocrm/widget", headers={"X-Auth-Token": token}).status_code

    good = amo.widget_token(503, "http://hub.acme.example")
    head, body, _ = good.split(".")
    assert status("") == status("a.b.c") == status(f"{head}.{body}.AAAA") == 403
    assert status(amo.widget_token(503, "http://evil.example")) == 403
    assert status(amo.widget_token(ANNA, "http://hub.acme.example")) == 403
    assert status(amo.accounts[1].widget_token(503, "http://hub.acme.example")) == 403
    house.wait(timedelta(minutes=31))
    assert status(good) == 403
    house.wait(timedelta(minutes=-31))
    assert status(good) == 200


def test_the_widgets_address_is_for_account_sites_alone(house: House) -> None:
    client = house.app.test_client()
    for origin in ("https://evil.example", "http://demo.amocrm.ru", "https://demo.amocrm.ru.evil.example", "null"):
        answer = client.options("/amocrm/widget", headers={"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
    answer = client.options("/amocrm/widget", headers={"Origin": "https://demo.kommo.com"})
    assert "X-Auth-Token" in answer.headers["Access-Control-Allow-Headers"]


# --- The removal --------------------------------------------------------------------------------------


def test_a_removal_stops_the_connection_and_a_log_in_brings_it_back(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo, with_pair=True)
    with open_house(house) as address:
        amo.integration.disconnect_url = f"{address}/amocrm/disconnect"
        assert amo.disconnect(forged=True) == 404
        assert house.connection().state == "active"
        assert amo.disconnect() == 200
        assert amo.disconnect() == 200  # it may come twice
    row = house.connection()
    assert (row.state, "switched off" in row.state_reason) == ("needs_reconnect", True)
    amo.account.installed.add(amo.client_id)
    client = house.browser()
    assert come_back(client, agreed(consent_of(client))).status_code == 303
    assert house.connection().state == "active"


def test_a_removal_signed_by_another_tenants_secret_stops_nobody_else(house: House, amo: AmoCrmSimulator) -> None:
    other = amo.accounts[1]
    prepared(house, amo, with_pair=True)
    house.add_workspace("third")
    prepared(house, other, "third", with_pair=True)
    client = house.app.test_client()

    def status(client_id: str, account_id: int, secret: str) -> int:
        signature = hmac.new(secret.encode(), f"{client_id}|{account_id}".encode(), hashlib.sha256).hexdigest()
        query = {"client_uuid": client_id, "account_id": str(account_id), "signature": signature}
        return client.get("/amocrm/disconnect", query_string=query).status_code

    assert status(amo.client_id, 555, other.client_secret) == 404
    assert status(amo.client_id, 556, amo.client_secret) == 404  # signed well, of an account that is not ours
    assert status(other.client_id, 555, other.client_secret) == 404
    assert status("", 555, "") == 404
    assert [row.state for row in house.connections()] == ["active", "active"]
    assert status(other.client_id, 556, other.client_secret) == 200
    assert [row.state for row in house.connections()] == ["active", "needs_reconnect"]
