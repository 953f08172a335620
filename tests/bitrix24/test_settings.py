"""What a connection asks for, its budget, and its check."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from connectors.bitrix24 import CONNECTOR
from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.settings import Bitrix24Secrets, Bitrix24Settings, portal_settings
from hub.domain.access import QuotaRule
from hub.domain.errors import AuthRevoked, Paused
from tests.bitrix24.portal import MEMBER_ID, SECRETS, SETTINGS, FakePortal, by_webhook, refusal, reply


def refused(schema: Bitrix24Settings | Bitrix24Secrets, values: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(ValidationError) as caught:
        schema.load(values)
    assert isinstance(caught.value.messages, dict)
    return caught.value.messages


def test_the_provisioning_files_example_is_accepted() -> None:
    values = {
        "auth": "oauth",
        "domain": "127.0.0.1:9201",
        "member_id": MEMBER_ID,
        "client_endpoint": "http://127.0.0.1:9201/rest/",
        "server_endpoint": "http://127.0.0.1:9202/rest/",
    }
    assert Bitrix24Settings().load(values) == {
        **values,
        "source_id": "CALL",
        "plan": "ordinary",
    }


def test_addresses_are_completed() -> None:
    given = {"domain": "acme.bitrix24.ru", "member_id": MEMBER_ID, "server_endpoint": "https://oauth.bitrix.info/rest"}
    loaded = Bitrix24Settings().load(given)
    assert loaded["client_endpoint"] == "https://acme.bitrix24.ru/rest/"
    assert loaded["server_endpoint"] == "https://oauth.bitrix.info/rest/"
    del given["domain"]
    given["client_endpoint"] = "https://acme.bitrix24.ru/rest"
    loaded = Bitrix24Settings().load(given)
    assert (loaded["domain"], loaded["client_endpoint"]) == ("acme.bitrix24.ru", "https://acme.bitrix24.ru/rest/")


def test_a_webhook_connection_needs_no_settings() -> None:
    assert Bitrix24Settings().load({"auth": "webhook", "default_user_id": 7})["default_user_id"] == "7"


def test_what_oauth_lacks_is_named() -> None:
    assert set(refused(Bitrix24Settings(), {"member_id": "0f1e"})) == {"server_endpoint", "client_endpoint"}
    assert set(refused(Bitrix24Secrets(), {})) == {"client_id", "client_secret"}
    keys = {"client_id": "local.x", "client_secret": "y"}
    assert set(refused(Bitrix24Secrets(), {**keys, "access_token": "a"})) == {"refresh_token"}
    assert set(refused(Bitrix24Secrets(), {**SECRETS, "client_id": ""})) == {"client_id"}


def test_a_connection_may_wait_for_the_installation() -> None:
    loaded = Bitrix24Settings().load({"auth": "oauth", "domain": "acme.bitrix24.ru"})
    assert loaded["client_endpoint"] == "https://acme.bitrix24.ru/rest/"
    assert "member_id" not in loaded
    keys = {"client_id": "local.x", "client_secret": "y"}
    assert Bitrix24Secrets().load(keys) == keys


@pytest.mark.parametrize("schema", [Bitrix24Settings(), Bitrix24Secrets()])
def test_an_unknown_name_is_refused_with_the_known_ones(schema: Bitrix24Settings | Bitrix24Secrets) -> None:
    (words,) = refused(schema, {"domian": "x"})["domian"]
    assert words.startswith("Unknown")
    assert ("domain" if isinstance(schema, Bitrix24Settings) else "webhook_url") in words


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("auth", "password"),
        ("plan", "free"),
        ("default_user_id", "anna"),
        ("default_user_id", True),
        ("domain", "https://acme.bitrix24.ru"),
        ("client_endpoint", "acme.bitrix24.ru"),
        ("client_endpoint", "https://user@acme.bitrix24.ru/rest/"),
        ("server_endpoint", "ftp://oauth.bitrix.info/rest/"),
        ("source_id", ""),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: object) -> None:
    assert name in refused(Bitrix24Settings(), {**SETTINGS, name: value})


@pytest.mark.parametrize(
    "address",
    [
        "acme.bitrix24.ru/rest/1/hush/",
        "https://acme.bitrix24.ru/rest/hush/",
        "https://acme.bitrix24.ru/rest/1/hush/?a=b",
    ],
)
def test_a_wrong_webhook_is_refused_without_repeating_its_secret(address: str) -> None:
    messages = refused(Bitrix24Secrets(), {"webhook_url": address})
    assert set(messages) == {"webhook_url"}
    assert "hush" not in str(messages)


def test_secrets_are_kept_as_texts() -> None:
    assert Bitrix24Secrets().load({**SECRETS, "expires_at": 1788003601})["expires_at"] == "1788003601"
    webhook = {"webhook_url": "https://acme.bitrix24.ru/rest/1/hush"}
    assert Bitrix24Secrets().load(webhook) == {"webhook_url": "https://acme.bitrix24.ru/rest/1/hush/"}


def test_settings_as_they_lie_in_an_old_row_are_read_with_defaults() -> None:
    portal = FakePortal()
    portal.settings = {"domain": "acme.bitrix24.ru", "default_user_id": None}
    read = portal_settings(portal.door.connection)
    assert (read.client_endpoint, read.source_id, read.enterprise, read.default_user_id, read.webhook) == (
        "https://acme.bitrix24.ru/rest/",
        "CALL",
        False,
        None,
        False,
    )


@pytest.mark.parametrize(
    ("plan", "rule"),
    [
        ("ordinary", QuotaRule(f"bitrix24:{MEMBER_ID}", 50.0, 2.0)),
        ("enterprise", QuotaRule(f"bitrix24:{MEMBER_ID}", 250.0, 5.0)),
    ],
)
def test_the_budget_belongs_to_the_portal(plan: str, rule: QuotaRule) -> None:
    portal = FakePortal()
    portal.settings["plan"] = plan
    assert Bitrix24Crm().quota(portal.door.connection) == rule


def test_a_webhooks_budget_is_named_by_its_host_and_not_by_its_secret() -> None:
    assert Bitrix24Crm().quota(by_webhook().door.connection).key == "bitrix24:acme.bitrix24.ru"


RIGHTS = ["telephony", "crm", "user_basic", "placement"]


@pytest.mark.parametrize(
    ("installed", "words"), [(True, "is installed"), (False, "not fully installed"), ("N", "not fully installed")]
)
def test_the_check_says_whether_the_application_is_installed(installed: object, words: str) -> None:
    assert CONNECTOR.check is not None
    portal = FakePortal().on("app.info", reply({"ID": 1, "INSTALLED": installed})).on("scope", reply(RIGHTS))
    line = CONNECTOR.check(portal.door)
    assert line.startswith("acme.bitrix24.ru answers")
    assert words in line
    assert not portal.http.asked[0].write


@pytest.mark.parametrize(("profile", "words"), [({"NAME": "Olga"}, "as Olga"), ([], "its creator")])
def test_the_check_of_a_webhook_needs_no_application(profile: object, words: str) -> None:
    assert CONNECTOR.check is not None
    portal = by_webhook().on("profile", reply(profile)).on("scope", reply(RIGHTS))
    assert words in CONNECTOR.check(portal.door)


@pytest.mark.parametrize(
    ("rights", "missing"),
    [(["crm", "user"], "telephony"), (["telephony", "user_basic"], "crm"), (["basic"], "telephony, crm, user_basic")],
)
def test_the_check_names_the_rights_that_were_not_ticked(rights: list[str], missing: str) -> None:
    assert CONNECTOR.check is not None
    portal = by_webhook().on("profile", reply([])).on("scope", reply(rights))
    with pytest.raises(Paused) as refused:
        CONNECTOR.check(portal.door)
    assert (refused.value.reason, refused.value.values) == ("rights_missing", {"rights": missing})


def test_a_portal_that_does_not_list_its_rights_passes_the_check() -> None:
    assert CONNECTOR.check is not None
    for scope in (refusal("x", "ERROR_METHOD_NOT_FOUND", 404), reply({})):
        assert "answers" in CONNECTOR.check(by_webhook().on("profile", reply([])).on("scope", scope).door)


def test_the_check_raises_what_is_wrong() -> None:
    assert CONNECTOR.check is not None
    with pytest.raises(AuthRevoked):
        CONNECTOR.check(FakePortal().on("app.info", refusal("x", "NO_AUTH_FOUND", 401)).door)


def test_the_connector_is_what_the_registry_expects() -> None:
    assert (CONNECTOR.vendor, CONNECTOR.title) == ("bitrix24", "Bitrix24")
    assert CONNECTOR.crm is not None
    assert CONNECTOR.oauth is not None
    assert CONNECTOR.pbx is None
