"""The way to an account: what is sent, what is sent again, and where a token never goes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.amocrm.client import Account
from connectors.contract import Json
from hub.domain.errors import (
    AuthRevoked,
    DeliveryError,
    OutcomeUnknown,
    OverBudget,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer
from tests.amocrm.account import NOTHING, Reply, answer, problem
from tests.amocrm.story import API, BASE, NOW, Hub

POST = f"POST {API}/tasks"
GET = f"GET {API}/account"
FINE = answer({"_embedded": {"tasks": [{"id": 1}]}})
DEAD = problem(401, "Unauthorized")
HTML = HttpAnswer(404, {"content-type": "text/html"}, b"<html>no such account</html>")


def write(hub: Hub) -> Json:
    return Account(hub.door, hub.memory).write("POST", "tasks", [{"text": "Call back"}])


def read(hub: Hub) -> Json:
    return Account(hub.door, hub.memory).read("account")


def long_lived() -> Hub:
    return Hub(settings={"auth": "long_lived", "base_url": BASE}, secrets={"access_token": "for-years"})


def bearers(hub: Hub) -> list[str]:
    return [asked.headers["Authorization"] for asked in hub.account.asked]


def test_a_write_is_an_array_with_the_token_in_the_header_and_nowhere_else() -> None:
    hub = Hub(account=Hub().account.on(POST, FINE))
    write(hub)
    (asked,) = hub.account.asked
    assert (asked.url, asked.body, asked.write) == (f"{BASE}/api/v4/tasks", [{"text": "Call back"}], True)
    assert asked.headers["Authorization"] == "Bearer old"
    assert hub.spent == ["tasks"]


def test_nulls_are_never_sent() -> None:
    hub = Hub()
    hub.account.on(POST, FINE)
    Account(hub.door).write("POST", "tasks", [{"link": None, "params": {"uniq": "1", "call_status": None}}])
    assert hub.account.bodies(POST) == [[{"params": {"uniq": "1"}}]]


def test_ids_in_paths_are_not_methods_of_their_own() -> None:
    hub = Hub()
    Account(hub.door).read("leads/77/notes", {"filter[note_type][]": ["call_in"]})
    assert hub.spent == ["leads/id/notes"]


@pytest.mark.parametrize(
    "reply", [NOTHING, problem(404, "Not found"), HttpAnswer(404, {}, b""), HttpAnswer(200, {}, b"")]
)
def test_nothing_found_is_none(reply: HttpAnswer) -> None:
    hub = Hub()
    hub.account.on(GET, reply)
    assert read(hub) is None


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_success_is_one_even_without_a_body(status: int) -> None:
    hub = Hub()
    hub.account.on(POST, HttpAnswer(status, {}, b""))
    assert write(hub) is None


def test_a_success_that_cannot_be_read_is_an_unknown_outcome_of_a_write_only() -> None:
    hub = Hub()
    hub.account.on(POST, HttpAnswer(200, {}, b"<html>")).on(GET, HttpAnswer(200, {}, b"{"))
    with pytest.raises(OutcomeUnknown):
        write(hub)
    with pytest.raises(Unreachable):
        read(hub)


# --- A dead token ---------------------------------------------------------------------------------


def test_a_dead_token_is_renewed_once_and_the_request_repeated_once() -> None:
    hub = Hub()
    hub.account.on(POST, DEAD, FINE)
    write(hub)
    assert bearers(hub) == ["Bearer old", "Bearer new"]
    assert hub.spent == ["tasks"] * 2


def test_a_second_401_asks_for_a_person() -> None:
    hub = Hub()
    hub.account.on(POST, DEAD, DEAD)
    with pytest.raises(AuthRevoked):
        write(hub)
    assert (len(hub.account.asked), hub.tokens.renewals) == (2, 1)


def test_a_long_lived_token_that_died_asks_for_a_new_one() -> None:
    hub = long_lived()
    hub.account.on(GET, DEAD)
    with pytest.raises(AuthRevoked) as caught:
        read(hub)
    assert "long-lived" in caught.value.hint
    assert (len(hub.account.asked), hub.tokens.renewals) == (1, 0)


def test_a_long_lived_token_is_sent_as_it_is() -> None:
    hub = long_lived()
    read(hub)
    assert bearers(hub) == ["Bearer for-years"]


@pytest.mark.parametrize(
    ("trouble", "raised"), [(OutcomeUnknown("silent"), Unreachable), (AuthRevoked("gone"), AuthRevoked)]
)
def test_trouble_with_the_refresh_is_none_of_the_write(trouble: DeliveryError, raised: type[Exception]) -> None:
    hub = Hub()
    hub.account.on(POST, DEAD)
    hub.tokens.trouble = trouble
    with pytest.raises(raised):
        write(hub)


@pytest.mark.parametrize("trouble", [problem(500), problem(503), problem(504), OutcomeUnknown("cut"), problem(429)])
def test_nothing_but_a_dead_token_is_ever_sent_again(trouble: Reply) -> None:
    hub = Hub()
    hub.account.on(POST, trouble, FINE)
    with pytest.raises(DeliveryError):
        write(hub)
    assert len(hub.account.asked) == 1


# --- An account that moved ------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [HttpAnswer(301, {"location": "https://evil.example/"}, b""), HTML])
def test_a_redirect_is_never_followed(reply: HttpAnswer) -> None:
    hub = Hub()
    hub.account.on(POST, reply, reply)
    with pytest.raises(Unreachable):
        write(hub)
    assert {asked.url for asked in hub.account.asked} == {f"{BASE}/api/v4/tasks"}


def test_a_long_lived_connection_that_is_redirected_is_paused() -> None:
    hub = long_lived()
    hub.account.on(GET, HttpAnswer(302, {"location": "https://newname.amocrm.ru/"}, b""))
    with pytest.raises(Paused) as caught:
        read(hub)
    assert "base_url" in caught.value.hint


def test_a_connection_without_an_address_asks_for_it() -> None:
    with pytest.raises(AuthRevoked, match="address"):
        Account(Hub(settings={}).door)


# --- Hints in the token ---------------------------------------------------------------------------


def jwt(**claims: object) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.sig"


def test_the_token_says_once_where_to_ask_for_a_renamed_account() -> None:
    hub = Hub()
    hub.tokens.values = [jwt(api_domain="api-b.amocrm.ru", account_id=555), "new"]
    read(hub)
    assert hub.settings["api_domain"] == "api-b.amocrm.ru"


@pytest.mark.parametrize("token", ["opaque", "a.b.c", "a.!.c", jwt(), jwt(api_domain=5), jwt(api_domain="x" * 300)])
def test_a_token_that_says_nothing_changes_nothing(token: str) -> None:
    hub = Hub()
    hub.tokens.values = [token, "new"]
    read(hub)
    assert "api_domain" not in hub.settings


# --- Budget ---------------------------------------------------------------------------------------


def test_no_request_leaves_without_budget() -> None:
    hub = Hub()

    def refuse(method: str) -> None:
        raise OverBudget(f"no budget for {method}", until=NOW)

    with pytest.raises(Throttled):
        Account(replace(hub.door, spend=refuse)).read("account")
    assert hub.account.asked == []


def test_work_that_has_begun_waits_a_moment_for_its_next_request() -> None:
    hub = Hub()
    refusals = iter([False, True, True, False])

    def spend(method: str) -> None:
        if next(refusals):
            raise OverBudget("wait", until=NOW + timedelta(milliseconds=10))

    account = Account(replace(hub.door, spend=spend))
    account.read("account")
    account.read("account")
    assert len(hub.account.asked) == 2


def test_work_that_has_begun_does_not_wait_for_long() -> None:
    hub = Hub()
    refusals = iter([False, True])

    def spend(method: str) -> None:
        if next(refusals):
            raise OverBudget("wait", until=NOW + timedelta(seconds=60))

    account = Account(replace(hub.door, spend=spend))
    account.read("account")
    with pytest.raises(OverBudget):
        account.read("account")


# --- Blocked --------------------------------------------------------------------------------------


def test_a_403_after_429s_is_a_block_and_not_a_lack_of_rights() -> None:
    hub = Hub()
    hub.account.on(POST, problem(429, "slow down"), problem(403, "Forbidden"))
    for _ in range(2):
        with pytest.raises(Throttled) as caught:
            write(hub)
    assert caught.value.until == NOW + timedelta(minutes=15)


def test_a_403_long_after_a_429_is_a_lack_of_rights() -> None:
    hub = Hub()
    hub.account.on(POST, problem(429), problem(403, "Forbidden"))
    with pytest.raises(Throttled):
        write(hub)
    hub.now += timedelta(minutes=16)
    with pytest.raises(Rejected, match="Forbidden"):
        write(hub)
