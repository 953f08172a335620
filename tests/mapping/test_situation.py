"""Situations: twelve of them, one for every call that is over."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.calls.fold import fold
from hub.domain.call import Call
from hub.domain.events import CallEvent, Direction, EventKind, Place, Result
from mapping.facts import PlanFacts
from mapping.model import Situation
from mapping.situation import situations
from tests.delivery.story import answers, ends, event, leaves, rings

TALK = (rings("101", 1), answers("101", 5), leaves("101", 65), ends(65, answered_at=5, extension="101"))
RANG = (rings("101", 1), ends(20, answered_at=None, extension="101"))
MENU = (event(EventKind.APPEARED, 1, leg_key="m", place=Place.MENU), ends(9, answered_at=None, extension=None))
QUEUE = (*MENU[:1], event(EventKind.APPEARED, 2, leg_key="q", place=Place.QUEUE), MENU[1])


def told(*events: CallEvent, call: dict[str, Any] | None = None, **more: Any) -> tuple[Situation, ...]:
    folded: Call = replace(fold(events), **(call or {}))
    return situations(PlanFacts(call=folded, call_id="u", **more))


OUT = {"direction": Direction.OUTBOUND}
BACK = {"direction": Direction.OUTBOUND, "callback_id": "c1"}


@pytest.mark.parametrize(
    ("events", "call", "more", "situation"),
    [
        (TALK, {}, {}, Situation.INBOUND_ANSWERED),
        (RANG, {}, {}, Situation.INBOUND_MISSED),
        (RANG, {}, {"after_missed": True}, Situation.REPEAT_MISSED),
        (RANG, {}, {"after_hours": True, "after_missed": True}, Situation.AFTER_HOURS),
        (RANG, {"missed_reason": Result.OFF_HOURS}, {}, Situation.AFTER_HOURS),
        (TALK, {}, {"after_hours": True}, Situation.INBOUND_ANSWERED),
        (MENU, {}, {}, Situation.IVR_ONLY),
        (QUEUE, {}, {}, Situation.INBOUND_MISSED),
        (RANG[1:], {"missed_reason": Result.IN_MENU}, {}, Situation.IVR_ONLY),
        (TALK, OUT, {}, Situation.OUTBOUND_ANSWERED),
        (TALK, OUT, {"after_missed": True}, Situation.CALLED_BACK),
        (RANG, OUT, {"after_missed": True}, Situation.OUTBOUND_UNANSWERED),
        (TALK, BACK, {}, Situation.CALLBACK_DONE),
        (RANG, BACK, {}, Situation.CALLBACK_FAILED),
        (TALK, {"direction": Direction.INTERNAL}, {}, Situation.INTERNAL),
        (RANG, {}, {"situation": Situation.FORM}, Situation.FORM),
    ],
)
def test_a_call_that_is_over_is_in_exactly_one_situation(
    events: tuple[CallEvent, ...], call: dict[str, Any], more: dict[str, Any], situation: Situation
) -> None:
    if call.get("direction") is Direction.OUTBOUND:
        folded = fold([replace(one, direction=Direction.OUTBOUND) for one in events])
        assert situations(PlanFacts(call=replace(folded, **call), call_id="u", **more)) == (situation,)
    else:
        assert told(*events, call=call, **more) == (situation,)


def test_a_ringing_call_can_still_come_to_several() -> None:
    assert told(rings("101", 1)) == (Situation.INBOUND_ANSWERED, Situation.INBOUND_MISSED)
    assert told(*MENU[:1])[-1] is Situation.IVR_ONLY
    assert told(rings("101", 1), answers("101", 5)) == (Situation.INBOUND_ANSWERED,)
