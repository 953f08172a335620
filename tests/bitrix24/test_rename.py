"""A portal that moved: where it may go, what proves it, and where a token never goes (bitrix24.md §2.8)."""

from __future__ import annotations

import pytest

from connectors.bitrix24.client import Portal
from hub.domain.errors import DeliveryError, Paused, Unreachable
from tests.bitrix24.portal import (
    MEMBER_ID,
    NEW_TOKEN,
    OLD_TOKEN,
    FakePortal,
    answer,
    by_webhook,
    redirect,
    refusal,
    reply,
)

DEAD = refusal("The access token provided has expired.", "expired_token", 401)
MOVED = redirect("https://acme-doors.bitrix24.ru/rest/crm.lead.update")


def write(portal: FakePortal) -> object:
    return Portal(portal.door).call("crm.lead.update", {"id": 1}, write=True)


def says(**install: object) -> FakePortal:
    usual = {"member_id": MEMBER_ID, "domain": "acme-doors.bitrix24.ru", **install}
    portal = FakePortal().on("app.info", answer({"result": {"client_id": "local.1", "install": usual}}))
    portal.on("acme.bitrix24.ru crm.lead.update", MOVED)
    portal.on("acme-doors.bitrix24.ru crm.lead.update", reply(True))
    return portal


def hosts_that_got_the_token(portal: FakePortal) -> set[str]:
    return {asked.host for asked in portal.http.asked if "auth" in asked.params or "auth=" in asked.url}


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_proven_move_replays_the_post_once_and_is_remembered(status: int) -> None:
    portal = says().on("acme.bitrix24.ru crm.lead.update", redirect("https://acme-doors.bitrix24.ru/rest/x", status))
    assert write(portal) is True
    last = portal.http.asked[-1]
    assert (last.verb, last.url) == ("POST", "https://acme-doors.bitrix24.ru/rest/crm.lead.update")
    assert last.params == {"id": 1, "auth": OLD_TOKEN}
    assert portal.remembered == {
        "domain": "acme-doors.bitrix24.ru",
        "client_endpoint": "https://acme-doors.bitrix24.ru/rest/",
    }
    assert portal.spent == ["crm.lead.update", "app.info", "crm.lead.update"]


def test_the_next_call_of_the_same_work_goes_to_the_new_address_at_once() -> None:
    portal = says()
    client = Portal(portal.door)
    for _ in range(2):
        client.call("crm.lead.update", {}, write=True)
    assert portal.methods == ["crm.lead.update", "app.info", "crm.lead.update", "crm.lead.update"]
    assert client.host == "acme-doors.bitrix24.ru"


def test_the_auth_servers_client_endpoint_proves_as_well_as_its_domain() -> None:
    portal = says(domain="", client_endpoint="https://acme-doors.bitrix24.ru/rest/")
    assert write(portal) is True


@pytest.mark.parametrize(
    "install",
    [
        {"member_id": "ffffffffffffffffffffffffffffffff"},
        {"member_id": ""},
        {"domain": "another.bitrix24.ru"},
        {"domain": None},
    ],
)
def test_an_unproven_move_pauses_and_the_new_host_gets_nothing(install: dict[str, object]) -> None:
    portal = says(**install)
    with pytest.raises(Paused, match=r"acme-doors\.bitrix24\.ru"):
        write(portal)
    assert hosts_that_got_the_token(portal) == {"acme.bitrix24.ru", "oauth.bitrix.example"}
    assert portal.remembered == {}


def test_a_token_of_another_application_proves_nothing() -> None:
    portal = says()
    installed = {"member_id": MEMBER_ID, "domain": "acme-doors.bitrix24.ru"}
    portal.on("app.info", answer({"result": {"client_id": "local.other", "install": installed}}))
    with pytest.raises(Paused, match="another application"):
        write(portal)


@pytest.mark.parametrize(
    "location",
    [
        "https://bitrix24.ru.evil.example/rest/",
        "https://acme.bitrix24.evil.example/rest/",
        "https://acme-bitrix24.ru/rest/",
        "https://acme.bitrix24.ru:8443/rest/",
        "http://acme-doors.bitrix24.ru/rest/",
        "https://acme.bitrix24.ru@evil.example/rest/",
        "https://user@acme-doors.bitrix24.ru/rest/",
        "ftp://acme-doors.bitrix24.ru/",
        "https://127.0.0.1/rest/",
    ],
)
def test_a_cloud_portal_moves_nowhere_but_in_the_cloud(location: str) -> None:
    portal = says().on("acme.bitrix24.ru crm.lead.update", redirect(location))
    with pytest.raises(Paused):
        write(portal)
    assert portal.methods == ["crm.lead.update"]


@pytest.mark.parametrize("location", ["/auth/", "", "https://acme.bitrix24.ru/login/"])
def test_a_redirect_within_the_portal_is_no_move(location: str) -> None:
    portal = says().on("acme.bitrix24.ru crm.lead.update", redirect(location))
    with pytest.raises(Unreachable):
        write(portal)
    assert portal.methods == ["crm.lead.update"]


def test_a_second_redirect_is_not_followed() -> None:
    portal = says().on("acme-doors.bitrix24.ru crm.lead.update", redirect("https://third.bitrix24.ru/rest/"))
    with pytest.raises(Paused, match="further"):
        write(portal)
    assert "third.bitrix24.ru" not in {asked.host for asked in portal.http.asked}


def test_a_dead_token_is_renewed_before_the_move_is_proven() -> None:
    portal = says()
    portal.http.replies["app.info"].insert(0, DEAD)
    assert write(portal) is True
    assert portal.http.asked[-1].params["auth"] == NEW_TOKEN


@pytest.mark.parametrize("trouble", [redirect("https://elsewhere.example/"), refusal("", "", 502)])
def test_an_auth_server_that_cannot_be_asked_leaves_the_write_unsent(trouble: object) -> None:
    portal = says().on("app.info", trouble)  # type: ignore[arg-type]
    with pytest.raises(Unreachable):
        write(portal)
    assert portal.remembered == {}


def test_a_portal_of_ones_own_may_move_when_the_auth_server_proves_it() -> None:
    portal = FakePortal()
    portal.settings |= {"client_endpoint": "http://127.0.0.1:9201/rest/", "domain": "127.0.0.1:9201"}
    installed = {"member_id": MEMBER_ID, "domain": "127.0.0.1:9203"}
    portal.on("app.info", answer({"result": {"install": installed}}))
    portal.on("127.0.0.1:9201 crm.lead.update", redirect("http://127.0.0.1:9203/rest/crm.lead.update"))
    portal.on("127.0.0.1:9203 crm.lead.update", reply(True))
    assert write(portal) is True
    assert portal.remembered["client_endpoint"] == "http://127.0.0.1:9203/rest/"


def test_a_webhook_cannot_prove_a_move() -> None:
    portal = by_webhook().on("crm.lead.update", MOVED)
    with pytest.raises(Paused, match="acme-doors"):
        write(portal)
    assert len(portal.http.asked) == 1


def test_a_connection_without_member_id_proves_nothing() -> None:
    portal = says(member_id="")
    portal.settings["member_id"] = ""
    with pytest.raises(Paused):
        write(portal)


def test_what_went_wrong_never_names_token_or_secret() -> None:
    troubles: list[DeliveryError] = []
    for portal in (says(member_id="x"), says().on("app.info", refusal("", "", 502)), FakePortal().on("*", DEAD)):
        portal.http.replies.setdefault("crm.lead.update", [DEAD])
        with pytest.raises(DeliveryError) as caught:
            write(portal)
        troubles.append(caught.value)
    for trouble in troubles:
        for secret in (OLD_TOKEN, NEW_TOKEN, "sesame", "hush"):
            assert secret not in f"{trouble.message}{trouble.hint}{trouble!r}"
