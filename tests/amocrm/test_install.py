"""Logging in to an account from our own pages, against accounts that keep ledgers (amocrm.md §1.2 to §1.5)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import CALLBACK, House, agreed, come_back, consent_of, csrf_of, prepared

ANNA = 504


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


# --- Begun in the wizard ------------------------------------------------------------------------------


def begun_in_wizard(client: FlaskClient) -> str:
    answer = client.get("/amocrm/install", query_string={"connection": "amo", "from": "start"})
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_a_log_in_that_the_wizard_began_comes_back_to_its_next_step(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    answer = come_back(client, agreed(begun_in_wizard(client)))
    assert (answer.status_code, answer.location) == (303, f"/admin/start/connections/{connection_id}")
    page = client.get(answer.location, headers={"Accept-Language": "en"}).text
    assert 'href="/admin/start/people"' in page


def test_a_refusal_leads_back_to_the_wizards_form_in_plain_words(house: House, amo: AmoCrmSimulator) -> None:
    connection_id = prepared(house, amo)
    client = house.browser()
    for spoiled, words in (
        ({"error": "access_denied"}, "the access was not allowed"),
        ({"state": "made up"}, "no longer good"),
        ({"referer": "evil.example"}, "it is not amoCRM"),
        ({"code": "no such code"}, "no longer good"),
    ):
        answer = come_back(client, {**agreed(begun_in_wizard(client)), **spoiled})
        assert (answer.status_code, answer.location) == (303, "/admin/start/crm?vendor=amocrm")
        page = client.get("/admin/start/crm?vendor=amocrm", headers={"Accept-Language": "en"}).text
        assert words in page
        assert "Nothing has changed." in page
    assert house.tokens(connection_id) is None
