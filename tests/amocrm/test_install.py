"""Connecting an account, the button, the widget and the removal, against accounts that keep ledgers (amocrm.md §1)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.db.engine import Database
from hub.db.tables import Connection
from simulators.amocrm import AmoCrmSimulator, SimulatedAccount
from tests.amocrm.house import (
    CALLBACK,
    House,
    agreed,
    button_state,
    come_back,
    consent_of,
    csrf_of,
    house_for,
    open_house,
)

ANNA = 504


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(accounts=("demo", "other"), redirect_uri=CALLBACK) as running:
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    made = house_for(database, tmp_path / "home")
    made.add_workspace()
    return made


def prepared(house: House, account: SimulatedAccount, workspace: str = "acme", **more: object) -> int:
    return house.add_connection(house.workspaces().index(workspace) + 1, account, **more)  # type: ignore[arg-type]


# --- The way of a log-in ------------------------------------------------------------------------------


def test_a_log_in_brings_the_pair_and_wakes_the_connection(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    answer = come_back(client, agreed(consent_of(client)))
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/connections/{connection_id}")
    row = house.connection()
    assert (row.state, row.settings["account_id"], row.settings["base_url"]) == ("active", "555", amo.base_url)
    pair = house.tokens(connection_id)
    assert pair is not None
    assert amo.world.grant_of_access(pair["access"]) is not None
    assert house.audit("amocrm_connected") == 1
    assert amo.offences() == []


def test_keys_of_a_private_integration_are_entered_on_the_page(house: House, amo: AmoCrmSimulator) -> None:
    client = house.browser()
    page = client.get("/amocrm/install").text
    assert CALLBACK in page
    form = {"account": amo.base_url, "client_id": amo.client_id, "client_secret": amo.client_secret}
    for _ in range(2):  # entered again, it is the same connection
        answer = client.post("/amocrm/install", data={**form, "csrf_token": csrf_of(page)})
        assert answer.status_code == 303
    assert house.connection().state == "needs_reconnect"
    assert come_back(client, agreed(answer.headers["Location"])).status_code == 303
    assert house.connection().state == "active"
    assert amo.client_secret not in client.get("/amocrm/install").text


@pytest.mark.parametrize(
    ("field", "value"), [("account", "https://evil.example"), ("account", "www.amocrm.ru"), ("client_secret", "x")]
)
def test_what_cannot_be_an_integration_is_not_kept(house: House, amo: AmoCrmSimulator, field: str, value: str) -> None:
    client = house.browser()
    form = {"account": amo.base_url, "client_id": amo.client_id, "client_secret": amo.client_secret, field: value}
    form["csrf_token"] = csrf_of(client.get("/amocrm/install").text)
    assert client.post("/amocrm/install", data=form).status_code == 400
    assert house.connections() == []


@pytest.mark.parametrize(
    ("base_url", "consent"),
    [
        ("https://acme.amocrm.ru", "https://www.amocrm.ru/oauth"),
        ("https://acme.kommo.com", "https://www.kommo.com/oauth"),
    ],
)
def test_consent_is_asked_for_on_the_vendors_own_site(
    house: House, amo: AmoCrmSimulator, base_url: str, consent: str
) -> None:
    prepared(house, amo, base_url=base_url)
    address = urlsplit(consent_of(house.browser()))
    assert f"{address.scheme}://{address.netloc}{address.path}" == consent
    assert parse_qs(address.query)["client_id"] == [amo.client_id]
    assert amo.client_secret not in address.query


def test_only_who_may_connect_may_begin(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo)
    house.add_workspace("third", role="agent")
    assert house.browser(None).get("/amocrm/install?connection=amo").status_code == 302
    assert house.browser("agent@third.example").get("/amocrm/install?connection=amo").status_code == 403
    client = house.browser()
    form = {"account": amo.base_url, "client_id": amo.client_id, "client_secret": amo.client_secret}
    assert client.post("/amocrm/install", data=form).status_code == 400  # without the token of our own form


def test_a_connection_of_another_workspace_cannot_be_begun(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo)
    house.add_workspace("third")
    assert house.browser("owner@third.example").get("/amocrm/install?connection=amo").status_code == 404


# --- A state that is not ours, not now, not yours -----------------------------------------------------


def refused(house: House, connection_id: int, answer_status: int, status: int = 400) -> None:
    assert answer_status == status
    assert house.tokens(connection_id) is None


def test_a_state_is_good_once(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    consent = consent_of(client)
    assert come_back(client, agreed(consent)).status_code == 303
    before = house.tokens(connection_id)
    assert come_back(client, agreed(consent)).status_code == 400
    assert house.tokens(connection_id) == before


def test_a_session_cookie_put_back_does_not_revive_a_state(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo)
    client = house.browser()
    consent = consent_of(client)
    cookie = client.get_cookie("dozvon_session")
    assert cookie is not None
    assert come_back(client, agreed(consent)).status_code == 303
    client.set_cookie("dozvon_session", cookie.value)
    assert come_back(client, agreed(consent)).status_code == 400


def test_a_state_ends_after_ten_minutes(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = agreed(consent_of(client))
    house.wait(timedelta(minutes=10, seconds=1))
    refused(house, connection_id, come_back(client, given).status_code)


def test_a_state_of_another_session_or_workspace_is_worth_nothing(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    house.add_workspace("third")
    given = agreed(consent_of(house.browser()))
    for email in ("owner@acme.example", "owner@third.example", None):
        refused(house, connection_id, come_back(house.browser(email), given).status_code)


@pytest.mark.parametrize("state", ["", "made up", "eyJ3b3Jrc3BhY2UiOjF9.AAAA"])
def test_a_state_that_we_never_gave_is_worth_nothing(house: House, amo: AmoCrmSimulator, state: str) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = {**agreed(consent_of(client)), "state": state}
    refused(house, connection_id, come_back(client, given).status_code)


def test_a_missing_state_without_from_widget_is_refused(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = {name: value for name, value in agreed(consent_of(client)).items() if name != "state"}
    refused(house, connection_id, come_back(client, given).status_code)


def test_a_denial_changes_nothing_and_is_said(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    answer = come_back(client, {**agreed(consent_of(client), deny=True), "error_description": "<b>x</b>"})
    refused(house, connection_id, answer.status_code, 403)
    assert "Deny" in answer.text
    assert "<b>x" not in answer.text


# --- Whose host, whose code, whose account ------------------------------------------------------------


@pytest.mark.parametrize(
    "referer",
    [
        "evil.example",
        "acme.amocrm.ru.evil.example",
        "acme.amocrm.ru@evil.example",
        "evil.example/acme.amocrm.ru",
        "evilamocrm.ru",
        "www.amocrm.ru",
        "10.0.0.1",
        "169.254.169.254",
        "127.0.0.1:1@evil.example",
        "acme.amocrm.ru:8443",
        "",
    ],
)
def test_the_secret_goes_to_no_other_host(house: House, amo: AmoCrmSimulator, referer: str) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = {**agreed(consent_of(client)), "referer": referer}
    refused(house, connection_id, come_back(client, given).status_code, 403)
    assert amo.ledger.entries("oauth") == []


def test_a_vendors_account_is_never_exchanged_at_an_allowed_host(house: House, amo: AmoCrmSimulator) -> None:
    """What the operator opened for something else must not see the secret of a real account."""
    connection_id = prepared(house, amo, base_url="https://acme.amocrm.ru")
    client = house.browser()
    state = parse_qs(urlsplit(consent_of(client)).query)["state"][0]
    given = {"code": amo.authorization_code(), "referer": amo.account.host, "client_id": amo.client_id, "state": state}
    refused(house, connection_id, come_back(client, given).status_code, 403)
    assert amo.ledger.entries("oauth") == []


def test_referrer_is_read_as_well(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo)
    client = house.browser()
    given = agreed(consent_of(client))
    given["referrer"] = given.pop("referer")
    assert come_back(client, given).status_code == 303


def test_a_code_of_another_account_connects_nothing(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    other = amo.accounts[1]
    client = house.browser()
    given = {**agreed(consent_of(client)), "code": other.authorization_code()}
    refused(house, connection_id, come_back(client, given).status_code, 403)


def test_another_integrations_answer_is_refused(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = {**agreed(consent_of(client)), "client_id": amo.accounts[1].client_id}
    refused(house, connection_id, come_back(client, given).status_code, 403)


def test_a_connection_never_changes_its_account(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo, account_id="999")
    client = house.browser()
    refused(house, connection_id, come_back(client, agreed(consent_of(client))).status_code, 403)


def test_an_account_of_another_tenant_cannot_be_taken(house: House, amo: AmoCrmSimulator) -> None:
    theirs = prepared(house, amo, with_pair=True, account_id="555")
    house.add_workspace("third")
    mine = prepared(house, amo, "third")
    before = house.tokens(theirs)
    client = house.browser("owner@third.example")
    answer = come_back(client, agreed(consent_of(client)))
    refused(house, mine, answer.status_code, 403)
    assert house.tokens(theirs) == before
    assert "another workspace" in answer.text


def test_one_account_is_not_connected_twice_in_a_workspace(house: House, amo: AmoCrmSimulator) -> None:
    prepared(house, amo, with_pair=True, account_id="555")
    second = prepared(house, amo, name="again")
    client = house.browser()
    refused(house, second, come_back(client, agreed(consent_of(client, "again"))).status_code, 403)


def test_a_colleagues_rights_do_not_replace_the_administrators(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo, with_pair=True)
    before = house.tokens(connection_id)
    client = house.browser()
    assert come_back(client, agreed(consent_of(client), user_id=ANNA)).status_code == 403
    assert house.tokens(connection_id) == before


def test_an_account_that_does_not_answer_is_said_to(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    given = agreed(consent_of(client))
    amo.faults.add("html_502", "oauth2/access_token")
    refused(house, connection_id, come_back(client, given).status_code, 503)


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
