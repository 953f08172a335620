"""What becomes known of a call beside its course: cost, rating, transcript."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hub.calls.fold import fold
from hub.calls.storable import storable
from hub.domain.call import Closing
from hub.domain.events import CallEvent, Cost, EventKind, Phrase, Side
from tests.delivery.story import answers, ends, event, leaves, rings
from webhooks.contract import Stated

TALK = (rings("101", 1), answers("101", 5), leaves("101", 65), ends(65, answered_at=5, extension="101"))
HELLO = (Phrase(Side.CLIENT, 0, 2, "Hello"),)


def remark(second: float, **said: Any) -> CallEvent:
    return event(EventKind.REMARK, second, **said)


def test_the_last_word_on_cost_rating_and_transcript_counts() -> None:
    call = fold(
        (*TALK, remark(90, cost=Cost("1.20"), rating=3), remark(95, cost=Cost("3.60", "RUB"), transcript=HELLO))
    )
    assert (call.cost, call.rating, call.transcript) == (Cost("3.60", "RUB"), 3, HELLO)


def test_the_history_gives_way_to_what_was_said_at_the_time() -> None:
    told = remark(90, cost=Cost("1.20"))
    listed = replace(remark(99, cost=Cost("9")), from_history=True)
    assert fold((*TALK, told, listed)).cost == Cost("1.20")
    assert fold((*TALK, listed)).cost == Cost("9")


def test_a_remark_long_after_the_call_changes_nothing_of_its_course() -> None:
    before, after = fold(TALK), fold((*TALK, remark(900, rating=5)))
    assert replace(after, rating=None) == before
    unfinished = fold((*TALK[:3], remark(900, rating=5)))
    assert unfinished.closing is Closing.OPEN
    assert fold((*TALK[:3], remark(900, rating=5)), stale=True).ended_at == fold(TALK[:3], stale=True).ended_at


def test_what_no_call_can_have_is_left_out() -> None:
    odd = remark(
        90,
        cost=Cost("lots", "RUB"),
        rating=0,
        transcript=(
            Phrase(Side.CLIENT, 0, 2, "  "),
            Phrase(Side.CLIENT, 3, 1, "back in time"),
            Phrase(Side.EMPLOYEE, 0, 1, "Ac\x00me"),
        ),
    )
    kept = storable(Stated((odd, remark(91, cost=Cost("1", "rubles"), rating=5))))
    assert isinstance(kept, Stated)
    first, second = kept.events
    assert (first.cost, first.rating) == (None, None)
    assert [phrase.side for phrase in first.transcript] == [Side.EMPLOYEE]
    assert "\x00" not in first.transcript[0].text
    assert (second.cost, second.rating) == (Cost("1"), 5)
