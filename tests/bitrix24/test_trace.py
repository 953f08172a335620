"""The path of advertising for Sales Intelligence (bitrix24.md §4.7): once, on cards that the call created."""

from __future__ import annotations

import json

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.contract import Found, Step, StepResult
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import IntentKind
from hub.domain.party import Source
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
