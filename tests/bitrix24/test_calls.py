"""Registering, showing, finishing: what the portal is asked, and what is kept."""

from __future__ import annotations

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.contract import Step, StepResult
from hub.domain.errors import AlreadyThere, OutcomeUnknown, Rejected, Throttled, Unreachable
from hub.domain.intents import CallFacts, IntentKind
from tests.bitrix24.portal import (
    CALL_ID,
    FINISHED,
    REGISTERED,
    FakePortal,
    by_webhook,
    facts,
    fixture,
    intent,
    refusal,
    reply,
    step,
)

CRM = Bitrix24Crm()
REGISTER, FINISH = "telephony.externalCall.register", "telephony.externalCall.finish"
STATISTICS = "voximplant.statistic.get"
NOBODY = refusal("User is not found or is not active", "")
NOT_LIVE = refusal("Call is not found (call should be registered prior to finishing", "ERROR_CORE")
NEW_CLIENT = fixture("register__new_client.json")


def registration(call: CallFacts | None = None) -> Step:
    return step("register", intent(IntentKind.LOG_CALL, call))


def end(call: CallFacts | None = None, **done: StepResult) -> Step:
    return step("finish", intent(IntentKind.LOG_CALL, call), **done)


def test_a_registration_uses_the_connections_zone_and_source() -> None:
    portal = FakePortal().on(REGISTER, NEW_CLIENT)
    assert CRM.perform(registration(), portal.door) == {**REGISTERED, "person": "unknown"}
    (params,) = portal.params(REGISTER)
    assert params["CALL_START_DATE"] == "2026-08-29T10:00:01+03:00"
    assert (params["CRM_SOURCE"], params["SHOW"], params["ADD_TO_CHAT"]) == ("ADVERTISING", 0, 0)
    assert portal.http.asked[0].write


def test_a_second_try_is_the_same_registration_to_the_letter() -> None:
    portal = FakePortal().on(REGISTER, OutcomeUnknown("cut"), NEW_CLIENT)
    with pytest.raises(OutcomeUnknown):
        CRM.perform(registration(), portal.door)
    CRM.perform(registration(), portal.door)
    first, second = portal.params(REGISTER)
    assert first == second


@pytest.mark.parametrize("words", ["User is not found or is not active", "USER_ID or USER_PHONE_INNER should be set"])
def test_a_person_whom_the_portal_does_not_know_gives_way_to_the_default_user(words: str) -> None:
    portal = FakePortal().on(REGISTER, refusal(words, ""), NEW_CLIENT)
    result = CRM.perform(registration(facts(user_id=None)), portal.door)
    assert result["user_id"] == "1"
    first, second = portal.params(REGISTER)
    assert first["USER_PHONE_INNER"] == "104"
    assert "USER_PHONE_INNER" not in second
    assert second["USER_ID"] == 1
    changed = {"USER_ID", "USER_PHONE_INNER"}
    assert {k: v for k, v in first.items() if k not in changed} == {k: v for k, v in second.items() if k not in changed}


def test_a_default_user_whom_the_portal_refuses_is_not_tried_again() -> None:
    portal = FakePortal().on(REGISTER, NOBODY)
    with pytest.raises(Rejected, match="not active"):
        CRM.perform(registration(facts(user_id="1")), portal.door)
    assert portal.methods == [REGISTER]


def test_another_refusal_does_not_reach_for_the_default_user() -> None:
    portal = FakePortal().on(REGISTER, refusal("Unsupported phone number format", ""))
    with pytest.raises(Rejected, match="Unsupported phone number format"):
        CRM.perform(registration(), portal.door)
    assert len(portal.http.asked) == 1


def test_a_call_that_nobody_took_goes_to_the_default_user_at_once() -> None:
    portal = FakePortal().on(REGISTER, NEW_CLIENT)
    CRM.perform(registration(facts(user_id=None, extension=None)), portal.door)
    assert [params["USER_ID"] for params in portal.params(REGISTER)] == [1]


def test_without_a_default_user_the_connections_own_is_asked_for_and_remembered() -> None:
    portal = FakePortal().on(REGISTER, NEW_CLIENT).on("user.current", reply({"ID": "9", "NAME": "Olga"}))
    portal.settings["default_user_id"] = None
    CRM.perform(registration(facts(user_id=None, extension=None)), portal.door)
    assert portal.params(REGISTER)[0]["USER_ID"] == 9
    assert portal.remembered == {"default_user_id": "9"}
    assert not portal.http.asked[0].write


def test_a_portal_that_does_not_say_whose_the_connection_is_cannot_be_defaulted() -> None:
    portal = FakePortal().on("user.current", reply([]))
    portal.settings["default_user_id"] = None
    with pytest.raises(Rejected) as caught:
        CRM.perform(registration(facts(user_id=None, extension=None)), portal.door)
    assert "default_user_id" in caught.value.hint
    assert portal.methods == ["user.current"]


def test_a_webhooks_address_names_its_user() -> None:
    portal = by_webhook().on(REGISTER, NEW_CLIENT)
    CRM.perform(registration(facts(user_id=None, extension=None)), portal.door)
    (params,) = portal.params(REGISTER)
    assert (params["USER_ID"], params["CRM_SOURCE"]) == (7, "CALL")


def test_an_answer_without_call_id_is_an_unknown_outcome() -> None:
    portal = FakePortal().on(REGISTER, reply([]))
    with pytest.raises(OutcomeUnknown):
        CRM.perform(registration(), portal.door)


# --- The card --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "result"), [("show", "shown"), ("hide", "hidden")])
@pytest.mark.parametrize("answer", [True, False])
def test_a_card_is_shown_and_hidden_by_user(kind: str, result: str, answer: bool) -> None:
    method = f"telephony.externalCall.{kind}"
    portal = FakePortal().on(method, reply(answer))
    what = intent(IntentKind.SHOW_CARD, about="42")
    assert CRM.perform(step(f"{kind}:42", what), portal.door) == {result: answer}
    (params,) = portal.params(method)
    assert (params["CALL_ID"], params["USER_ID"]) == (CALL_ID, 42)


def test_a_card_of_a_call_that_was_not_registered_is_refused_here() -> None:
    portal = FakePortal()
    lost = Step("show:42", intent(IntentKind.SHOW_CARD, about="42"), {})
    with pytest.raises(Rejected):
        CRM.perform(lost, portal.door)
    assert portal.http.asked == []


# --- The end ---------------------------------------------------------------------------------------


def test_finish_logs_the_call_on_who_talked_last() -> None:
    portal = FakePortal().on(FINISH, fixture("finish__answered.json"))
    assert CRM.perform(end(facts(user_id="55")), portal.door) == FINISHED
    (params,) = portal.params(FINISH)
    del params["auth"]
    assert params == {"CALL_ID": CALL_ID, "USER_ID": 55, "DURATION": 187, "STATUS_CODE": "200", "ADD_TO_CHAT": 0}


def test_a_call_that_nobody_took_ends_on_whom_it_was_registered_on() -> None:
    portal = FakePortal().on(FINISH, fixture("finish__unbound.json"))
    CRM.perform(end(facts(user_id=None, extension=None, answered=False, result=None)), portal.door)
    (params,) = portal.params(FINISH)
    assert (params["USER_ID"], params["DURATION"], params["STATUS_CODE"]) == (42, 0, "304")


def test_a_dismissed_person_does_not_lose_the_call() -> None:
    portal = FakePortal().on(FINISH, NOBODY, fixture("finish__answered.json"))
    CRM.perform(end(), portal.door)
    assert [params["USER_ID"] for params in portal.params(FINISH)] == [42, 1]


def test_a_call_that_is_finished_already_is_found_by_its_id() -> None:
    portal = FakePortal().on(FINISH, NOT_LIVE).on(STATISTICS, fixture("statistic__ours.json"))
    with pytest.raises(AlreadyThere) as caught:
        CRM.perform(end(), portal.door)
    assert caught.value.result == FINISHED
    assert portal.params(STATISTICS)[0]["FILTER"] == {"CALL_ID": CALL_ID}


@pytest.mark.parametrize("found", [fixture("statistic__of_others.json"), reply([])])
def test_a_lost_call_is_rejected_in_the_vendors_words_and_no_other_call_is_taken_for_it(found: object) -> None:
    portal = FakePortal().on(FINISH, NOT_LIVE).on(STATISTICS, found)  # type: ignore[arg-type]
    with pytest.raises(Rejected, match="Call is not found"):
        CRM.perform(end(), portal.door)


@pytest.mark.parametrize("trouble", [Unreachable("down"), Throttled("fast")])
def test_while_the_statistics_cannot_be_asked_finish_is_not_given_up(trouble: Unreachable | Throttled) -> None:
    portal = FakePortal().on(FINISH, NOT_LIVE).on(STATISTICS, trouble)
    with pytest.raises(type(trouble)):
        CRM.perform(end(), portal.door)


def test_another_refusal_of_finish_asks_no_statistics() -> None:
    portal = FakePortal().on(FINISH, refusal("Unexpected database error"))
    with pytest.raises(Rejected, match="Unexpected database error"):
        CRM.perform(end(), portal.door)
    assert portal.methods == [FINISH]
