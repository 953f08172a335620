"""Mango's extended statistics: ordered as it wants, believed only when complete, and read as the same call."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.mango.history import MangoHistory
from hub.calls.fold import fold
from hub.domain.call import Call, Outcome
from hub.domain.errors import NotReady, Rejected, Throttled, Unreachable
from hub.domain.events import CallEvent, Direction, RecordingState, Result
from hub.net.http import HttpAnswer
from tests.mango.door import Sent, answer, door_to

SINCE = datetime(2026, 1, 1, 9, tzinfo=UTC)
UNTIL = SINCE + timedelta(hours=2)
START = 1767258000  # 2026-01-01 09:00:00 UTC


def leg(extension: str | None = "101", **facts: Any) -> dict[str, Any]:
    return {
        "call_type": "user", "call_abonent_id": 7101, "call_abonent_info": "Anna", "call_abonent_number": "sip:a@x",
        "call_abonent_extension": extension, "call_start_time": START + 5, "call_answer_time": START + 12,
        "call_end_time": START + 72, "call_duration": 67, "talk_duration": 60, "call_end_reason": 1110,
        "recording_id": ["rec1"], "external_call_id": "leg1", "members": [], **facts,
    }  # fmt: skip


def entry(*legs: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {
        "entry_id": "e1", "context_type": 1, "context_status": 1, "caller_id": None, "caller_name": "",
        "caller_number": "79001234567", "called_number": "74950000001", "context_start_time": START, "duration": 72,
        "talk_duration": 60, "context_calls": list(legs), **facts,
    }  # fmt: skip


def complete(*entries: dict[str, Any]) -> HttpAnswer:
    days = [{"period": "2026-01-01", "list": list(entries), "total_calls_count": len(entries)}]
    return answer(200, {"result": 1000, "status": "complete", "data": days})


KEY = answer(200, {"key": "a2V5"})
USERS = answer(200, {"users": [{"general": {"user_id": 7101}, "telephony": {"extension": 101}}]})


def ask(*answers: HttpAnswer) -> tuple[Sequence[CallEvent], list[Sent], list[float]]:
    waits: list[float] = []
    door, sent = door_to(*answers)
    return MangoHistory(waits.append).history(door, SINCE, UNTIL), sent, waits


def call_of(*answers: HttpAnswer) -> Call:
    return fold(ask(*answers)[0])


def body(sent: Sent) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sent.form["json"])
    return found


# --- The order and the polls --------------------------------------------------------------------------


def test_order_is_in_moscow_time_with_a_known_limit_and_the_key_is_polled_with_care() -> None:
    _, sent, waits = ask(KEY, answer(204), answer(200, {"result": 1000, "status": "work"}), complete())
    paths = [request.url.removeprefix("https://app.mango-office.ru/vpbx/") for request in sent]
    assert paths == ["stats/calls/request", *["stats/calls/result"] * 3]
    assert body(sent[0]) == {
        "start_date": "01.01.2026 12:00:00",
        "end_date": "01.01.2026 14:00:00",
        "limit": 1000,
        "offset": 0,
    }
    assert [body(request) for request in sent[1:]] == [{"key": "a2V5"}] * 3
    assert waits[0] > 2
    assert all(wait > 5 for wait in waits[1:])
    assert not any(request.write for request in sent)


def test_part_of_an_answer_is_not_believed() -> None:
    days = [{"period": "2026-01-01", "list": [entry(leg())]}]
    part = answer(200, {"result": 1000, "status": "work", "data": days})
    events, _, _ = ask(KEY, part, complete(entry(leg()), entry(leg(external_call_id="leg2"), entry_id="e2")))
    assert {event.call_key for event in events} == {"e1", "e2"}


def test_report_that_is_never_ready_is_given_up_before_its_key_dies() -> None:
    door, _ = door_to(KEY, *[answer(204)] * 20)
    waits: list[float] = []
    with pytest.raises(NotReady):
        MangoHistory(waits.append).history(door, SINCE, UNTIL)
    assert sum(waits) < 60


@pytest.mark.parametrize(
    ("poll", "error"),
    [
        (answer(404, {"result": 3300}), NotReady),
        (answer(200, {"result": 5004, "status": "error"}), Unreachable),
        (answer(200, {"result": 1000, "status": "error"}), Unreachable),
        (answer(200, {"result": 1000, "status": "cancel"}), Unreachable),
        (answer(429, {"code": 0}), Throttled),
    ],
)
def test_report_that_failed_is_an_error_and_no_empty_list(poll: HttpAnswer, error: type[Exception]) -> None:
    with pytest.raises(error):
        ask(KEY, poll)


def test_refused_order_is_not_repeated() -> None:
    door, sent = door_to(answer(400, {"result": 3100, "fields": {"end_date": 3111}}), KEY)
    with pytest.raises(Rejected):
        MangoHistory(lambda _: None).history(door, SINCE, UNTIL)
    assert len(sent) == 1


def test_full_page_is_followed_by_the_next() -> None:
    page = [entry(leg(), entry_id=f"e{number}") for number in range(1000)]
    events, sent, _ = ask(KEY, complete(*page), KEY, complete(entry(leg(), entry_id="last")))
    assert len({event.call_key for event in events}) == 1001
    assert [body(request)["offset"] for request in sent if "offset" in body(request)] == [0, 1000]


def test_month_and_more_is_asked_for_in_pieces_of_less_than_thirty_days() -> None:
    door, sent = door_to(KEY, complete(), KEY, complete(), KEY, complete())
    MangoHistory(lambda _: None).history(door, SINCE, SINCE + timedelta(days=70))
    orders = [body(request) for request in sent if "offset" in body(request)]
    assert [order["start_date"] for order in orders] == [
        "01.01.2026 12:00:00",
        "30.01.2026 12:00:00",
        "28.02.2026 12:00:00",
    ]


def test_nothing_is_asked_for_no_time_at_all() -> None:
    door, sent = door_to()
    assert MangoHistory().history(door, SINCE, SINCE) == ()
    assert sent == []


# --- What an entry tells ------------------------------------------------------------------------------


def test_answered_call_is_told_as_the_events_would_have() -> None:
    call = call_of(KEY, complete(entry(leg())))
    assert (call.key, call.direction, call.outcome, call.answered_by) == (
        "e1",
        Direction.INBOUND,
        Outcome.ANSWERED,
        "101",
    )
    assert call.client is not None
    assert call.line is not None
    assert (call.client.e164, call.line.e164) == ("+79001234567", "+74950000001")
    assert (call.talk_seconds, call.wait_seconds) == (60, 12)
    assert (call.started_at, call.ended_at) == (SINCE, SINCE + timedelta(seconds=72))
    assert [(one.key, one.state) for one in call.recordings] == [("rec1", RecordingState.AVAILABLE)]
    assert [one.key for one in call.legs] == ["leg1"]


def test_employees_are_asked_for_when_entries_name_them_by_id_only() -> None:
    bare = leg()
    del bare["call_abonent_extension"]
    events, sent, _ = ask(KEY, complete(entry(bare)), USERS)
    assert fold(events).answered_by == "101"
    assert sent[-1].url.endswith("config/users/request")
    assert body(sent[-1]) == {"ext_fields": ["general.user_id"]}


def test_missed_call_keeps_the_reason_of_its_leg() -> None:
    silent = leg(call_answer_time=None, talk_duration=0, call_end_reason=1111, recording_id=[])
    call = call_of(KEY, complete(entry(silent, context_status=0, talk_duration=0)))
    assert (call.outcome, call.missed_reason, call.first_rung) == (Outcome.MISSED, Result.NO_ANSWER, "101")


def test_call_that_ended_in_the_menu_has_no_legs_and_nobody_talked() -> None:
    call = call_of(KEY, complete(entry(context_status=1, talk_duration=30)))
    assert (call.outcome, call.missed_reason, call.talk_seconds) == (Outcome.MISSED, Result.IN_MENU, 0)


def test_outbound_call_is_on_who_called() -> None:
    out = leg(None, call_type="number", call_abonent_id=None, call_abonent_number="79001234567")
    facts = {"caller_number": "sip:anna@acme.mangosip.ru", "called_number": "79001234567", "caller_id": 7101}
    call = call_of(KEY, complete(entry(out, context_type=2, **facts)), USERS)
    assert (call.direction, call.outcome, call.answered_by) == (Direction.OUTBOUND, Outcome.ANSWERED, "101")
    assert call.client is not None
    assert call.client.e164 == "+79001234567"


def test_internal_call_has_no_client() -> None:
    call = call_of(KEY, complete(entry(leg(), context_type=3)))
    assert (call.direction, call.client) == (Direction.INTERNAL, None)


def test_group_is_told_by_its_members() -> None:
    members = [
        leg("101", external_call_id="m1", call_answer_time=None, call_end_reason=1183, recording_id=[]),
        leg("102", external_call_id="m2"),
    ]
    group = leg(None, call_type="group", call_abonent_id=5, external_call_id="g1", members=members)
    call = call_of(KEY, complete(entry(group)))
    assert (call.rung, call.answered_by, [one.key for one in call.legs]) == (("101", "102"), "102", ["m1", "m2"])


def test_hidden_caller_is_said_to_be_hidden() -> None:
    events, _, _ = ask(KEY, complete(entry(leg(), caller_number="")))
    assert all(event.client is None for event in events)
    assert any(event.hidden for event in events)


def test_entry_that_makes_no_sense_is_left_out_and_harms_no_other() -> None:
    strange = entry(leg(), entry_id="e2", context_start_time="yesterday")
    events, _, _ = ask(KEY, complete(strange, entry(leg())))
    assert {event.call_key for event in events} == {"e1"}


def test_call_that_still_goes_on_states_nothing() -> None:
    assert ask(KEY, complete(entry(leg(), duration=None)))[0] == []
