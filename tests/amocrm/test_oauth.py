"""A new pair, a lost answer, and an account that was renamed (amocrm.md §1.5 to §1.8)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.amocrm.client import Account
from connectors.amocrm.hosts import is_account, moved_base, shared_api
from connectors.amocrm.oauth import AmocrmOAuth
from hub.domain.access import AccessToken, TokenPair
from hub.domain.errors import AuthRevoked, DeliveryError, OutcomeUnknown, Throttled, Unreachable
from hub.net.http import HttpAnswer
from tests.amocrm.account import Asked, Reply, answer, problem
from tests.amocrm.story import NOW, FakeTokens, Hub
from tests.amocrm.test_client import jwt

TOKEN, SUBDOMAIN = "POST /oauth2/access_token", "GET /oauth2/account/current/subdomain"
PAIR = answer({"token_type": "Bearer", "expires_in": 86400, "access_token": "A2", "refresh_token": "R2"})
REVOKED = problem(401, "…", hint="Token has been revoked")
RENAMED = answer({"id": 555, "subdomain": "newname", "domain": "newname.amocrm.ru", "top_level_domain": "ru"})


def hub_with(*replies: Reply, **settings: object) -> Hub:
    hub = Hub()
    hub.secrets["redirect_uri"] = "https://hub.example/amocrm/callback"
    hub.settings |= settings
    hub.account.on(TOKEN, *replies)
    return hub


def refresh(hub: Hub) -> TokenPair:
    return AmocrmOAuth(hub.memory).refresh(hub.door, "R1")


class RefreshingTokens(FakeTokens):
    """Tokens whose renewal asks the token endpoint, as the hub's do."""

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def renewed(self, stale: AccessToken) -> AccessToken:
        refresh(self._hub)
        return super().renewed(stale)


def test_the_refresh_is_json_with_the_redirect_uri_and_without_a_bearer() -> None:
    hub = hub_with(PAIR)
    pair = refresh(hub)
    (asked,) = hub.account.asked
    assert asked.body == {
        "client_id": "abc",
        "client_secret": "sesame",
        "grant_type": "refresh_token",
        "refresh_token": "R1",
        "redirect_uri": "https://hub.example/amocrm/callback",
    }
    assert asked.url == "https://acme.amocrm.ru/oauth2/access_token"
    assert "Authorization" not in asked.headers
    assert (pair.access, pair.refresh, pair.expires_at) == ("A2", "R2", NOW + timedelta(days=1))


def test_a_lost_answer_is_asked_for_once_more_with_the_same_token() -> None:
    hub = hub_with(OutcomeUnknown("cut"), PAIR)
    assert refresh(hub).refresh == "R2"
    assert [asked.body["refresh_token"] for asked in hub.account.asked] == ["R1", "R1"]


def test_each_try_of_a_refresh_is_taken_from_the_budget() -> None:
    hub = hub_with(OutcomeUnknown("cut"), PAIR)
    refresh(hub)
    assert hub.spent == ["oauth2/access_token"] * 2


def test_a_third_try_is_not_made() -> None:
    hub = hub_with(OutcomeUnknown("cut"), OutcomeUnknown("cut"), PAIR)
    with pytest.raises(OutcomeUnknown):
        refresh(hub)
    assert len(hub.account.asked) == 2


def test_an_answer_that_took_too_long_is_left_to_the_next_time() -> None:
    hub = hub_with()

    def slow(_: Asked) -> HttpAnswer:
        hub.now += timedelta(seconds=20)
        raise OutcomeUnknown("silence")

    hub.account.on(TOKEN, slow, PAIR)
    with pytest.raises(OutcomeUnknown):
        refresh(hub)
    assert len(hub.account.asked) == 1


@pytest.mark.parametrize(
    ("reply", "raised", "hint"),
    [
        (REVOKED, AuthRevoked, "again"),
        (problem(401, "", title="invalid client"), AuthRevoked, "client_secret"),
        (problem(400, "", hint="Check the `redirect_uri` parameter"), AuthRevoked, "redirect_uri"),
        (problem(400, "", hint="Authorization code has expired"), AuthRevoked, "again"),
        (HttpAnswer(404, {}, b""), AuthRevoked, "again"),
        (problem(402), Unreachable, "by itself"),
        (problem(403), Unreachable, "by itself"),
        (HttpAnswer(302, {"location": "https://evil.example"}, b""), Unreachable, "by itself"),
        (problem(500), OutcomeUnknown, "by itself"),
        (HttpAnswer(200, {}, b"<html>"), OutcomeUnknown, "by itself"),
        (answer({"access_token": "A2"}), OutcomeUnknown, "by itself"),
    ],
)
def test_what_the_log_in_says(reply: HttpAnswer, raised: type[DeliveryError], hint: str) -> None:
    with pytest.raises(raised) as caught:
        refresh(hub_with(reply))
    assert hint in caught.value.hint
    assert "sesame" not in str(caught.value)


def test_a_log_in_that_is_asked_too_fast_waits() -> None:
    with pytest.raises(Throttled) as caught:
        refresh(hub_with(problem(429, retry_after=9)))
    assert caught.value.until == NOW + timedelta(seconds=9)


def test_a_new_token_says_where_to_ask_for_a_renamed_account() -> None:
    token = jwt(api_domain="api-b.amocrm.ru")
    pair = refresh(hub_with(answer({"access_token": token, "refresh_token": "R2", "expires_in": "86400"})))
    assert pair.extra == {"api_domain": "api-b.amocrm.ru"}


# --- Renamed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [HttpAnswer(404, {}, b""), REVOKED, HttpAnswer(301, {}, b"")])
def test_a_renamed_account_is_found_by_the_refresh_token_and_refreshed_there(gone: HttpAnswer) -> None:
    hub = hub_with(gone, PAIR, api_domain="api-b.amocrm.ru")
    hub.account.on(SUBDOMAIN, RENAMED)
    assert refresh(hub).extra == {"base_url": "https://newname.amocrm.ru"}
    assert [asked.url for asked in hub.account.asked] == [
        "https://acme.amocrm.ru/oauth2/access_token",
        "https://api-b.amocrm.ru/oauth2/account/current/subdomain",
        "https://newname.amocrm.ru/oauth2/access_token",
    ]
    assert hub.account.asked[1].headers["X-Refresh-Token"] == "R1"
    assert hub.account.asked[2].body["refresh_token"] == "R1"


@pytest.mark.parametrize("reply", [problem(401), HttpAnswer(302, {}, b""), HttpAnswer(404, {}, b"<html>")])
def test_work_under_way_goes_on_at_the_new_address(reply: HttpAnswer) -> None:
    hub = hub_with(HttpAnswer(404, {}, b""), PAIR, api_domain="api-b.amocrm.ru")
    hub.account.on(SUBDOMAIN, RENAMED).on("GET /api/v4/account", reply, answer({"id": 555}))
    hub.tokens = RefreshingTokens(hub)
    assert Account(hub.door, hub.memory).read("account") == {"id": 555}
    assert hub.account.asked[-1].url == "https://newname.amocrm.ru/api/v4/account"


@pytest.mark.parametrize(
    "says",
    [
        answer({"domain": "evil.example"}),
        answer({"domain": "newname.amocrm.ru.evil.example"}),
        answer({"domain": "newname.kommo.com"}),
        answer({"domain": "user@evil.example"}),
        answer({"domain": "www.amocrm.ru"}),
        answer({}),
        problem(401),
        Unreachable("down"),
    ],
)
def test_no_secret_goes_to_an_address_that_is_not_proven(says: Reply) -> None:
    hub = hub_with(HttpAnswer(404, {}, b""), PAIR, api_domain="api-b.amocrm.ru")
    hub.account.on(SUBDOMAIN, says)
    with pytest.raises(AuthRevoked):
        refresh(hub)
    assert len(hub.account.calls(TOKEN)) == 1


@pytest.mark.parametrize(
    "domain", ["", "evil.example", "api-b.amocrm.ru.evil.example", "acme.amocrm.ru", "api-b.kommo.com"]
)
def test_the_refresh_token_is_shown_to_the_vendors_shared_host_only(domain: str) -> None:
    hub = hub_with(REVOKED, api_domain=domain)
    with pytest.raises(AuthRevoked):
        refresh(hub)
    assert hub.account.calls(SUBDOMAIN) == []


def test_a_stand_in_may_change_its_port_and_nothing_else() -> None:
    base = "http://127.0.0.1:9301"
    assert moved_base(base, "127.0.0.1:9302") == "http://127.0.0.1:9302"
    assert shared_api(base, "") == base
    for domain in ("evil.example", "127.0.0.2:9301", "acme.amocrm.ru", "", "127.0.0.1:9301/x", "a@127.0.0.1:9301"):
        assert moved_base(base, domain) is None, domain


@pytest.mark.parametrize("host", ["acme.amocrm.ru", "acme.amocrm.com", "a-1.kommo.com"])
def test_accounts_live_with_the_vendor(host: str) -> None:
    assert is_account(host)
    assert not is_account(f"{host}.evil.example")
    assert not is_account(f"evil.example/{host}")
