"""Our own integration in the marketplace: its accounts come by themselves (amocrm.md §1.1, §1.3)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.config import load_settings
from hub.db.engine import Database
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import CALLBACK, House, agreed, come_back, csrf_of, house_for


@pytest.fixture
def house(database: Database, tmp_path: Path, amo: AmoCrmSimulator) -> House:
    keys = {"DOZVON_AMOCRM_CLIENT_ID": amo.client_id, "DOZVON_AMOCRM_CLIENT_SECRET": amo.client_secret}
    made = house_for(database, tmp_path / "home", **keys)
    made.add_workspace()
    return made


def test_an_account_that_nobody_named_is_installed_with_the_hubs_own_keys(house: House, amo: AmoCrmSimulator) -> None:
    given = {"code": amo.authorization_code(), "referer": amo.account.host, "client_id": amo.client_id}
    assert come_back(house.browser(None), {**given, "from_widget": "1"}).status_code == 200
    assert house.workspaces() == ["acme", "amo-555"]
    row = house.connection()
    assert (row.state, row.secrets["client_id"], row.settings["account_id"]) == ("active", amo.client_id, "555")
    assert row.hook_token
    assert row.hook_token_hash
    again = {**given, "code": amo.authorization_code(), "from_widget": "1"}
    assert come_back(house.browser(None), again).status_code == 200
    assert len(house.connections()) == 1


def test_another_integrations_installation_is_not_exchanged_with_our_secret(house: House, amo: AmoCrmSimulator) -> None:
    given = {"code": "c", "referer": amo.account.host, "client_id": "somebody-else", "from_widget": "1"}
    assert come_back(house.browser(None), given).status_code == 403
    assert amo.ledger.entries("oauth") == []


def test_a_person_logs_in_to_it_by_the_accounts_address_alone(house: House, amo: AmoCrmSimulator) -> None:
    client = house.browser()
    page = client.get("/amocrm/install").text
    form = {"integration": "market", "account": amo.base_url, "csrf_token": csrf_of(page)}
    answer = client.post("/amocrm/install", data=form)
    assert answer.status_code == 303
    consent = answer.headers["Location"]
    assert parse_qs(urlsplit(consent).query)["client_id"] == [amo.client_id]
    amo.integration.redirect_uri = CALLBACK
    assert come_back(client, agreed(consent)).status_code == 303
    assert house.connection().state == "active"
    assert amo.client_secret not in page


def test_a_hub_without_such_an_integration_does_not_offer_it(database: Database, tmp_path: Path) -> None:
    house = house_for(database, tmp_path / "home")
    house.add_workspace()
    client = house.browser()
    page = client.get("/amocrm/install").text
    assert 'value="market"' not in page
    form = {"integration": "market", "account": "acme.amocrm.ru", "csrf_token": csrf_of(page)}
    assert client.post("/amocrm/install", data=form).status_code == 400


def test_the_secret_is_not_shown_with_the_settings(tmp_path: Path) -> None:
    settings = load_settings({"DOZVON_AMOCRM_CLIENT_SECRET": "sesame-open"}, home=tmp_path)
    assert settings.amocrm_client_secret == "sesame-open"
    assert "sesame-open" not in repr(settings)
