"""The employees, all of them or none, read by fast-bitrix24 through the hub's own way out."""

from __future__ import annotations

import logging
import socket
from urllib.parse import parse_qs

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.contract import CrmUser
from hub.domain.errors import AuthRevoked, DeliveryError, Paused, Rejected, Throttled, Unreachable
from hub.net.http import HttpAnswer
from tests.bitrix24.portal import NEW_TOKEN, Asked, FakePortal, by_webhook, redirect, refusal, reply

CRM = Bitrix24Crm()


def user(number: int, **more: object) -> dict[str, object]:
    return {"ID": str(number), "ACTIVE": True, "NAME": f"Name{number}", "LAST_NAME": "", "EMAIL": "", **more}


def crowd(count: int) -> FakePortal:
    """A portal with `count` users: 50 a page, further pages by `batch` as bitrix24.md §2.5 describes it."""
    everybody = [user(number) for number in range(1, count + 1)]

    def listed(_: Asked) -> HttpAnswer:
        more = {"next": 50} if count > 50 else {}
        return reply(everybody[:50], total=count, **more)

    def batched(asked: Asked) -> HttpAnswer:
        pages = {}
        for label, command in asked.params["cmd"].items():
            method, _, query = command.partition("?")
            start = int(parse_qs(query)["start"][0])
            assert method == "user.get"
            assert parse_qs(query)["FILTER[ACTIVE]"] == ["1"]
            pages[label] = everybody[start : start + 50]
        return reply({"result": pages, "result_error": [], "result_total": {}, "result_next": {}, "result_time": []})

    return FakePortal().on("user.get", listed).on("batch", batched)


def test_an_employee_is_read_with_extension_name_and_address() -> None:
    rows = [
        user(7, NAME="Анна", LAST_NAME="Иванова", EMAIL="anna@acme.example", UF_PHONE_INNER="101"),
        user(8, ACTIVE="Y", NAME=None, EMAIL="b@acme.example", UF_PHONE_INNER=" "),
        user(9, ACTIVE="N"),
        user(10, ACTIVE=False),
        {"ID": 11, "ACTIVE": 1},
    ]
    portal = FakePortal().on("user.get", reply(rows, total=5))
    assert list(CRM.users(portal.door)) == [
        CrmUser("7", "Анна Иванова", "101", True, "anna@acme.example"),
        CrmUser("8", "b@acme.example", None, True, "b@acme.example"),
        CrmUser("11", "11", None, True, None),
    ]
    (asked,) = portal.http.asked
    assert asked.params["FILTER"] == {"ACTIVE": 1}
    assert not asked.write


def test_a_large_portal_costs_two_requests() -> None:
    portal = crowd(2_000)
    users = CRM.users(portal.door)
    assert {one.user_id for one in users} == {str(number) for number in range(1, 2_001)}
    assert len(users) == 2_000
    assert portal.spent == ["user.get", "batch"]


@pytest.mark.parametrize("count", [1, 50, 51, 120])
def test_nobody_is_lost_between_pages(count: int) -> None:
    assert len(CRM.users(crowd(count).door)) == count


def test_a_list_that_is_cut_is_an_error_not_a_shorter_list() -> None:
    portal = crowd(120).on("batch", reply({"result": {"cmd0000000000": [user(51)]}, "result_error": []}))
    with pytest.raises(Unreachable, match="51 rows of 120"):
        CRM.users(portal.door)


def test_a_portal_that_hides_its_total_is_not_believed() -> None:
    portal = FakePortal().on("user.get", reply([user(n) for n in range(1, 51)], next=50))
    with pytest.raises(Unreachable, match="how many"):
        CRM.users(portal.door)


def test_a_list_in_a_shape_that_the_library_cannot_page_is_an_error() -> None:
    portal = FakePortal().on("user.get", reply({"1": user(1), "2": user(2)}, total=120))
    with pytest.raises(Unreachable, match="could not be read"):
        CRM.users(portal.door)


@pytest.mark.parametrize("answer", [reply([], total=0), reply([]), reply({}), reply(None), reply("x", total=3)])
def test_an_empty_directory_is_an_error(answer: HttpAnswer) -> None:
    with pytest.raises(Unreachable):
        CRM.users(FakePortal().on("user.get", answer).door)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refusal("x", "NO_AUTH_FOUND", 401), AuthRevoked),
        (refusal("x", "QUERY_LIMIT_EXCEEDED", 503), Throttled),
        (refusal("x", "insufficient_scope", 403), Paused),
        (HttpAnswer(502, {}, b"<html>"), Unreachable),
        (refusal("x"), Rejected),
        (redirect("https://evil.example/rest/user.get"), Paused),
    ],
)
def test_a_refusal_is_said_once_and_in_the_hubs_words(answer: HttpAnswer, kind: type[DeliveryError]) -> None:
    portal = FakePortal().on("user.get", answer)
    with pytest.raises(kind):
        CRM.users(portal.door)
    assert len(portal.http.asked) == 1


def test_a_batch_whose_commands_failed_is_an_error() -> None:
    failed = {"cmd0000000000": {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}}
    portal = crowd(120).on("batch", reply({"result": [], "result_error": failed}))
    with pytest.raises(Throttled):
        CRM.users(portal.door)


def test_a_dead_token_is_renewed_for_the_list_too() -> None:
    portal = FakePortal().on("user.get", refusal("x", "expired_token", 401), reply([user(1)], total=1))
    assert len(CRM.users(portal.door)) == 1
    assert portal.http.asked[-1].params["auth"] == NEW_TOKEN


def test_the_library_opens_no_connection_and_writes_no_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the library went out by itself")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    caplog.set_level(logging.DEBUG)
    assert len(CRM.users(crowd(120).door)) == 120
    assert "Name7" not in caplog.text


def test_a_webhook_lists_the_employees_too() -> None:
    portal = by_webhook().on("user.get", reply([user(1)], total=1))
    assert len(CRM.users(portal.door)) == 1
    assert portal.http.asked[0].url == "https://acme.bitrix24.ru/rest/7/hush/user.get"
