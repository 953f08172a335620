"""The path of advertising for Sales Intelligence (bitrix24.md §4.7): once, on cards that the call created."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.contract import Found, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import IntentKind
from hub.domain.party import PageView, Source, VisitStory
from tests.bitrix24.portal import KNOWN_CLIENT, STARTED, FakePortal, facts, intent, refusal, reply, step

CRM = Bitrix24Crm()
TRACE = "crm.tracking.trace.add"
YANDEX = facts(source=Source("yandex", "cpc", "doors_msk"))


def trace(**done: StepResult) -> Step:
    return step("trace", intent(IntentKind.SET_SOURCE, YANDEX), **done)


def test_the_trace_names_source_and_card() -> None:
    portal = FakePortal().on(TRACE, reply(77))
    assert CRM.perform(trace(), portal.door) == {"trace_id": "77"}
    (params,) = portal.params(TRACE)
    assert params["ENTITIES"] == [{"TYPE": "LEAD", "ID": 5102}]
    assert json.loads(params["TRACE"])["tags"] == {
        "ts": int(STARTED.timestamp()),
        "list": {"utm_source": "yandex", "utm_medium": "cpc", "utm_campaign": "doors_msk"},
    }


def test_the_trace_tells_the_visit() -> None:
    landed = STARTED - timedelta(minutes=5)
    pages = tuple(PageView(landed + timedelta(seconds=n), f"https://shop.example/{n}", "Steel " * 20) for n in range(7))
    visit = VisitStory(landed, "https://shop.example/0", "https://yandex.example/", pages)
    portal = FakePortal().on(TRACE, reply(77))
    what = intent(IntentKind.SET_SOURCE, replace(YANDEX, visit=visit))
    CRM.perform(step("trace", what), portal.door)
    told = json.loads(portal.params(TRACE)[0]["TRACE"])
    assert (told["url"], told["ref"]) == ("https://shop.example/6", "https://yandex.example/")
    assert told["tags"]["ts"] == int(landed.timestamp())
    assert [page[0][-1] for page in told["pages"]["list"]] == ["2", "3", "4", "5", "6"]
    assert max(len(page[2]) for page in told["pages"]["list"]) == 40


def test_a_visit_of_which_only_the_landing_is_known_names_that_page() -> None:
    portal = FakePortal().on(TRACE, reply(77))
    visit = VisitStory(STARTED, "https://shop.example/")
    CRM.perform(step("trace", intent(IntentKind.SET_SOURCE, replace(YANDEX, visit=visit))), portal.door)
    told = json.loads(portal.params(TRACE)[0]["TRACE"])
    assert told["url"] == "https://shop.example/"
    assert "ref" not in told


def test_a_known_client_gets_no_trace() -> None:
    portal = FakePortal()
    assert "skipped" in CRM.perform(trace(register=KNOWN_CLIENT), portal.door)
    assert portal.http.asked == []


def test_a_portal_that_refuses_the_trace_spoils_nothing() -> None:
    portal = FakePortal().on(TRACE, refusal("Method not found!", "ERROR_METHOD_NOT_FOUND"))
    assert "not found" in str(CRM.perform(trace(), portal.door)["skipped"])


def test_a_trace_that_may_be_there_is_not_sent_again() -> None:
    portal = FakePortal()
    assert isinstance(CRM.look_up(trace(), portal.door), Found)
    assert portal.http.asked == []


def test_an_answer_that_is_lost_leaves_the_outcome_open() -> None:
    portal = FakePortal().on(TRACE, OutcomeUnknown("lost"))
    with pytest.raises(OutcomeUnknown):
        CRM.perform(trace(), portal.door)
