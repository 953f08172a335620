"""The fold's rules, in the hub's own words, whatever PBX the events come from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.calls.fold import fold
from hub.domain.call import Closing, Outcome
from hub.domain.events import CallEvent, Direction, EventKind, Place, RecordingNews, RecordingState, Result
from hub.domain.phone import Phone

START = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Phone("79001234567", "+79001234567")
BORIS = Phone("79160000009", "+79160000009")
LINE = Phone("74950000001", "+74950000001")


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


def event(kind: EventKind, seconds: int, leg: str | None = None, **facts: Any) -> CallEvent:
    name = f"{kind}:{leg}:{seconds}:{facts.get('seq')}"
    return CallEvent(kind=kind, call_key="E", event_key=name, at=at(seconds), leg_key=leg, **facts)


def ring(seconds: int, leg: str, extension: str | None = "101", **facts: Any) -> CallEvent:
    facts = {"place": Place.EMPLOYEE, "direction": Direction.INBOUND, "client": ANNA, "line": LINE} | facts
    return event(EventKind.APPEARED, seconds, leg, extension=extension, **facts)


def answer(seconds: int, leg: str, extension: str | None = "101", **facts: Any) -> CallEvent:
    facts = {"place": Place.EMPLOYEE, "direction": Direction.INBOUND} | facts
    return event(EventKind.ANSWERED, seconds, leg, extension=extension, **facts)


def end(seconds: int, leg: str, result: Result | None = None, **facts: Any) -> CallEvent:
    return event(EventKind.ENDED, seconds, leg, result=result, **facts)


def summary(seconds: int, **facts: Any) -> CallEvent:
    facts = {"direction": Direction.INBOUND, "ended_at": at(seconds), "talk_seconds": 0} | facts
    return event(EventKind.SUMMARY, seconds, None, **facts)


def recording(seconds: int, key: str, state: RecordingState, extension: str | None = None) -> CallEvent:
    return event(EventKind.RECORDING, seconds, f"leg-{key}", recording=RecordingNews(key, state, extension))


def test_nothing_stated_is_no_call() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fold([])


# --- Answered or not --------------------------------------------------------------------------------


def test_ringing_call_is_in_progress() -> None:
    call = fold([ring(0, "a")])
    assert (call.outcome, call.closing, call.ringing) == (Outcome.IN_PROGRESS, Closing.OPEN, ("101",))
    assert (call.wait_seconds, call.talk_seconds, call.answered_at) == (0, 0, None)


def test_answer_shows_at_once_and_stops_the_ringing() -> None:
    call = fold([ring(0, "a"), answer(5, "a")])
    assert (call.answered_by, call.answered_at, call.wait_seconds, call.ringing) == ("101", at(5), 5, ())
    assert not call.is_over


def test_answered_call_never_becomes_missed() -> None:
    talked = [ring(0, "a"), answer(5, "a"), end(30, "a", Result.CANCELLED)]
    contradicting = summary(30, talk_seconds=0, result=Result.NO_ANSWER)
    for late in (contradicting, end(40, "b", Result.NO_ANSWER), ring(41, "c", "102")):
        call = fold([*talked, contradicting, late])
        assert (call.outcome, call.answered_by, call.missed_reason) == (Outcome.ANSWERED, "101", None)


def test_summary_says_answered_even_when_all_else_was_lost() -> None:
    call = fold([summary(60, extension="101", started_at=at(0), answered_at=at(10), talk_seconds=50)])
    assert (call.outcome, call.answered_by, call.answered_at) == (Outcome.ANSWERED, "101", at(10))
    assert (call.wait_seconds, call.talk_seconds, call.started_at, call.ended_at) == (10, 50, at(0), at(60))


def test_menu_and_queue_that_pick_up_answer_nobody() -> None:
    for place in (Place.MENU, Place.QUEUE):
        events = [answer(0, "m", None, place=place), end(9, "m"), summary(9)]
        assert fold(events).outcome is Outcome.MISSED


@pytest.mark.parametrize(
    ("direction", "outcome"),
    [
        (Direction.INBOUND, Outcome.MISSED), (Direction.OUTBOUND, Outcome.UNANSWERED),
        (Direction.INTERNAL, Outcome.UNANSWERED), (None, Outcome.MISSED),
    ],
)  # fmt: skip
def test_call_that_nobody_answered_is_missed_or_unanswered_by_direction(
    direction: Direction | None, outcome: Outcome
) -> None:
    assert fold([summary(9, direction=direction)]).outcome is outcome


def test_operator_who_picks_up_a_callback_has_not_talked_to_the_client() -> None:
    facts = {"direction": Direction.OUTBOUND}
    operator = [ring(0, "o", **facts), answer(3, "o", **facts)]
    client = ring(4, "c", place=Place.CLIENT, came_from_leg="o", **facts)
    assert fold([*operator, client]).answered_at is None
    talking = fold([*operator, client, answer(9, "c", place=Place.CLIENT, came_from_leg="o", **facts)])
    assert (talking.answered_at, talking.answered_by, talking.wait_seconds) == (at(9), "101", 9)


def test_colleague_who_takes_over_an_outbound_call_talked_last() -> None:
    facts = {"direction": Direction.OUTBOUND}
    call = fold(
        [
            answer(5, "c", place=Place.CLIENT, **facts),
            answer(30, "t", "102", came_from_leg="c"),
            summary(60, extension="101", answered_at=at(5), talk_seconds=55, **facts),
        ]
    )
    assert (call.direction, call.answered_by, call.answered_at) == (Direction.OUTBOUND, "102", at(5))


def test_internal_call_is_answered_by_a_colleague_and_has_no_client() -> None:
    facts = {"direction": Direction.INTERNAL, "with_client": False}
    call = fold(
        [ring(0, "a", "102", **facts), answer(4, "a", "102", **facts), summary(9, direction=Direction.INTERNAL)]
    )
    assert (call.outcome, call.answered_by, call.client, call.talk_seconds) == (Outcome.ANSWERED, "102", None, 5)


def test_hold_tells_of_an_answer_that_was_lost() -> None:
    call = fold([ring(0, "a"), event(EventKind.HELD, 20, "a", extension="101", place=Place.EMPLOYEE)])
    assert (call.answered_by, call.answered_at) == ("101", at(20))


# --- Who --------------------------------------------------------------------------------------------


def test_who_talked_last_answered_and_who_rang_first_was_rung_first() -> None:
    events = [ring(0, "a", "101"), answer(5, "a", "101"), ring(20, "b", "102"), answer(25, "b", "102"), summary(60)]
    call = fold(events)
    assert (call.answered_by, call.first_rung, call.rung) == ("102", "101", ("101", "102"))


def test_client_who_comes_back_makes_the_first_one_the_last_to_talk() -> None:
    events = [answer(5, "a", "101"), answer(25, "b", "102"), answer(40, "a", "101"), summary(60, answered_at=at(5))]
    assert fold(events).answered_by == "101"


def test_consultation_between_two_employees_is_no_talk_with_the_client() -> None:
    assert fold([answer(5, "a", "101"), answer(25, "b", "102", with_client=False)]).answered_by == "101"


def test_summary_names_the_employee_when_no_leg_does() -> None:
    talked = fold([answer(5, "a", None), summary(9, extension="101", answered_at=at(5))])
    missed = fold([summary(9, extension="101")])
    assert (talked.answered_by, missed.answered_by, missed.first_rung) == ("101", None, "101")


def test_queue_with_five_missed_legs_and_one_answer_is_one_answered_call() -> None:
    legs = [(ring(n, f"l{n}", f"10{n}"), end(n + 10, f"l{n}", Result.NO_ANSWER)) for n in range(1, 6)]
    answered = [ring(20, "l6", "106"), answer(22, "l6", "106"), end(60, "l6")]
    events = [summary(60, answered_at=at(22), talk_seconds=38), *answered, *(one for leg in legs for one in leg)]
    call = fold(events)
    assert (call.outcome, call.answered_by, call.first_rung, len(call.legs)) == (Outcome.ANSWERED, "106", "101", 6)


def test_pbx_that_names_no_legs_has_one_for_each_extension() -> None:
    events = [replace(one, leg_key=None) for one in (ring(0, "x", "101"), ring(1, "y", "102"), answer(5, "y", "102"))]
    assert (fold(events).rung, fold(events).answered_by, fold(events).ringing) == (("101", "102"), "102", ("101",))


# --- Client, line, direction ------------------------------------------------------------------------


def test_full_number_is_never_overwritten_by_a_worse_one() -> None:
    short = Phone("101")
    for events in ([ring(0, "a"), ring(1, "b", client=short, line=short)], [ring(0, "a", client=short), ring(1, "b")]):
        call = fold(events)
        assert (call.client, call.line) == (ANNA, LINE)
    assert fold([ring(0, "a", client=short)]).client == short


def test_client_is_whom_the_call_began_with() -> None:
    moved = ring(0, "b", "102", client=BORIS, came_from_leg="a", direction=Direction.OUTBOUND)
    call = fold([moved, ring(5, "a")])
    assert (call.client, call.direction) == (ANNA, Direction.INBOUND)


def test_summary_decides_about_the_direction() -> None:
    call = fold([ring(0, "a"), summary(9, direction=Direction.OUTBOUND)])
    assert (call.direction, call.outcome) == (Direction.OUTBOUND, Outcome.UNANSWERED)


def test_step_between_employees_does_not_make_a_call_internal() -> None:
    inner = ring(0, "b", "102", direction=Direction.INTERNAL, client=None)
    assert fold([inner, ring(3, "a")]).direction is Direction.INBOUND
    assert fold([inner]).direction is Direction.INTERNAL


# --- The end ----------------------------------------------------------------------------------------


def test_end_of_a_leg_does_not_end_the_call_and_an_end_of_no_leg_does() -> None:
    legs_end = [ring(0, "a"), end(9, "a", Result.NO_ANSWER)]
    assert fold(legs_end).closing is Closing.OPEN
    whole = event(EventKind.ENDED, 10, None, result=Result.BUSY)
    call = fold([*legs_end, whole])
    assert (call.closing, call.ended_at, call.missed_reason) == (Closing.STATED, at(10), Result.BUSY)


def test_second_summary_changes_nothing() -> None:
    first = [ring(0, "a"), summary(9, result=Result.NO_ANSWER)]
    assert fold([*first, first[-1]]) == fold(first)


def test_stale_call_ends_with_its_last_news() -> None:
    events = [ring(0, "a"), answer(5, "a"), end(65, "a"), recording(400, "r", RecordingState.AVAILABLE)]
    call = fold(events, stale=True)
    assert (call.closing, call.outcome, call.ended_at) == (Closing.STALE, Outcome.ANSWERED, at(65))
    assert (call.talk_seconds, call.ringing) == (60, ())
    assert fold([ring(0, "a")], stale=True).outcome is Outcome.MISSED


def test_end_that_comes_after_all_corrects_a_stale_call() -> None:
    events = [ring(0, "a"), summary(30, result=Result.CANCELLED)]
    assert fold(events, stale=True) == fold(events)
    assert fold(events).closing is Closing.STATED


@pytest.mark.parametrize(
    ("legs", "reason"),
    [
        ([end(9, "a", Result.NO_ANSWER)], Result.NO_ANSWER),
        ([end(9, "a", Result.BUSY), end(20, "b", Result.DECLINED)], Result.DECLINED),
        ([end(9, "a", Result.BUSY), end(20, "b", Result.MOVED)], Result.BUSY),
        ([end(9, "m", Result.IN_MENU, place=Place.MENU)], Result.IN_MENU),
        ([end(9, "a", Result.BUSY), end(20, "q", Result.UNAVAILABLE, place=Place.QUEUE)], Result.BUSY),
        ([ring(0, "a")], None),
    ],
)
def test_without_the_summarys_word_the_last_leg_says_why_it_was_missed(
    legs: list[CallEvent], reason: Result | None
) -> None:
    assert fold([*legs, summary(30)]).missed_reason is reason
    assert fold([*legs, summary(30, result=Result.OFF_HOURS)]).missed_reason is Result.OFF_HOURS


# --- Clocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-3, 3])
def test_clock_that_is_hours_wrong_makes_nothing_negative(hours: int) -> None:
    off = hours * 3600
    legs = [ring(off, "a"), answer(off + 5, "a"), end(off + 65, "a")]
    call = fold([*legs, summary(65, started_at=at(0), answered_at=at(5), talk_seconds=60, extension="101")])
    assert (call.wait_seconds, call.talk_seconds) == (5, 60)
    assert call.ended_at is not None
    assert call.answered_at is not None
    assert call.started_at <= call.answered_at <= call.ended_at


def test_leg_that_ended_before_it_was_answered_lasts_until_its_last_news() -> None:
    (leg,) = fold([ring(0, "a", seq=1), answer(50, "a", seq=2), end(20, "a", seq=3)]).legs
    assert (leg.answered_at, leg.ended_at) == (at(50), at(50))


def test_end_that_is_stated_before_everything_else_is_not_before_the_start() -> None:
    call = fold([ring(0, "a"), summary(30, ended_at=at(-7200), answered_at=at(-7000), talk_seconds=None)])
    assert (call.started_at, call.answered_at, call.ended_at) == (at(0), at(0), at(0))
    assert (call.wait_seconds, call.talk_seconds) == (0, 0)


def test_leg_that_was_answered_ended_by_a_talk_unless_it_moved_on() -> None:
    for stated, result in ((Result.CANCELLED, Result.ANSWERED), (Result.MOVED, Result.MOVED), (None, Result.ANSWERED)):
        (leg,) = fold([ring(0, "a"), answer(5, "a"), end(9, "a", stated)]).legs
        assert leg.result is result


def test_counter_of_a_leg_tells_which_news_is_the_last() -> None:
    ends = [end(9, "a", Result.BUSY, seq=3), end(9, "a", Result.NO_ANSWER, seq=4)]
    assert [leg.result for leg in fold(ends).legs] == [Result.NO_ANSWER]
