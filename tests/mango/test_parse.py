"""What single events state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.mango.words import RESULTS, look_up_result
from hub.domain.events import Direction, EventKind, Place, RecordingState, Result
from hub.domain.phone import Phone
from tests.mango.samples import CALL, RECEIVED_AT, SUMMARY, event, parse
from webhooks.contract import Drift, ParseContext, Stated

ANNA = Phone("79001234567", "+79001234567")
OWN = "sip:ivanov@demo.mangosip.ru"


def call(**changes: Any) -> Any:
    return event("events/call", CALL | changes)


def summary(**changes: Any) -> Any:
    return event("events/summary", SUMMARY | changes)


# --- Direction, place and client (mango.md §2.9) ----------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "direction", "client", "place"),
    [
        ({}, Direction.INBOUND, ANNA, Place.EMPLOYEE),
        ({"callback_initiator": "WEB"}, Direction.OUTBOUND, ANNA, Place.EMPLOYEE),
        ({"task_id": 7}, Direction.OUTBOUND, ANNA, Place.EMPLOYEE),
        ({"task_id": "7"}, Direction.OUTBOUND, ANNA, Place.EMPLOYEE),
        ({"command_id": "cb"}, Direction.OUTBOUND, ANNA, Place.EMPLOYEE),
        (
            {"command_id": "r", "from": {"number": "79001234567", "taken_from_call_id": "L0"}},
            Direction.INBOUND, ANNA, Place.EMPLOYEE,
        ),
        ({"from": {"extension": "101"}, "to": {"number": "79001234567"}}, Direction.OUTBOUND, ANNA, Place.CLIENT),
        (
            {"from": {"extension": "101", "number": OWN}, "to": {"extension": "102", "number": OWN}},
            Direction.INTERNAL, None, Place.EMPLOYEE,
        ),
        (
            {"from": {"extension": "101", "number": OWN}, "to": {"number": OWN}},
            Direction.INTERNAL, None, Place.EMPLOYEE,
        ),
        (
            {"from": {"extension": "101"}, "to": {"extension": "102", "number": "79001234567"}},
            Direction.OUTBOUND, ANNA, Place.CLIENT,
        ),
        ({"from": {"number": OWN}}, Direction.INBOUND, None, Place.EMPLOYEE),
        ({"from": {"number": OWN}, "to": {"number": "79001234567"}}, Direction.OUTBOUND, ANNA, Place.CLIENT),
        (
            {"from": {"extension": "101", "taken_from_call_id": "L0"}, "to": {"number": "79160000009"}},
            None, None, Place.CLIENT,
        ),
        ({"from": {}, "to": {"number": "79001234567"}, "command_id": "cg"}, Direction.OUTBOUND, ANNA, Place.CLIENT),
        ({"location": "ivr", "to": {"number": "74950000001"}}, Direction.INBOUND, ANNA, Place.MENU),
        ({"location": "queue", "to": {"acd_group": "300"}}, Direction.INBOUND, ANNA, Place.QUEUE),
    ],
)  # fmt: skip
def test_leg_shows_direction_client_and_what_it_rings(
    changes: dict[str, Any], direction: Direction | None, client: Phone | None, place: Place
) -> None:
    stated = call(**changes)
    assert (stated.direction, stated.client, stated.place) == (direction, client, place)


def test_our_command_on_a_hold_or_an_end_does_not_turn_an_inbound_call_around() -> None:
    for state in ("OnHold", "Disconnected"):
        assert call(call_state=state, command_id="tr-1").direction is None


@pytest.mark.parametrize("caller", [{}, {"number": ""}, {"number": None}, {"number": "anonymous"}])
def test_caller_without_a_number_is_hidden(caller: dict[str, Any]) -> None:
    stated = call(**{"from": caller})
    assert (stated.hidden, stated.client) == (True, None)
    assert summary(**{"from": caller}).hidden


def test_caller_with_a_number_and_device_of_the_firm_are_not_hidden() -> None:
    assert not call().hidden
    assert not call(**{"from": {"number": OWN}}).hidden


def test_foreign_sip_caller_is_kept_as_written() -> None:
    assert call(**{"from": {"number": "sip:anna@partner.example"}}).client == Phone("sip:anna@partner.example")


@pytest.mark.parametrize(
    "changes",
    [
        {"to": {"extension": "101", "line_number": "74950000001"}},
        {"to": {"extension": "101"}, "line_number": "74950000001"},
        {"location": "ivr", "to": {"number": "74950000001"}},
    ],
)
def test_line_is_found_wherever_it_stands(changes: dict[str, Any]) -> None:
    assert call(**changes).line == Phone("74950000001", "+74950000001")


def test_line_of_a_summary_may_stand_in_either_place() -> None:
    moved = {name: value for name, value in SUMMARY.items() if name != "line_number"}
    moved["to"] = moved["to"] | {"line_number": "74950000001"}
    assert event("events/summary", moved).line == summary().line


def test_undocumented_line_of_the_caller_is_not_read() -> None:
    caller = {"number": "79001234567", "line_number": "74959999999"}
    assert call(**{"from": caller, "to": {"extension": "101"}}).line is None


def test_consultation_is_not_with_the_client_until_it_is_connected_again() -> None:
    consulted = {"extension": "101", "number": OWN, "taken_from_call_id": "L0"}
    called = {"extension": "102", "number": OWN}
    assert not call(**{"from": consulted, "to": called, "call_state": "Connected"}).with_client
    assert call(**{"from": consulted, "to": called, "call_state": "Connected", "transfer": "blind"}).with_client
    taken_over = {"number": "79001234567", "taken_from_call_id": "L0"}
    assert call(**{"from": taken_over, "to": called, "call_state": "Connected"}).with_client


@pytest.mark.parametrize("flag", ["was_transferred", "was_transfered"])
@pytest.mark.parametrize("end", ["from", "to"])
def test_leg_that_was_transferred_moved_on(flag: str, end: str) -> None:
    changes = {"call_state": "Disconnected", "disconnect_reason": 1110, end: CALL[end] | {flag: True}}
    assert call(**changes).result is Result.MOVED


def test_tracking_number_is_read_unless_there_is_none() -> None:
    line = Phone("74950000001", "+74950000001")
    for kind in (1, "1", 2, None):
        assert call(dct={"type": kind, "number": "74950000001"}).tracking_number == line
    assert call(dct={"type": 0, "number": "74950000001"}).tracking_number is None


def test_empty_group_is_no_group() -> None:
    assert call(to={"extension": "101", "acd_group": ""}).group is None
    assert call(to={"extension": "101", "acd_group": "0300"}).group == "0300"


# --- Words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("Appeared", EventKind.APPEARED), ("Connected", EventKind.ANSWERED), ("OnHold", EventKind.HELD),
        ("Disconnected", EventKind.ENDED), ("\u0421onnected", EventKind.ANSWERED), ("Parked", EventKind.UNKNOWN),
    ],
)  # fmt: skip
def test_state_is_translated(state: str, kind: EventKind) -> None:
    assert call(call_state=state).kind is kind


@pytest.mark.parametrize(
    ("topic", "body", "drift"),
    [
        ("events/call", CALL | {"call_state": "Parked"}, Drift("word", "call_state=Parked")),
        ("events/call", CALL | {"location": "moon"}, Drift("word", "location=moon")),
        ("events/call", CALL | {"callback_initiator": "Robot"}, Drift("word", "callback_initiator=Robot")),
        ("events/call", CALL | {"mood": 1}, Drift("field", "mood")),
        ("events/call", CALL | {"to": {"mood": 1}}, Drift("field", "to.mood")),
        ("events/call", CALL | {"dct": {"type": 9}}, Drift("word", "dct.type=9")),
        ("events/call", CALL | {"mood\x00": 1}, Drift("field", "mood\\x00")),
        ("events/summary", SUMMARY | {"call_direction": 7}, Drift("word", "call_direction=7")),
        (
            "events/call", CALL | {"call_state": "Disconnected", "disconnect_reason": 7777},
            Drift("word", "disconnect_reason=7777"),
        ),
        (
            "events/call", CALL | {"call_state": "Disconnected", "disconnect_reason": "Busy"},
            Drift("word", "disconnect_reason=Busy"),
        ),
    ],
)  # fmt: skip
def test_unknown_word_or_field_is_counted_and_breaks_nothing(topic: str, body: dict[str, Any], drift: Drift) -> None:
    parsed = parse(topic, body)
    assert isinstance(parsed, Stated)
    assert drift in parsed.drift


def test_unknown_initiator_still_means_a_callback() -> None:
    assert call(callback_initiator="Robot").direction is Direction.OUTBOUND


@pytest.mark.parametrize(
    ("code", "result"),
    [
        (1110, Result.CANCELLED), (1111, Result.NO_ANSWER), (1121, Result.BUSY), (1122, Result.DECLINED),
        (1131, Result.UNAVAILABLE), (1133, Result.WRONG_NUMBER), (1151, Result.FORBIDDEN), (1164, Result.UNAVAILABLE),
        (1170, Result.IN_MENU), (1182, Result.MOVED), (1192, Result.OFF_HOURS), (2240, Result.NO_MONEY),
        (2219, Result.NO_MONEY), (3201, Result.WRONG_NUMBER), (4201, Result.UNAVAILABLE), (5003, Result.FAILED),
        (1119, Result.CANCELLED), (1090, None), (9999, Result.UNKNOWN), (-5, Result.UNKNOWN),
    ],
)  # fmt: skip
def test_reason_is_translated_and_an_unknown_one_falls_back_to_its_class(code: int, result: Result | None) -> None:
    assert look_up_result(code)[0] is result


def test_every_word_for_a_reason_is_used_and_answered_is_none_of_them() -> None:
    assert set(RESULTS.values()) == set(Result) - {Result.ANSWERED, Result.UNKNOWN} | {None}


# --- Summaries --------------------------------------------------------------------------------------


def test_summary_of_a_talk() -> None:
    stated = summary()
    assert (stated.kind, stated.direction, stated.client) == (EventKind.SUMMARY, Direction.INBOUND, ANNA)
    assert (stated.extension, stated.result, stated.talk_seconds) == ("101", Result.ANSWERED, 88)
    assert stated.answered_at == datetime(2026, 1, 1, 0, 0, 12, tzinfo=UTC)
    assert stated.at == stated.ended_at == datetime(2026, 1, 1, 0, 1, 40, tzinfo=UTC)


def test_talk_time_decides_and_entry_result_does_not() -> None:
    missed = summary(talk_time=0, entry_result=1)
    assert (missed.answered_at, missed.talk_seconds, missed.result) == (None, 0, Result.CANCELLED)
    talked = summary(entry_result=0)
    assert (talked.talk_seconds, talked.result) == (88, Result.ANSWERED)


def test_summary_of_an_outbound_call_names_the_caller_of_ours() -> None:
    stated = summary(
        call_direction="2", **{"from": {"extension": "101", "number": OWN}, "to": {"number": "79001234567"}}
    )
    assert (stated.direction, stated.extension, stated.client) == (Direction.OUTBOUND, "101", ANNA)


def test_missed_summary_with_a_group_in_place_of_an_employee() -> None:
    stated = summary(talk_time=0, to={"extension": "300"})
    assert (stated.extension, stated.group) == (None, "300")


def test_summary_whose_clock_runs_backwards_has_no_negative_talk() -> None:
    assert summary(end_time=SUMMARY["talk_time"] - 10800).talk_seconds == 0


def test_clock_offset_of_the_connection_is_taken_off_every_moment() -> None:
    moscow = ParseContext("RU", {"epoch_offset_seconds": 10800})
    body = {name: value + 10800 if name.endswith("_time") else value for name, value in SUMMARY.items()}
    shifted = event("events/summary", body, moscow)
    moments = (shifted.at, shifted.started_at, shifted.answered_at, shifted.ended_at)
    assert moments == (summary().at, summary().started_at, summary().answered_at, summary().ended_at)
    assert event("events/call", CALL | {"timestamp": 1767225600 + 10800}, moscow).at == call().at


# --- Recordings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"recording_state": "Started"}, RecordingState.STARTED),
        ({"recording_state": "Started", "recipient": "Mail"}, RecordingState.STARTED),
        ({"recording_state": "Continued"}, RecordingState.STARTED),
        ({"completion_code": 1000, "recipient": "Cloud"}, RecordingState.COMPLETED),
        ({"completion_code": "1000", "recipient": "CloudAndMail"}, RecordingState.COMPLETED),
        ({}, RecordingState.COMPLETED),
        ({"completion_code": 1000, "recipient": "Mail"}, RecordingState.NONE),
        ({"completion_code": 4002}, RecordingState.NONE),
        ({"completion_code": 2251}, RecordingState.NONE),
    ],
)
def test_recording_state_says_whether_there_will_be_a_file(changes: dict[str, Any], state: RecordingState) -> None:
    body = {"recording_id": "R", "recording_state": "Completed", "entry_id": "E", "timestamp": 1767225600}
    news = event("events/recording", body | {"extension": "101"} | changes).recording
    assert news is not None
    assert (news.key, news.state, news.extension) == ("R", state, "101")


def test_unknown_recording_state_changes_nothing() -> None:
    body = {"recording_id": "R", "recording_state": "Melted", "entry_id": "E", "timestamp": 1767225600}
    stated = event("events/recording", body)
    assert (stated.kind, stated.recording) == (EventKind.UNKNOWN, None)


def test_received_moment_plays_no_part() -> None:
    assert call().at == RECEIVED_AT
