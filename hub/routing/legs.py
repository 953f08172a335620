"""Which leg of a call may still be sent elsewhere. Pure."""

from __future__ import annotations

from hub.domain.call import Call, Leg
from hub.domain.events import Direction, Place

_WAITING_PLACES = (Place.MENU, Place.QUEUE)


def leg_to_steer(call: Call, target: str | None = None) -> Leg | None:
    """The newest leg in which an outside caller waits for one of ours; None when nobody waits, or `target` rings.

    A leg that rings an employee counts only once the call has left the menu: then it is interception.
    """
    if call.is_over or call.direction is not Direction.INBOUND or call.answered_by is not None:
        return None
    alive = [leg for leg in call.legs if leg.ended_at is None]
    if target is not None and any(leg.extension == target and leg.place is Place.EMPLOYEE for leg in alive):
        return None
    waiting = [leg for leg in alive if leg.place in _WAITING_PLACES]
    ringing = [leg for leg in alive if leg.place is Place.EMPLOYEE and leg.answered_at is None and leg.came_from_leg]
    if any(leg.place is Place.EMPLOYEE and leg.answered_at is not None for leg in alive):
        return None
    found = waiting or ringing
    return max(found, key=lambda leg: (leg.rang_at, leg.key)) if found else None
