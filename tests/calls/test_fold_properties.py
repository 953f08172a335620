"""The fold of any events at all: one call in any order, nothing negative, nothing taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from hub.calls.fold import fold
from hub.domain.call import Closing, Outcome
from hub.domain.events import CallEvent, Cost, Direction, EventKind, Place, RecordingNews, RecordingState, Result
from hub.domain.phone import Phone

START = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Phone("79001234567", "+79001234567")
BORIS = Phone("79160000009", "+79160000009")


def at(seconds: int) -> datetime:
    return START + timedelta(seconds=seconds)


MOMENTS = st.integers(0, 6)
KINDS = st.sampled_from(list(EventKind))


@st.composite
def any_event(draw: st.DrawFn) -> CallEvent:
    """Events that disagree about everything: the fold must still come to one call."""
    phones = st.none() | st.sampled_from([ANNA, BORIS, Phone("101"), Phone("102")])
    stated = st.none() | MOMENTS.map(at)
    news = st.builds(RecordingNews, st.sampled_from("rs"), st.sampled_from(list(RecordingState)), st.none())
    return CallEvent(
        kind=draw(KINDS),
        call_key="E",
        event_key=draw(st.sampled_from([str(number) for number in range(30)])),
        at=at(draw(MOMENTS)),
        leg_key=draw(st.none() | st.sampled_from("abc")),
        seq=draw(st.none() | st.integers(1, 3)),
        direction=draw(st.none() | st.sampled_from(list(Direction))),
        place=draw(st.none() | st.sampled_from(list(Place))),
        client=draw(phones),
        line=draw(phones),
        extension=draw(st.none() | st.sampled_from(["101", "102"])),
        with_client=draw(st.booleans()),
        result=draw(st.none() | st.sampled_from(list(Result))),
        talk_seconds=draw(st.none() | st.integers(-5, 5)),
        started_at=draw(stated),
        answered_at=draw(stated),
        ended_at=draw(stated),
        recording=draw(st.none() | news),
        command_id=draw(st.none() | st.sampled_from("xy")),
        came_from_leg=draw(st.none() | st.sampled_from("ab")),
        from_history=draw(st.booleans()),
        cost=draw(st.none() | st.builds(Cost, st.sampled_from(["1", "2"]))),
        rating=draw(st.none() | st.integers(1, 5)),
    )


@given(data=st.data(), events=st.lists(any_event(), min_size=1, max_size=8), stale=st.booleans())
def test_any_order_of_any_events_gives_the_same_call(data: st.DataObject, events: list[CallEvent], stale: bool) -> None:
    shuffled = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=3))))
    call = fold(events, stale=stale)
    assert fold(shuffled, stale=stale) == call
    assert call.wait_seconds >= 0
    assert call.talk_seconds >= 0
    moments = [call.started_at, call.answered_at, call.ended_at]
    known = [moment for moment in moments if moment is not None]
    assert known == sorted(known)
    assert call.outcome is not Outcome.IN_PROGRESS or call.closing is Closing.OPEN


TALKED = CallEvent(
    kind=EventKind.SUMMARY,
    call_key="E",
    event_key="summary",
    at=at(6),
    answered_at=at(2),
    ended_at=at(6),
    talk_seconds=4,
)


@given(events=st.lists(any_event(), min_size=1, max_size=6, unique_by=lambda one: one.event_key), late=any_event())
def test_no_later_news_takes_an_answer_or_an_end_back(events: list[CallEvent], late: CallEvent) -> None:
    before = fold([*events, TALKED])
    after = fold([*events, TALKED, replace(late, event_key="late")])
    assert before.outcome is after.outcome is Outcome.ANSWERED
    assert before.closing is after.closing is Closing.STATED
