"""Rudeness on command, and what the ledger says about it afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import urllib3

from simulators.bitrix24 import Bitrix24Simulator, ManualClock
from tests.simulators.bitrix24_talk import REGISTER, Talk, token_request

ADD = "crm.lead.add"
FIELDS = {"fields": {"TITLE": "x", "ASSIGNED_BY_ID": 7}}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def portal(clock: ManualClock) -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


def test_error_before_leaves_nothing_and_error_after_leaves_the_lead(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("error_before", ADD)
    assert talk.refused(ADD, FIELDS)[:2] == (500, "INTERNAL_SERVER_ERROR")
    assert portal.leads() == []
    portal.faults.add("error_after", ADD)
    assert talk.refused(ADD, FIELDS)[0] == 500
    assert len(portal.leads()) == 1
    assert [(one.status, one.executed) for one in portal.ledger.requests(ADD)] == [(500, False), (500, True)]
    talk.ok(ADD, FIELDS)


@pytest.mark.parametrize(("kind", "leads"), [("drop_after", 1), ("drop_before", 0)])
def test_connection_is_closed_without_a_byte(portal: Bitrix24Simulator, talk: Talk, kind: str, leads: int) -> None:
    portal.faults.add(kind, ADD)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        talk.ask(ADD, FIELDS)
    assert len(portal.leads()) == leads
    (entry,) = portal.ledger.requests(ADD)
    assert (entry.status, entry.executed) == (None, bool(leads))


def test_delay_makes_the_answer_wait_and_lets_others_pass(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("delay", ADD, seconds=1.5)
    begun = time.monotonic()
    slow = threading.Thread(target=lambda: talk.ok(ADD, FIELDS))
    slow.start()
    Talk(portal).ok("profile")
    assert slow.is_alive()
    slow.join()
    assert time.monotonic() - begun >= 1.5


def test_gateway_answers_in_html(portal: Bitrix24Simulator) -> None:
    portal.faults.add("html_502")
    answer = urllib3.request(
        "POST", portal.client_endpoint + "profile", json={"auth": portal.access_token}, retries=False
    )
    assert (answer.status, answer.headers["Content-Type"]) == (502, "text/html")


def test_error_may_come_with_200_or_without_a_code(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("ok_with_error", ADD, code="wrong_client", description="Wrong client")
    assert talk.refused(ADD, FIELDS) == (200, "wrong_client", "Wrong client")
    portal.faults.add("empty_error", ADD, description="Access denied.")
    assert talk.refused(ADD, FIELDS) == (400, "", "Access denied.")
    portal.faults.add("error_before", ADD, status=403, code="ACCESS_DENIED", description="Only on commercial plans")
    assert talk.refused(ADD, FIELDS)[:2] == (403, "ACCESS_DENIED")


def test_redirect_leads_to_another_host(portal: Bitrix24Simulator) -> None:
    portal.faults.add("redirect", "profile", location="http://127.0.0.1:1/rest/profile")
    answer = urllib3.request("POST", portal.client_endpoint + "profile", redirect=False)
    assert (answer.status, answer.headers["Location"]) == (302, "http://127.0.0.1:1/rest/profile")


def test_throttle_lasts_for_its_seconds(portal: Bitrix24Simulator, talk: Talk, clock: ManualClock) -> None:
    fault = portal.faults.add("throttle", seconds=10)
    assert [talk.refused("profile")[:2] for _ in range(3)] == [(503, "QUERY_LIMIT_EXCEEDED")] * 3
    clock.advance(10)
    assert talk.ok("profile")
    assert fault.hits == 3


def test_operating_fault_is_429_for_one_method(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("operating", ADD, times=None)
    assert talk.refused(ADD, FIELDS)[:2] == (429, "OPERATION_TIME_LIMIT")
    assert talk.ok("profile")
    portal.faults.clear()
    assert talk.ok(ADD, FIELDS)


def test_counter_and_skip_choose_the_requests(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("error_before", "crm.*", times=2, skip=1)
    assert [talk.ask("crm.lead.list")[0] for _ in range(4)] == [200, 500, 500, 200]


def test_fault_reaches_its_method_inside_a_batch(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("error_after", ADD)
    result = talk.ok("batch", cmd={"a": f"{ADD}?fields[TITLE]=x", "b": "server.time"})
    assert list(result["result_error"]) == ["a"]
    assert len(portal.leads()) == 1


def test_auth_server_can_lose_the_answer_to_a_refresh(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.faults.add("error_before")
    refresh = portal.refresh_token
    portal.faults.add("error_after", "oauth/token", status=502)
    assert token_request(portal, grant_type="refresh_token", refresh_token=refresh)[0] == 502
    assert portal.refresh_token != refresh, "the pair was replaced although nobody heard of it"
    assert talk.refused("profile")[0] == 500, "a bare fault waits for the portal"


def test_faults_settings_and_actions_can_be_sent_as_json(portal: Bitrix24Simulator, talk: Talk) -> None:
    def post(path: str, document: object) -> tuple[int, dict[str, object]]:
        answer = urllib3.request("POST", f"{portal.base_url}/_sim/{path}", json=document)
        return answer.status, answer.json()

    assert post("faults", {"kind": "error_before", "method": "profile"})[0] == 200
    assert talk.refused("profile")[0] == 500
    assert "unknown fault" in str(post("faults", {"kind": "nonsense"})[1]["error"])
    assert "unknown detail" in str(post("faults", {"kind": "delay", "second": 1})[1]["error"])
    assert post("settings", {"crm_mode": "simple"})[1]["crm_mode"] == "simple"
    assert post("settings", {"nope": 1})[0] == 400
    assert str(post("actions/click_to_call", {"user_id": 7, "phone": "+79001234567"})[1]["result"]).startswith(
        "externalCall."
    )
    assert post("actions/click_to_call", {"phone": "x"})[0] == 400
    post("actions/expire_tokens", {})
    assert talk.refused("profile")[1] == "expired_token"


def test_ledger_counts_registers_and_finishes_and_calls_that_never_ended(portal: Bitrix24Simulator, talk: Talk) -> None:
    first = talk.finished_call()
    talk.refused("telephony.externalCall.finish", CALL_ID=first, USER_ID=7)
    second = talk.register(EXTERNAL_CALL_ID="pbx-2", PHONE_NUMBER="+79001234568")["CALL_ID"]
    talk.register(EXTERNAL_CALL_ID="pbx-2", PHONE_NUMBER="+79001234568")
    report = urllib3.request("GET", f"{portal.base_url}/_sim/ledger").json()
    assert report["never_finished"] == [second]
    assert (report["registers"]["pbx-1"], report["registers"]["pbx-2"]) == (1, 2)
    assert report["finishes"] == {first: 1, "pbx-1": 1}
    assert report["offence_counts"] == {"finish_twice": 1}
    assert report["leads_per_phone"] == {"79001234567": 1, "79001234568": 1}
    assert report["most_requests_in_a_second"] == 5
    assert portal.access_token not in str(report)


def test_parallel_registers_of_one_call_make_one_lead(portal: Bitrix24Simulator) -> None:
    threads = [
        threading.Thread(target=lambda: Talk(portal).ok("telephony.externalCall.register", REGISTER)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(portal.leads()) == 1
