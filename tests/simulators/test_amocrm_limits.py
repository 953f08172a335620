"""Limits and planned rudeness of the simulated account (amocrm.md §2, §9)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import urllib3

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import PHONE, Talk, call, refresh


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def amo(clock: ManualClock) -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=clock, accounts=("demo", "second")) as simulator:
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


def statuses(talk: Talk, times: int) -> list[int]:
    return [talk.raw("GET", "account").status for _ in range(times)]


def test_eighth_request_within_a_second_is_429(amo: AmoCrmSimulator, talk: Talk, clock: ManualClock) -> None:
    assert statuses(talk, 8) == [200] * 7 + [429]
    clock.advance(0.99)
    assert statuses(talk, 1) == [429]
    clock.advance(0.02)
    assert statuses(talk, 1) == [200]
    assert len(amo.offences("rate_limit_exceeded")) == 2


def test_429_says_when_to_come_back_or_is_plain_text(amo: AmoCrmSimulator, talk: Talk) -> None:
    statuses(talk, 7)
    answer = talk.raw("GET", "account")
    assert (answer.json()["title"], answer.json()["retry_after"]) == ("Too Many Requests", 1)
    amo.settings.too_many_form = "text"
    plain = talk.raw("GET", "account")
    assert (plain.status, plain.headers["Content-Type"].split(";")[0]) == (429, "text/plain")


def test_limit_is_the_integrations_own(amo: AmoCrmSimulator, talk: Talk) -> None:
    statuses(talk, 8)
    assert Talk(amo.accounts[1]).ask("GET", "account")[0] == 200


def test_limit_may_be_the_address_own_as_at_kommo(amo: AmoCrmSimulator, talk: Talk) -> None:
    for account in amo.accounts:
        account.settings.limit_by = "ip"
    statuses(talk, 7)
    assert statuses(talk, 1) == [429]


def test_token_requests_count_too(amo: AmoCrmSimulator, talk: Talk) -> None:
    statuses(talk, 7)
    assert refresh(amo, amo.refresh_token)[0] == 429


def test_account_takes_fifty_a_second_from_all_integrations(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.integration_per_second = 100
    assert statuses(talk, 51) == [200] * 50 + [429]


def test_hammering_leads_to_a_403_that_is_no_problem_document(
    amo: AmoCrmSimulator, talk: Talk, clock: ManualClock
) -> None:
    statuses(talk, 7)
    assert statuses(talk, 22) == [429] * 21 + [403]
    answer = talk.raw("GET", "account")
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (403, "text/html")
    clock.advance(899)
    assert statuses(talk, 1) == [403]
    clock.advance(1)
    assert statuses(talk, 1) == [200]
    assert amo.offences("asked_while_banned")


def test_error_before_executes_nothing_and_error_after_does(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    amo.faults.add("error_before", "POST calls")
    status, body = talk.ask("POST", "calls", [call()])
    assert (status, body["title"], amo.calls()) == (500, "Internal Server Error", [])
    amo.faults.add("error_after", "calls", status=503)
    assert talk.ask("POST", "calls", [call()])[0] == 503
    assert len(amo.calls()) == 1
    assert [(one["status"], one["executed"]) for one in amo.requests("POST", "calls")] == [(500, False), (503, True)]


@pytest.mark.parametrize(("kind", "calls"), [("drop_before", 0), ("drop_after", 1)])
def test_dropped_connection_leaves_the_client_guessing(amo: AmoCrmSimulator, talk: Talk, kind: str, calls: int) -> None:
    amo.add_contact(PHONE)
    amo.faults.add(kind, "calls")
    with pytest.raises(urllib3.exceptions.HTTPError):
        talk.ask("POST", "calls", [call()])
    assert len(amo.calls()) == calls
    assert talk.ask("GET", "account")[0] == 200


@pytest.mark.parametrize(
    ("kind", "status", "media"),
    [
        ("html_502", 502, "text/html"),
        ("throttle", 429, "application/problem+json"),
        ("block", 403, "text/html"),
        ("unauthorized", 401, "application/problem+json"),
        ("unpaid", 402, "application/problem+json"),
        ("redirect", 302, "text/html"),
    ],
)
def test_refusals_by_plan_come_once(amo: AmoCrmSimulator, talk: Talk, kind: str, status: int, media: str) -> None:
    amo.faults.add(kind, "account")
    answer = talk.raw("GET", "account")
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (status, media)
    assert talk.ask("GET", "account")[0] == 200


def test_phase_lasts_so_many_seconds(amo: AmoCrmSimulator, talk: Talk, clock: ManualClock) -> None:
    amo.faults.add("throttle", "*", seconds=10)
    assert statuses(talk, 3) == [429] * 3
    clock.advance(10)
    assert statuses(talk, 1) == [200]


def test_fault_meets_its_verb_and_pattern_only_and_may_wait(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.faults.add("error_before", "POST leads/unsorted/*", skip=1)
    assert talk.ask("GET", "leads/unsorted")[0] == 204
    assert [talk.ask("POST", "leads/unsorted/sip", [])[0] for _ in range(3)] == [400, 500, 400]


def test_fault_of_everything_spares_the_token_endpoint(amo: AmoCrmSimulator) -> None:
    amo.faults.add("error_before", times=None)
    assert refresh(amo, amo.refresh_token)[0] == 200


def test_unpaid_account_answers_402_and_keeps_its_tokens(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.paid = False
    assert talk.ask("GET", "account")[0] == 402
    amo.settings.paid = True
    assert talk.ask("GET", "account")[0] == 200


def test_many_writes_time_out_when_the_account_is_set_so(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.settings.most_writes_before_timeout = 50
    assert talk.ask("POST", "contacts", [{"name": "x"}] * 51)[0] == 504
    assert amo.contacts() == []


def test_unknown_faults_and_details_are_said(amo: AmoCrmSimulator) -> None:
    with pytest.raises(ValueError, match="unknown fault 'boom'"):
        amo.faults.add("boom")
    with pytest.raises(ValueError, match="unknown detail 'color'"):
        amo.faults.add("delay", color="red")
