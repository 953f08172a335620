"""Which situation a call is in. Pure and total: while it goes on, which ones it can still come to."""

from __future__ import annotations

from hub.domain.call import Outcome
from hub.domain.events import Direction, Place, Result
from mapping.facts import PlanFacts
from mapping.model import Situation


def situations(facts: PlanFacts) -> tuple[Situation, ...]:
    """The one situation of a call that is over, or of what is no call; all that are possible of one that goes on.

    Of a missed call the first of these that holds: nobody was at work; it got no further than the menu; the client's
    last call had been missed as well; it was missed.
    """
    call = facts.call
    if facts.situation is not None:
        return (facts.situation,)
    if call.direction is Direction.INTERNAL:
        return (Situation.INTERNAL,)
    good, bad = _answered(facts), _unanswered(facts)
    if call.outcome is Outcome.ANSWERED or call.answered_at is not None:
        return (good,)
    if call.is_over:
        return (bad[-1],)
    return (good, *bad)


def _answered(facts: PlanFacts) -> Situation:
    if facts.call.callback_id is not None:
        return Situation.CALLBACK_DONE
    if facts.call.direction is Direction.OUTBOUND:
        return Situation.CALLED_BACK if facts.after_missed else Situation.OUTBOUND_ANSWERED
    return Situation.INBOUND_ANSWERED


def _unanswered(facts: PlanFacts) -> tuple[Situation, ...]:
    """How it ends when nobody talks; what holds if it ended now comes last."""
    if facts.call.callback_id is not None:
        return (Situation.CALLBACK_FAILED,)
    if facts.call.direction is Direction.OUTBOUND:
        return (Situation.OUTBOUND_UNANSWERED,)
    if facts.after_hours or facts.call.missed_reason is Result.OFF_HOURS:
        return (Situation.AFTER_HOURS,)
    missed = Situation.REPEAT_MISSED if facts.after_missed else Situation.INBOUND_MISSED
    return (missed, Situation.IVR_ONLY) if _only_menu(facts) else (missed,)


def _only_menu(facts: PlanFacts) -> bool:
    call = facts.call
    places = {leg.place for leg in call.legs}
    if call.rung or Place.QUEUE in places:
        return False
    return call.missed_reason is Result.IN_MENU or Place.MENU in places
