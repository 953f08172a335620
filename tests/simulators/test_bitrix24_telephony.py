"""Calls on the simulated portal keep the rules of bitrix24.md §3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.bitrix24 import Bitrix24Simulator, ManualClock
from tests.simulators.bitrix24_talk import REGISTER, Talk

METHOD = "telephony.externalCall.register"
FINISH = "telephony.externalCall.finish"


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


def test_unknown_caller_becomes_one_lead_on_the_registering_user(portal: Bitrix24Simulator, talk: Talk) -> None:
    result = talk.register(CRM_SOURCE="ADVERTISING")
    assert result["CALL_ID"].startswith("externalCall.")
    assert result["CRM_CREATED_ENTITIES"] == [{"ENTITY_TYPE": "LEAD", "ENTITY_ID": result["CRM_CREATED_LEAD"]}]
    (lead,) = portal.leads()
    assert (lead["SOURCE_ID"], lead["ASSIGNED_BY_ID"]) == ("ADVERTISING", 7)


def test_caller_written_with_eight_is_the_contact_written_with_plus_seven(
    portal: Bitrix24Simulator, talk: Talk
) -> None:
    contact = portal.add_entity("CONTACT", {"NAME": "Ольга", "PHONE": [{"VALUE": "8 (900) 123-45-67"}]})
    result = talk.register()
    assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("CONTACT", contact)
    assert result["CRM_CREATED_LEAD"] is None
    assert result["CRM_CREATED_ENTITIES"] == []
    assert portal.leads() == []


def test_unbound_call_has_empty_type_and_null_id(talk: Talk) -> None:
    result = talk.register(CRM_CREATE=0)
    assert (result["CRM_ENTITY_TYPE"], result["CRM_ENTITY_ID"]) == ("", None)


def test_simple_crm_makes_contact_and_deal_instead_of_a_lead(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.settings.crm_mode = "simple"
    result = talk.register()
    assert result["CRM_CREATED_LEAD"] is None
    assert [one["ENTITY_TYPE"] for one in result["CRM_CREATED_ENTITIES"]] == ["CONTACT", "DEAL"]
    assert result["CRM_ENTITY_TYPE"] == "CONTACT"
    assert talk.ok("crm.settings.mode.get") == 2


def test_number_of_a_colleague_makes_no_lead(portal: Bitrix24Simulator, talk: Talk) -> None:
    assert talk.register(PHONE_NUMBER="102", TYPE=1)["CRM_CREATED_LEAD"] is None
    assert portal.leads() == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"USER_ID": "", "TYPE": 9}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"USER_ID": None, "USER_PHONE_INNER": "999"}, "USER_ID or USER_PHONE_INNER should be set"),
        ({"TYPE": 9, "CALL_START_DATE": "yesterday"}, "Unknown TYPE"),
        (
            {"CALL_START_DATE": "29.08.2026", "PHONE_NUMBER": "anonymous"},
            "CALL_START_DATE should be in the ISO-8601 format",
        ),
        ({"PHONE_NUMBER": "anonymous", "USER_ID": 555}, "Unsupported phone number format"),
        ({"USER_ID": 555}, "User is not found or is not active"),
    ],
)
def test_register_complains_in_the_portals_order(talk: Talk, changes: dict[str, Any], sentence: str) -> None:
    assert talk.refused(METHOD, REGISTER | changes) == (400, "ERROR_CORE", sentence)


def test_portal_may_leave_the_code_of_an_error_empty(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.settings.empty_error_codes = True
    assert talk.refused(METHOD, REGISTER | {"TYPE": 9}) == (400, "", "Unknown TYPE")


def test_extension_stands_for_its_user(portal: Bitrix24Simulator, talk: Talk) -> None:
    talk.register(USER_ID="", USER_PHONE_INNER="102")
    assert portal.leads()[0]["ASSIGNED_BY_ID"] == 8


def test_register_again_within_half_an_hour_gives_the_same_call_and_no_second_lead(
    portal: Bitrix24Simulator, talk: Talk, clock: ManualClock
) -> None:
    first = talk.register()
    clock.advance(29 * 60)
    again = talk.register(CRM_SOURCE="WEB", CALL_START_DATE="2026-08-29T10:00:01+03:00")
    assert again["CALL_ID"] == first["CALL_ID"]
    assert len(portal.leads()) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"EXTERNAL_CALL_ID": "pbx-2"},
        {"LINE_NUMBER": "74950000002"},
        {"USER_ID": 8},
        {"TYPE": 3},
        {"PHONE_NUMBER": "+79001234568"},
    ],
)
def test_register_that_differs_in_the_key_is_another_call(talk: Talk, changes: dict[str, Any]) -> None:
    assert talk.register(**changes)["CALL_ID"] != talk.register()["CALL_ID"]


def test_register_after_half_an_hour_is_another_call(talk: Talk, clock: ManualClock) -> None:
    first = talk.register()
    clock.advance(31 * 60)
    assert talk.register()["CALL_ID"] != first["CALL_ID"]


def test_call_imported_late_is_never_recognised_again(talk: Talk) -> None:
    old = "2026-08-01T10:00:00+03:00"
    assert talk.register(CALL_START_DATE=old)["CALL_ID"] != talk.register(CALL_START_DATE=old)["CALL_ID"]


def test_register_after_finish_is_another_call_and_an_offence(portal: Bitrix24Simulator, talk: Talk) -> None:
    first = talk.finished_call()
    assert talk.register()["CALL_ID"] != first
    assert portal.ledger.offences("register_after_finish")


def test_two_calls_without_external_id_fall_into_one(talk: Talk) -> None:
    first = talk.register(EXTERNAL_CALL_ID="")
    assert talk.register(EXTERNAL_CALL_ID="")["CALL_ID"] == first["CALL_ID"]


def test_unknown_line_appears_by_itself(talk: Talk) -> None:
    talk.register(LINE_NUMBER="7" * 60)
    (line,) = talk.ok("telephony.externalLine.get")
    assert line == {"NUMBER": "7" * 50, "NAME": "", "CRM_AUTO_CREATE": "Y"}


def test_card_is_shown_unless_told_otherwise_and_moves_with_show_and_hide(
    portal: Bitrix24Simulator, talk: Talk
) -> None:
    shown = REGISTER.copy()
    del shown["SHOW"]
    call_id = talk.ok(METHOD, shown)["CALL_ID"]
    assert portal.cards() == {call_id: {7}}
    assert talk.ok("telephony.externalCall.show", CALL_ID=call_id, USER_ID=[8, 9]) is True
    assert talk.ok("telephony.externalCall.hide", CALL_ID=call_id, USER_ID=7) is True
    assert portal.cards() == {call_id: {8, 9}}


def test_show_after_finish_says_false_and_is_an_offence(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.finished_call()
    assert talk.ok("telephony.externalCall.show", CALL_ID=call_id, USER_ID=7) is False
    assert portal.ledger.offences("show_after_finish")


def test_finish_makes_a_row_an_activity_and_gives_the_created_lead_to_the_talker(
    portal: Bitrix24Simulator, talk: Talk
) -> None:
    call_id = talk.register()["CALL_ID"]
    result = talk.ok(FINISH, CALL_ID=call_id, USER_ID=8, DURATION=187)
    assert (result["CALL_FAILED_CODE"], result["CALL_STATUS"], result["INCOMING"]) == ("200", 1, "2")
    assert result["CALL_START_DATE"] == {}
    assert (result["PORTAL_NUMBER"], result["PORTAL_USER_ID"]) == ("74950000001", 8)
    assert portal.leads()[0]["ASSIGNED_BY_ID"] == 8
    activity = talk.ok("crm.activity.get", id=result["CRM_ACTIVITY_ID"])
    assert (activity["PROVIDER_ID"], activity["ORIGIN_ID"]) == ("VOXIMPLANT_CALL", f"VI_{call_id}")
    assert portal.state()["live_calls"] == []


def test_finish_leaves_the_owner_of_an_entity_that_was_there_before(portal: Bitrix24Simulator, talk: Talk) -> None:
    contact = portal.add_entity("CONTACT", {"ASSIGNED_BY_ID": 9, "PHONE": [{"VALUE": "+79001234567"}]})
    talk.finished_call()
    assert talk.ok("crm.contact.get", id=contact)["ASSIGNED_BY_ID"] == "9"


def test_missed_call_gets_304_and_counts(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.register()["CALL_ID"]
    result = talk.ok(FINISH, CALL_ID=call_id, USER_ID=7)
    assert (result["CALL_FAILED_CODE"], result["CALL_STATUS"]) == ("304", 0)
    assert portal.state()["missed"] == {7: 1}


def test_unbound_call_is_finished_without_entity_and_without_activity(talk: Talk) -> None:
    call_id = talk.register(CRM_CREATE=0, LINE_NUMBER="")["CALL_ID"]
    result = talk.ok(FINISH, CALL_ID=call_id, USER_ID=7, DURATION=3)
    assert "CRM_ENTITY_TYPE" not in result
    assert result["CRM_ACTIVITY_ID"] is None
    assert result["PORTAL_NUMBER"].startswith("REST_APP:")


def test_second_finish_finds_no_call_and_is_an_offence(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.finished_call()
    refusal = talk.refused(FINISH, CALL_ID=call_id, USER_ID=7, DURATION=30)
    assert refusal == (400, "ERROR_CORE", "Call is not found (call should be registered prior to finishing")
    assert portal.ledger.finishes()[call_id] == 1
    assert len(portal.ledger.offences("finish_twice")) == 1


def test_finish_wants_a_string_and_a_user(talk: Talk) -> None:
    assert talk.refused(FINISH, CALL_ID=5, USER_ID=7)[1] == "INVALID_ARGUMENT"
    assert talk.refused(FINISH, CALL_ID="x")[2] == "USER_ID or USER_PHONE_INNER should be set"
    call_id = talk.register()["CALL_ID"]
    assert talk.refused(FINISH, CALL_ID=call_id, USER_ID=555)[2] == "User is not found or is not active"


def test_card_that_another_person_still_sees_at_the_end_is_an_offence(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = talk.register(SHOW=1)["CALL_ID"]
    talk.ok(FINISH, CALL_ID=call_id, USER_ID=8, DURATION=3)
    assert "users [7]" in portal.ledger.offences("card_left_open")[0].detail


def test_inbound_register_without_line_and_local_start_are_offences(portal: Bitrix24Simulator, talk: Talk) -> None:
    talk.register(LINE_NUMBER="", CALL_START_DATE="2026-08-29T10:00:01")
    codes = {one.code for one in portal.ledger.offences()}
    assert {"register_without_line_number", "start_date_without_offset"} <= codes


def test_usual_call_breaks_no_rule(portal: Bitrix24Simulator, talk: Talk) -> None:
    talk.finished_call(CALL_START_DATE="2026-08-29T10:00:01+03:00", SHOW=1)
    assert portal.ledger.offences() == []
    assert portal.report()["never_finished"] == []
    assert portal.report()["leads_per_phone"] == {"79001234567": 1}


def test_search_gives_owner_with_extension_and_presence(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.add_entity("COMPANY", {"TITLE": "Рога", "ASSIGNED_BY_ID": 8, "PHONE": [{"VALUE": "+79001234567"}]})
    portal.add_entity("CONTACT", {"NAME": "Ольга", "ASSIGNED_BY_ID": 7, "PHONE": [{"VALUE": "89001234567"}]})
    found = talk.ok("telephony.externalCall.searchCrmEntities", PHONE_NUMBER="+7 900 123-45-67")
    assert [one["CRM_ENTITY_TYPE"] for one in found] == ["CONTACT", "COMPANY"]
    owner = found[0]["ASSIGNED_BY"]
    assert (owner["ID"], owner["USER_PHONE_INNER"], owner["TIMEMAN_STATUS"]) == ("7", "101", "OPENED")
    assert talk.ok("telephony.externalCall.searchCrmEntities", PHONE_NUMBER="+79000000000") == []


def test_statistics_drop_an_unknown_filter_in_silence_and_print_strings(portal: Bitrix24Simulator, talk: Talk) -> None:
    first = talk.finished_call()
    talk.finished_call(EXTERNAL_CALL_ID="pbx-2")
    status, body = talk.ask("voximplant.statistic.get", FILTER={"EXTERNAL_CALLID": "pbx-1"})
    assert (status, body["total"]) == (200, 2)
    (row,) = talk.ok("voximplant.statistic.get", FILTER={"EXTERNAL_CALL_ID": "pbx-1"})
    assert row["CALL_ID"] == first
    assert (row["CALL_DURATION"], row["PORTAL_USER_ID"], row["RECORD_FILE_ID"]) == ("30", "7", None)
    assert portal.ledger.offences("unknown_statistics_filter")


def test_lines_answer_with_their_odd_shapes(talk: Talk) -> None:
    line_id = talk.ok("telephony.externalLine.add", NUMBER="74950000001", NAME="Shop")["ID"]
    again = talk.refused("telephony.externalLine.add", NUMBER="74950000001")
    assert again == (400, "ERROR_CORE", "Line already exists")
    assert talk.ok("telephony.externalLine.update", NUMBER="74950000001", NAME="Site") == {"ID": str(line_id)}
    assert talk.refused("telephony.externalLine.update", NUMBER="74950000001")[2] == "There are no fields to update"
    assert talk.ok("telephony.externalLine.delete", NUMBER="74950000001") == []
    assert talk.refused("telephony.externalLine.delete", NUMBER="5")[2] == "Could not find line with number 5"


def test_parameter_in_another_case_is_read_but_noted(portal: Bitrix24Simulator, talk: Talk) -> None:
    assert talk.ok("telephony.externalcall.SEARCHcrmentities", phone_number="+79001234567") == []
    assert portal.ledger.offences("parameter_case")
