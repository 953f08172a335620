"""Payloads and results: pure, no portal."""

from __future__ import annotations

import json

import pytest

from connectors.bitrix24.translate import (
    Entity,
    call_type,
    duration_seconds,
    employee,
    finish_params,
    finish_result,
    line_number,
    register_params,
    register_result,
    status_code,
    transcript_params,
)
from connectors.bitrix24.translate_cards import call_entity, created_by
from hub.domain.events import Cost, Direction, Phrase, Result, Side
from hub.domain.intents import CallFacts
from hub.domain.phone import Phone
from tests.bitrix24.portal import CALL_ID, FIXTURES, REGISTERED, facts

OUT = Direction.OUTBOUND


def kept(name: str) -> object:
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))["result"]


def registered(call: CallFacts) -> dict[str, object]:
    return register_params(call, {"USER_ID": 42}, timezone="Europe/Moscow", source_id="CALL")


def test_register_states_the_call_as_it_happened() -> None:
    assert registered(facts()) == {
        "USER_ID": 42,
        "PHONE_NUMBER": "+79001234567",
        "TYPE": 2,
        "CALL_START_DATE": "2026-08-29T10:00:01+03:00",
        "LINE_NUMBER": "74950000001",
        "EXTERNAL_CALL_ID": "call-551",
        "CRM_CREATE": 1,
        "CRM_SOURCE": "CALL",
        "SHOW": 0,
        "ADD_TO_CHAT": 0,
    }


def test_a_call_that_may_create_no_lead_says_so() -> None:
    assert registered(facts(creates_lead=False))["CRM_CREATE"] == 0


def test_a_call_without_a_line_names_none() -> None:
    assert "LINE_NUMBER" not in registered(facts(line=None))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (Phone("74950000001", "+74950000001"), "74950000001"),
        (Phone("trunk-7"), "trunk-7"),
        (Phone("sip:" + "x" * 80), "sip:" + "x" * 46),
    ],
)
def test_a_line_is_named_as_the_portal_can_keep_it(line: Phone, shown: str) -> None:
    assert line_number(line) == shown


@pytest.mark.parametrize(
    ("call", "number"),
    [
        (facts(), 2),
        (facts(redirected=True), 3),
        (facts(direction=OUT), 1),
        (facts(direction=OUT, redirected=True), 1),
        (facts(direction=OUT, callback=True), 4),
        (facts(callback=True), 4),
    ],
)
def test_the_type_says_direction_redirect_and_callback(call: CallFacts, number: int) -> None:
    assert call_type(call) == number


@pytest.mark.parametrize(
    ("call", "fallback", "who"),
    [
        (facts(), "1", {"USER_ID": 42}),
        (facts(user_id="u-7"), "1", {"USER_ID": "u-7"}),
        (facts(user_id=None), "1", {"USER_PHONE_INNER": "104"}),
        (facts(user_id=None, extension=None), "1", {"USER_ID": 1}),
        (facts(user_id=None, extension=None), None, {}),
    ],
)
def test_the_call_goes_to_the_user_then_the_extension_then_the_fallback(
    call: CallFacts, fallback: str | None, who: dict[str, object]
) -> None:
    assert employee(call, fallback) == who


@pytest.mark.parametrize(
    ("direction", "result", "code"),
    [
        (Direction.INBOUND, None, "304"),
        (Direction.INBOUND, Result.NO_ANSWER, "304"),
        (Direction.INBOUND, Result.CANCELLED, "304"),
        (Direction.INBOUND, Result.UNAVAILABLE, "304"),
        (Direction.INBOUND, Result.IN_MENU, "304"),
        (Direction.INBOUND, Result.OFF_HOURS, "304"),
        (Direction.INBOUND, Result.BUSY, "486"),
        (Direction.INBOUND, Result.DECLINED, "603"),
        (Direction.INBOUND, Result.FORBIDDEN, "403"),
        (OUT, None, "OTHER"),
        (OUT, Result.NO_ANSWER, "480"),
        (OUT, Result.BUSY, "486"),
        (OUT, Result.DECLINED, "603"),
        (OUT, Result.CANCELLED, "603-S"),
        (OUT, Result.UNAVAILABLE, "480"),
        (OUT, Result.WRONG_NUMBER, "404"),
        (OUT, Result.FORBIDDEN, "403"),
        (OUT, Result.NO_MONEY, "402"),
        (OUT, Result.FAILED, "484"),
        (OUT, Result.UNKNOWN, "OTHER"),
    ],
)
def test_a_call_without_a_talk_says_why(direction: Direction, result: Result | None, code: str) -> None:
    assert status_code(facts(answered=False, direction=direction, result=result)) == code


@pytest.mark.parametrize("result", [Result.ANSWERED, Result.BUSY, None])
def test_an_answered_call_is_200_whatever_else_is_said(result: Result | None) -> None:
    assert status_code(facts(result=result)) == "200"


@pytest.mark.parametrize(
    ("answered", "talk_seconds", "sent"), [(True, 187, 187), (True, 0, 1), (False, 0, 0), (False, 30, 0)]
)
def test_duration_never_contradicts_the_outcome(answered: bool, talk_seconds: int, sent: int) -> None:
    assert duration_seconds(facts(answered=answered, talk_seconds=talk_seconds)) == sent


def test_finish_sends_chat_explicitly() -> None:
    assert finish_params(facts(), {"USER_ID": 42}, CALL_ID) == {
        "CALL_ID": CALL_ID,
        "USER_ID": 42,
        "DURATION": 187,
        "STATUS_CODE": "200",
        "ADD_TO_CHAT": 0,
    }


def test_a_registration_keeps_the_call_and_the_card_it_made() -> None:
    assert register_result(kept("register__new_client.json"), {"USER_ID": 42}) == REGISTERED


def test_simple_crm_keeps_contact_and_deal() -> None:
    result = register_result(kept("register__simple_crm.json"), {"USER_PHONE_INNER": "104"})
    assert result == {
        "call_id": CALL_ID,
        "created": [{"type": "CONTACT", "id": "871"}, {"type": "DEAL", "id": "33"}],
        "entity_type": "CONTACT",
        "entity_id": "871",
    }
    assert created_by({"register": result}) == [Entity("CONTACT", "871"), Entity("DEAL", "33")]


def test_an_unbound_call_keeps_why_no_lead_was_made() -> None:
    assert register_result(kept("register__unbound.json"), {"USER_ID": 42}) == {
        "call_id": CALL_ID,
        "created": [],
        "entity_type": None,
        "entity_id": None,
        "user_id": "42",
        "lead_creation_error": "Required field TITLE",
    }


@pytest.mark.parametrize("created", [[], None, {}, [7], [{"ENTITY_TYPE": "LEAD"}]])
def test_the_created_lead_counts_when_the_list_does_not_name_it(created: object) -> None:
    result = register_result({"CALL_ID": CALL_ID, "CRM_CREATED_LEAD": "5102", "CRM_CREATED_ENTITIES": created}, {})
    assert result is not None
    assert result["created"] == [{"type": "LEAD", "id": "5102"}]


def test_a_created_thing_of_an_unknown_type_is_left_alone() -> None:
    rows = [{"ENTITY_TYPE": "SMART_INVOICE", "ENTITY_ID": 3}]
    result = register_result({"CALL_ID": CALL_ID, "CRM_CREATED_ENTITIES": rows}, {})
    assert result is not None
    assert result["created"] == []


@pytest.mark.parametrize("answer", [[], None, True, {}, {"CALL_ID": ""}])
def test_no_call_id_is_no_registration(answer: object) -> None:
    assert register_result(answer, {}) is None


def test_finish_keeps_ids_as_text() -> None:
    row = kept("finish__answered.json")
    assert isinstance(row, dict)
    assert finish_result(row) == {
        "statistic_id": "9031",
        "activity_id": "40117",
        "entity_type": "LEAD",
        "entity_id": "5102",
    }


def test_a_finish_without_activity_keeps_the_reason() -> None:
    row = kept("finish__unbound.json")
    assert isinstance(row, dict)
    assert finish_result(row) == {
        "statistic_id": "9032",
        "activity_id": None,
        "entity_type": None,
        "entity_id": None,
        "activity_error": "No bindings",
    }


def test_the_finished_calls_card_wins_over_the_registered_one() -> None:
    finished = {"entity_type": "DEAL", "entity_id": "33"}
    assert call_entity({"register": REGISTERED, "finish": finished}) == Entity("DEAL", "33")
    assert call_entity({"register": REGISTERED, "finish": {"entity_type": None}}) == Entity("LEAD", "5102")
    assert call_entity({}) is None


def test_the_end_states_cost_and_rating_when_they_are_known() -> None:
    rated = finish_params(facts(cost=Cost("3.60", "RUB"), rating=4), {"USER_ID": 42}, CALL_ID)
    assert (rated["COST"], rated["COST_CURRENCY"], rated["VOTE"]) == (3.6, "RUB", 4)
    assert "COST_CURRENCY" not in finish_params(facts(cost=Cost("0")), {}, CALL_ID)
    assert not {"COST", "COST_CURRENCY", "VOTE"} & set(finish_params(facts(), {}, CALL_ID))


def test_a_transcript_says_who_spoke_and_when() -> None:
    phrases = (Phrase(Side.EMPLOYEE, 0, 0, "Acme"), Phrase(Side.CLIENT, 1, 4, "Hello"))
    assert transcript_params(CALL_ID, phrases) == {
        "CALL_ID": CALL_ID,
        "MESSAGES": [
            {"SIDE": "User", "START_TIME": 0, "STOP_TIME": 1, "MESSAGE": "Acme"},
            {"SIDE": "Client", "START_TIME": 1, "STOP_TIME": 4, "MESSAGE": "Hello"},
        ],
    }
