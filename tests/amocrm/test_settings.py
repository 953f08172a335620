"""The connection's form."""

from __future__ import annotations

import pytest
from marshmallow import ValidationError

from connectors.amocrm.settings import SECRETS, SETTINGS, AmocrmSecrets, AmocrmSettings
from connectors.registry import REGISTRY

OAUTH = {
    "client_id": "abc",
    "client_secret": "sesame",
    "redirect_uri": "https://hub.example/amocrm/callback",
    "access_token": "a",
    "refresh_token": "r",
}


def messages(schema: type[AmocrmSettings | AmocrmSecrets], values: dict[str, object]) -> str:
    with pytest.raises(ValidationError) as caught:
        schema().load(values)
    return str(caught.value.messages)


def test_amocrm_is_registered() -> None:
    assert REGISTRY["amocrm"].crm is not None
    assert REGISTRY["amocrm"].oauth is not None
    assert REGISTRY["amocrm"].check is not None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("acme.amocrm.ru", "https://acme.amocrm.ru"),
        (" https://acme.amocrm.com/ ", "https://acme.amocrm.com"),
        ("https://acme.kommo.com", "https://acme.kommo.com"),
        ("http://127.0.0.1:9301", "http://127.0.0.1:9301"),
    ],
)
def test_an_account_is_given_as_people_know_it(written: str, kept: str) -> None:
    assert AmocrmSettings().load({"base_url": written})["base_url"] == kept


@pytest.mark.parametrize(
    "written",
    [
        "",
        "https://",
        "ftp://acme.amocrm.ru",
        "https://acme.amocrm.ru/leads",
        "https://a:b@acme.amocrm.ru",
        "www.amocrm.ru",
    ],
)
def test_what_is_no_accounts_address_is_refused(written: str) -> None:
    assert "base_url" in messages(AmocrmSettings, {"base_url": written})


def test_defaults_do_what_most_people_want() -> None:
    loaded = AmocrmSettings().load({"base_url": "acme.amocrm.ru"})
    assert (loaded["auth"], loaded["unknown_caller"], loaded["unknown_outbound"]) == ("oauth", "unsorted", "contact")


def test_ids_may_be_written_as_numbers() -> None:
    loaded = AmocrmSettings().load({"base_url": "acme.amocrm.ru", "pipeline_id": 31, "default_user_id": 504})
    assert (loaded["pipeline_id"], loaded["default_user_id"]) == ("31", "504")


@pytest.mark.parametrize("name", ["pipeline_id", "default_user_id", "status_id", "task_type_id"])
def test_what_is_no_id_is_refused(name: str) -> None:
    assert "number" in messages(AmocrmSettings, {"base_url": "acme.amocrm.ru", name: "Anna"})


def test_a_long_lived_token_needs_nothing_else() -> None:
    assert AmocrmSecrets().load({"access_token": "for years"}) == {"access_token": "for years"}


@pytest.mark.parametrize("left_out", sorted(OAUTH))
def test_a_pair_needs_its_integrations_keys(left_out: str) -> None:
    given = {name: value for name, value in OAUTH.items() if name != left_out}
    assert left_out in messages(AmocrmSecrets, dict(given))


def test_keys_alone_wait_for_a_log_in_on_the_page() -> None:
    keys = {name: OAUTH[name] for name in ("client_id", "client_secret", "redirect_uri")}
    assert AmocrmSecrets().load(keys) == keys


def test_nothing_at_all_is_no_access() -> None:
    assert "access_token" in messages(AmocrmSecrets, {})


def test_unknown_names_are_told_with_those_that_there_are() -> None:
    assert "pipeline_id" in messages(AmocrmSettings, {"base_url": "acme.amocrm.ru", "pipeline": "1"})
    assert "client_id" in messages(AmocrmSecrets, {**OAUTH, "clientid": "1"})
    assert set(AmocrmSettings().fields) == set(SETTINGS)
    assert set(AmocrmSecrets().fields) == set(SECRETS)
