"""The way to a portal: what is sent, what is sent again, and where a token never goes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from connectors.bitrix24.client import Portal
from hub.domain.errors import AuthRevoked, OutcomeUnknown, Throttled, Unreachable
from tests.bitrix24.portal import (
    NEW_TOKEN,
    OLD_TOKEN,
    FakePortal,
    by_webhook,
    refusal,
    reply,
)

DEAD = refusal("The access token provided has expired.", "expired_token", 401)


def write(portal: FakePortal) -> object:
    return Portal(portal.door).call("crm.lead.update", {"id": 1}, write=True)


def test_a_call_is_json_with_the_token_in_the_body() -> None:
    portal = FakePortal().on("crm.lead.update", reply(True))
    assert write(portal) is True
    (asked,) = portal.http.asked
    assert (asked.verb, asked.url) == ("POST", "https://acme.bitrix24.ru/rest/crm.lead.update")
    assert asked.params == {"id": 1, "auth": OLD_TOKEN}
    assert asked.write
    assert portal.spent == ["crm.lead.update"]


def test_token_that_was_replaced_while_the_call_was_under_way_is_not_taken_for_revoked() -> None:
    portal = FakePortal()
    spend = portal.door.spend

    def another_worker_refreshes(method: str) -> None:
        spend(method)
        portal.tokens.renewals = 1

    portal.on("crm.lead.update", refusal("unknown token", "NO_AUTH_FOUND", 401), reply(True))
    door = replace(portal.door, spend=another_worker_refreshes)
    assert Portal(door).call("crm.lead.update", {"id": 1}, write=True) is True
    assert [asked.params["auth"] for asked in portal.http.asked] == [OLD_TOKEN, NEW_TOKEN]


def test_a_webhook_carries_no_token() -> None:
    portal = by_webhook().on("crm.lead.update", reply(True))
    write(portal)
    (asked,) = portal.http.asked
    assert asked.url == "https://acme.bitrix24.ru/rest/7/hush/crm.lead.update"
    assert asked.params == {"id": 1}


def test_a_webhook_without_its_address_asks_for_it() -> None:
    portal = by_webhook()
    portal.secrets = {}
    with pytest.raises(AuthRevoked, match="webhook"):
        Portal(portal.door)


def test_no_request_leaves_without_budget() -> None:
    portal = FakePortal().on("crm.lead.update", reply(True))

    def refuse(method: str) -> None:
        raise Throttled(f"no budget for {method}")

    with pytest.raises(Throttled):
        Portal(replace(portal.door, spend=refuse)).call("crm.lead.update", {}, write=True)
    assert portal.http.asked == []


# --- A dead token -----------------------------------------------------------------------------------


def test_a_dead_token_is_renewed_and_the_call_repeated_once() -> None:
    portal = FakePortal().on("crm.lead.update", DEAD, reply(True))
    assert write(portal) is True
    assert [params["auth"] for params in portal.params("crm.lead.update")] == [OLD_TOKEN, NEW_TOKEN]
    assert portal.spent == ["crm.lead.update"] * 2


def test_a_second_dead_token_ends_the_try_without_a_third() -> None:
    portal = FakePortal().on("crm.lead.update", DEAD)
    with pytest.raises(Unreachable):
        write(portal)
    assert len(portal.http.asked) == 2
    assert portal.tokens.renewals == 1


@pytest.mark.parametrize("code", ["NO_AUTH_FOUND", "invalid_token"])
def test_other_401s_are_not_refreshed(code: str) -> None:
    portal = FakePortal().on("crm.lead.update", refusal("x", code, 401))
    with pytest.raises(AuthRevoked):
        write(portal)
    assert (len(portal.http.asked), portal.tokens.renewals) == (1, 0)


def test_an_unknown_outcome_of_the_refresh_is_none_of_the_write() -> None:
    portal = FakePortal().on("crm.lead.update", DEAD)
    portal.tokens.trouble = OutcomeUnknown("the auth server fell silent")
    with pytest.raises(Unreachable, match="fell silent"):
        write(portal)


def test_a_refused_refresh_is_said_as_it_is() -> None:
    portal = FakePortal().on("crm.lead.update", DEAD)
    portal.tokens.trouble = AuthRevoked("reconnect")
    with pytest.raises(AuthRevoked, match="reconnect"):
        write(portal)


@pytest.mark.parametrize("trouble", [refusal("x", "INTERNAL_SERVER_ERROR", 500), OutcomeUnknown("cut")])
def test_a_write_that_may_have_happened_is_never_sent_again(trouble: object) -> None:
    portal = FakePortal().on("crm.lead.update", trouble)  # type: ignore[arg-type]
    with pytest.raises(OutcomeUnknown):
        write(portal)
    assert len(portal.http.asked) == 1
