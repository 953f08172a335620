"""Users and dictionaries, read by amocrm-api through our own way out."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from connectors.amocrm import reference
from connectors.amocrm.client import Account
from connectors.amocrm.crm import check
from connectors.amocrm.readers import listed
from connectors.contract import CrmUser
from hub.domain.errors import Rejected, Throttled, Unreachable
from tests.amocrm.account import NOTHING, Reply, answer, problem
from tests.amocrm.story import API, Hub, call

USERS = f"GET {API}/users"
ANNA = {"id": 5, "name": "Anna", "email": "anna@acme.example", "rights": {"is_active": True}}
GONE = {"id": 8, "name": "", "email": "b@acme.example", "rights": {"is_active": False}, "phone_number": "102"}


def page(*users: object, more: bool = False) -> Reply:
    links = {"next": {"href": "…"}} if more else {}
    return answer({"_links": links, "_embedded": {"users": list(users)}})


def users(*replies: Reply) -> tuple[Hub, list[CrmUser]]:
    hub = Hub()
    hub.account.on(USERS, *replies)
    return hub, list(hub.crm.users(hub.door))


def test_every_page_of_users_is_read_with_our_token_and_budget() -> None:
    hub, found = users(page(ANNA, more=True), page(GONE))
    assert found == [
        CrmUser("5", "Anna", None, True, "anna@acme.example"),
        CrmUser("8", "b@acme.example", "102", False, "b@acme.example"),
    ]
    assert [asked.query["page"] for asked in hub.account.asked] == [["1"], ["2"]]
    assert [asked.query["limit"] for asked in hub.account.asked] == [["250"], ["250"]]
    assert {asked.headers["Authorization"] for asked in hub.account.asked} == {"Bearer old"}
    assert hub.spent == ["users", "users"]


def test_a_next_page_that_is_empty_is_the_end() -> None:
    _, found = users(page(ANNA, more=True), NOTHING)
    assert [user.user_id for user in found] == ["5"]


def test_a_long_phone_number_is_no_extension() -> None:
    _, found = users(page({**ANNA, "phone_number": "+79001112233"}))
    assert found[0].extension is None


@pytest.mark.parametrize(
    ("replies", "raised"),
    [
        ([NOTHING], Unreachable),
        ([page(ANNA, more=True), problem(503)], Unreachable),
        ([page(ANNA, more=True), problem(429)], Throttled),
        ([problem(403, "Admins only")], Rejected),
        ([answer({"_embedded": {}})], Unreachable),
        ([answer([])], Unreachable),
    ],
)
def test_a_list_that_is_not_whole_is_an_error_and_no_shorter_list(
    replies: list[Reply], raised: type[Exception]
) -> None:
    with pytest.raises(raised):
        users(*replies)


def test_a_list_that_does_not_end_is_given_up() -> None:
    hub = Hub()
    hub.account.on(USERS, *[page(ANNA, more=True)] * 500)
    with pytest.raises(Unreachable, match="does not end"):
        hub.crm.users(hub.door)


def test_the_library_logs_nothing_and_keeps_no_session() -> None:
    users(page(ANNA))
    assert logging.getLogger("amocrm").handlers == []
    from amocrm.v2 import interaction, tokens

    assert tokens.default_token_manager._storage is None
    assert interaction._session.cookies.get_dict() == {}


def test_the_library_cannot_write() -> None:
    from connectors.amocrm.readers import _Session

    with pytest.raises(AssertionError):
        _Session(Account(Hub().door)).request("post", url="contacts", json=[{}])


def test_pipelines_know_their_incoming_status_and_closed_ones_are_closed() -> None:
    hub = Hub()
    (found,) = reference.pipelines(Account(hub.door))
    assert (found.id, found.is_main, found.takes_incoming, found.incoming_status_id) == ("31", True, True, "49")
    assert set(found.status_ids) >= reference.CLOSED_STATUSES


def test_an_archived_pipeline_is_none() -> None:
    hub = Hub()
    rows = [{"id": 1, "is_archive": True}, {"id": 2, "is_archive": False}]
    hub.account.on(f"GET {API}/leads/pipelines", answer({"_embedded": {"pipelines": rows}}))
    assert [one.id for one in reference.pipelines(Account(hub.door))] == ["2"]


def test_dictionaries_are_read_again_after_a_while() -> None:
    hub = Hub()
    for _ in range(3):
        reference.lead_field_codes(Account(hub.door, hub.memory))
    hub.now += timedelta(minutes=16)
    hub.account.codes = ("UTM_SOURCE",)
    assert reference.lead_field_codes(Account(hub.door, hub.memory)) == {"UTM_SOURCE"}
    assert len(hub.account.asked) == 2


def test_task_types_come_with_the_account() -> None:
    hub = Hub()
    types = {"_embedded": {"task_types": [{"id": 1, "name": "Call"}, {"id": 77, "name": "Ours"}]}}
    hub.account.on(f"GET {API}/account", answer(types))
    assert reference.task_types(Account(hub.door)) == (("1", "Call"), ("77", "Ours"))
    assert hub.account.asked[0].query == {"with": ["task_types"]}


def test_a_call_of_nobody_is_put_on_whom_the_connection_acts_as() -> None:
    hub = Hub()
    account = Account(hub.door, hub.memory)
    facts = call(user_id=None, extension=None)
    assert reference.settings_for(facts, account).default_user_id == "5"
    assert reference.settings_for(facts, account).default_user_id == "5"
    assert len(hub.account.asked) == 1


def test_an_account_that_does_not_say_who_it_is_leaves_the_call_without_a_person() -> None:
    hub = Hub()
    hub.account.on(f"GET {API}/account", problem(403))
    assert reference.settings_for(call(user_id=None), Account(hub.door)).default_user_id is None


def test_the_check_is_one_harmless_read() -> None:
    hub = Hub()
    assert check(hub.door) == "acme.amocrm.ru answers; the account is «Acme»."
    assert hub.account.calls() == [f"GET {API}/account"]


def test_rows_that_are_no_rows_are_left_out() -> None:
    hub = Hub()
    hub.account.on(USERS, page(ANNA, "nobody", {"name": "no id"}))
    assert [user.user_id for user in hub.crm.users(hub.door)] == ["5"]
    hub.account.on(USERS, page(ANNA))
    assert listed(Account(hub.door), "users", "users") == [ANNA]
