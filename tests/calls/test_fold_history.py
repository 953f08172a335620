"""What the PBX's history tells afterwards fills gaps, and changes nothing that was heard at the time."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.calls.fold import fold
from hub.domain.call import Outcome
from hub.domain.events import CallEvent, EventKind
from tests.delivery.reconciling import from_history, whole_call
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import START

HEARD = (rings("102", 1), *whole_call(), leaves("102", 5))


def told(off_seconds: int) -> list[CallEvent]:
    """The same call as a history tells it, by a clock that is a little off."""
    shift = timedelta(seconds=off_seconds)
    events = []
    for event in from_history(*HEARD):
        moments = {
            name: moment + shift
            for name in ("at", "answered_at", "ended_at")
            if (moment := getattr(event, name)) is not None
        }
        events.append(dataclasses.replace(event, **moments))
    return events


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3), st.randoms(use_true_random=False))
def test_history_changes_nothing_of_a_call_that_was_heard_whole(off_seconds: int, chance: object) -> None:
    events = [*HEARD, *told(off_seconds)]
    chance.shuffle(events)  # type: ignore[attr-defined]
    assert fold(events) == fold(HEARD)


@settings(max_examples=60, deadline=None)
@given(st.sets(st.integers(0, len(HEARD) - 1)), st.randoms(use_true_random=False))
def test_whatever_was_lost_the_history_makes_the_same_call_of_it(lost: set[int], chance: object) -> None:
    events = [*(event for number, event in enumerate(HEARD) if number not in lost), *told(0)]
    chance.shuffle(events)  # type: ignore[attr-defined]
    assert fold(events) == fold(HEARD)


def test_answered_call_does_not_become_missed_by_either() -> None:
    heard_missed = (rings("101", 1), ends(20, answered_at=None, extension=None))
    told_answered = from_history(rings("101", 1), answers("101", 5), ends(65, answered_at=5, extension="101"))
    assert fold([*heard_missed, *told_answered]).outcome is Outcome.ANSWERED
    told_missed = from_history(ends(20, answered_at=None, extension=None))
    assert fold([*whole_call(), *told_missed]).outcome is Outcome.ANSWERED


def test_mark_of_the_history_is_kept_with_the_event() -> None:
    from hub.domain.codec import from_document, to_document

    event = dataclasses.replace(rings("101", 1), from_history=True)
    assert from_document(to_document(event), CallEvent) == event
    assert "from_history" not in to_document(rings("101", 1))
    assert (event.kind, event.at) == (EventKind.APPEARED, START + timedelta(seconds=1))
