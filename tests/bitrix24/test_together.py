"""Writes of several calls in one batch: each has its own answer, and none is made twice or told wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.bitrix24 import CONNECTOR
from connectors.bitrix24.brackets import query
from connectors.contract import Step, StepResult
from hub.domain.errors import AlreadyThere, DeliveryError, OutcomeUnknown, Rejected, Throttled
from hub.domain.intents import IntentKind
from hub.net.http import HttpAnswer
from tests.bitrix24.portal import FINISHED, REGISTERED, FakePortal, facts, fixture, intent, refusal, reply, step

FINISH, STATISTICS = "telephony.externalCall.finish", "voximplant.statistic.get"
ROW = {"ID": 9031, "CALL_ID": "x", "CRM_ACTIVITY_ID": 40117, "CRM_ENTITY_TYPE": "LEAD", "CRM_ENTITY_ID": 5102}
NOT_LIVE = {"error": "", "error_description": "Call is not found (call should be registered prior to finishing"}
NOBODY = {"error": "ERROR_CORE", "error_description": "User is not found or is not active"}


def end(number: int = 1, **changes: object) -> Step:
    registered = {**REGISTERED, "call_id": f"externalCall.{number}"}
    return step("finish", intent(IntentKind.LOG_CALL, facts(**changes)), register=registered)


def note(words: str, number: int = 1) -> Step:
    registered = {**REGISTERED, "call_id": f"externalCall.{number}"}
    return step("note:n", intent(IntentKind.ADD_NOTE, text=words), register=registered)


def batch(results: Mapping[str, object] | None = None, **errors: Mapping[str, object]) -> HttpAnswer:
    """As PHP writes it: an empty map is a list."""
    return reply({"result": results or [], "result_error": errors or [], "result_time": []})


def together(portal: FakePortal, *steps: Step) -> list[StepResult | DeliveryError]:
    assert CONNECTOR.together is not None
    return list(CONNECTOR.together.perform(steps, portal.door))


def commands(portal: FakePortal) -> list[tuple[str, dict[str, str]]]:
    (params,) = portal.params("batch")
    assert params["halt"] == 0  # one refusal must not keep the others from their turn
    found = [command.partition("?") for command in params["cmd"].values()]
    return [(method, dict(parse_qsl(words, strict_parsing=True))) for method, _, words in found]


def test_two_ends_cost_one_request() -> None:
    portal = FakePortal().on("batch", batch({"step0": ROW, "step1": {**ROW, "ID": "9032"}}))
    assert together(portal, end(1), end(2)) == [FINISHED, {**FINISHED, "statistic_id": "9032"}]
    assert portal.spent == ["batch"]
    assert portal.http.asked[0].write
    usual = {"USER_ID": "42", "DURATION": "187", "STATUS_CODE": "200", "ADD_TO_CHAT": "0"}
    assert commands(portal) == [
        (FINISH, {"CALL_ID": "externalCall.1", **usual}),
        (FINISH, {"CALL_ID": "externalCall.2", **usual}),
    ]


def test_one_refusal_is_none_of_the_others_business() -> None:
    answer = batch({"step0": ROW}, step1={"error": "ERROR_CORE", "error_description": "Unexpected database error"})
    first, second = together(FakePortal().on("batch", answer), end(1), end(2))
    assert first == FINISHED
    assert isinstance(second, Rejected)
    assert str(second) == "Bitrix24: Unexpected database error (error_core)"


def test_end_that_was_there_already_is_found_in_the_statistics() -> None:
    found = reply([{**ROW, "CALL_ID": "externalCall.2"}])
    portal = FakePortal().on("batch", batch({"step0": ROW}, step1=NOT_LIVE)).on(STATISTICS, found)
    first, second = together(portal, end(1), end(2))
    assert first == FINISHED
    assert isinstance(second, AlreadyThere)
    assert second.result["statistic_id"] == "9031"


def test_person_whom_the_portal_does_not_know_gives_way_alone() -> None:
    portal = FakePortal().on("batch", batch({"step0": ROW}, step1=NOBODY)).on(FINISH, fixture("finish__answered.json"))
    first, second = together(portal, end(1), end(2))
    assert (first, isinstance(second, DeliveryError)) == (FINISHED, False)
    (again,) = portal.params(FINISH)
    assert (again["CALL_ID"], again["USER_ID"]) == ("externalCall.2", 1)


def test_what_the_answer_leaves_out_is_not_known() -> None:
    first, second = together(FakePortal().on("batch", batch({"step1": ROW})), end(1), end(2))
    assert isinstance(first, OutcomeUnknown)
    assert second == FINISHED


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"error": "INTERNAL_SERVER_ERROR", "error_description": "Internal server error"}, OutcomeUnknown),
        ({"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}, Throttled),
        ({"error": "OPERATION_TIME_LIMIT", "error_description": "Method is blocked"}, Throttled),
    ],
)
def test_error_of_one_command_means_what_it_means_alone(said: dict[str, str], kind: type[DeliveryError]) -> None:
    first, second = together(FakePortal().on("batch", batch({"step0": ROW}, step1=said)), end(1), end(2))
    assert first == FINISHED
    assert type(second) is kind


@pytest.mark.parametrize("trouble", [OutcomeUnknown("cut"), Throttled("too fast")])
def test_trouble_of_the_request_is_everybodys(trouble: DeliveryError) -> None:
    portal = FakePortal().on("batch", trouble)
    with pytest.raises(type(trouble)):
        together(portal, end(1), end(2))
    assert portal.methods == ["batch"]


@pytest.mark.parametrize("code", ["ERROR_METHOD_NOT_FOUND", "ERROR_BATCH_METHOD_NOT_ALLOWED"])
def test_portal_that_takes_no_batch_is_asked_for_each_alone(code: str) -> None:
    portal = FakePortal().on("batch", refusal("no", code, 404)).on(FINISH, fixture("finish__answered.json"))
    outcomes = together(portal, end(1), end(2))
    assert not any(isinstance(outcome, DeliveryError) for outcome in outcomes)
    assert portal.methods == ["batch", FINISH, FINISH]


def test_text_that_a_batch_would_read_as_a_reference_goes_alone() -> None:
    portal = FakePortal().on("batch", batch({"step0": 5, "step2": 6})).on("crm.timeline.comment.add", reply(7))
    outcomes = together(portal, note("one"), note("see $result[step0]"), note("three + more & more"))
    assert outcomes == [{"comment_id": "5"}, {"comment_id": "7"}, {"comment_id": "6"}]
    assert "$result" not in str(portal.params("batch"))
    (_, words), (_, third) = commands(portal)
    assert "one" in words["fields[COMMENT]"]
    assert "three + more & more" in third["fields[COMMENT]"]


def test_step_with_nothing_to_do_says_so_and_sends_nothing() -> None:
    nowhere: StepResult = {**REGISTERED, "entity_type": None, "entity_id": None}
    without_card = step("note:n", intent(IntentKind.ADD_NOTE, text="hello"), register=nowhere)
    portal = FakePortal().on("crm.timeline.comment.add", reply(7))
    skipped, done = together(portal, without_card, note("one"))
    assert isinstance(skipped, Mapping)
    assert "skipped" in skipped
    assert done == {"comment_id": "7"}
    assert portal.methods == ["crm.timeline.comment.add"]  # one alone needs no batch


def test_registrations_cards_and_recordings_join_nobody() -> None:
    assert CONNECTOR.together is not None
    joins = CONNECTOR.together.joins
    assert [key for key in ("register", "show:7", "hide:7", "record:ab", "trace") if joins(key)] == []
    assert all(joins(key) for key in ("finish", "note:add_note", "task", "close_task:61", "source"))


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"PHONE": "+7 900"}, "PHONE=%2B7%20900"),
        ({"f": {"A": [1, "б"], "B": {"C": True}}}, "f%5BA%5D%5B0%5D=1&f%5BA%5D%5B1%5D=%D0%B1&f%5BB%5D%5BC%5D=1"),
        ({"A": None, "B": False, "C": [], "D": 1.5}, "A=&B=0&D=1.5"),
    ],
)  # fmt: skip
def test_parameters_are_written_as_php_reads_them(params: dict[str, Any], words: str) -> None:
    assert query(params) == words
