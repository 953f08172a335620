"""Which leg of a call may still be sent elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Collection

from hub.domain.call import Call, Leg
from hub.domain.events import Direction, Place

_WAITING_PLACES = (Place.MENU, Place.QUEUE)


def may_be_steered(call: Call) -> bool:
    """Whether an outside caller is still without one of ours, be it that no leg is known to wait just now."""
    return not call.is_over and call.direction is Direction.INBOUND and call.answered_by is None


def leg_to_steer(call: Call, target: str | None = None, gone: Collection[str] = ()) -> Leg | None:
    """The newest leg in which an outside caller waits for one of ours; None when nobody waits, or `target` rings.

    A leg that rings an employee counts only once the call has left the menu: then it is interception.
    `gone` are the keys of legs that the PBX has called ended before its events did.
    """
    if not may_be_steered(call):
        return None
    alive = [leg for leg in call.legs if leg.ended_at is None and leg.key not in gone]
    if target is not None and any(leg.extension == target and leg.place is Place.EMPLOYEE for leg in alive):
        return None
    waiting = [leg for leg in alive if leg.place in _WAITING_PLACES]
    ringing = [leg for leg in alive if leg.place is Place.EMPLOYEE and leg.answered_at is None and leg.came_from_leg]
    if any(leg.place is Place.EMPLOYEE and leg.answered_at is not None for leg in alive):
        return None
    found = waiting or ringing
    return max(found, key=lambda leg: (leg.rang_at, leg.key)) if found else None
