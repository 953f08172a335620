"""Who is who on one leg: direction, what it rings, the client (`mango.md §2.9`, pitfalls 8, 10 and 25). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hub.domain.events import Direction, Place

_OWN_DEVICE = re.compile(r"@(?:[^@/;?]*\.)?mangosip\.ru(?:[:;?].*)?$", re.IGNORECASE)
_FEWEST_OUTSIDE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class End:
    """One end of a leg as Mango writes it: the employee's extension, and the number or SIP address."""

    extension: str | None = None
    number: str | None = None

    @property
    def is_ours(self) -> bool:
        return self.extension is not None or is_own_device(self.number)

    @property
    def is_outside(self) -> bool:
        """A number that can be a client's: no device of the firm, and longer than a short number."""
        if self.number is None or is_own_device(self.number):
            return False
        if "@" in self.number:
            return self.extension is None
        return sum(map(str.isdigit, self.number)) >= _FEWEST_OUTSIDE_DIGITS


@dataclass(frozen=True, slots=True)
class LegEnds:
    """A leg's two ends. `ordered` says that a command, a widget or a campaign made this call.

    `came_on` says that the caller was in another leg before, `place` is what `location` says.
    """

    caller: End
    called: End
    place: Place | None
    came_on: bool
    ordered: bool

    @property
    def consults(self) -> bool:
        """An employee calls somebody on while the client waits: nothing here is the client's."""
        return self.came_on and self.caller.is_ours and not self.ordered

    @property
    def goes_outside(self) -> bool:
        return self.called.is_outside and self.place in (None, Place.EMPLOYEE)

    @property
    def client_first(self) -> bool:
        """The first leg of an ordered call that rings the client before the group."""
        return self.ordered and not self.came_on and self.called.extension is None and not self.caller.is_outside


def is_own_device(number: str | None) -> bool:
    return number is not None and _OWN_DEVICE.search(number) is not None


def direction_of(leg: LegEnds) -> Direction | None:
    """The direction of the call as far as this leg shows it; None for a leg that only moves the call on."""
    if leg.ordered:
        return Direction.OUTBOUND
    if leg.consults:
        return None
    if not leg.caller.is_ours or (leg.caller.extension is None and not leg.goes_outside):
        return Direction.INBOUND
    return Direction.OUTBOUND if leg.goes_outside else Direction.INTERNAL


def place_of(leg: LegEnds) -> Place | None:
    """What the leg rings: `abonent` is one of ours, or the outside party that one of ours calls."""
    if leg.place in (Place.MENU, Place.QUEUE):
        return leg.place
    if leg.called.is_ours and not (leg.caller.is_ours and leg.goes_outside and not leg.came_on):
        return Place.EMPLOYEE
    if leg.goes_outside and (leg.caller.is_ours or leg.client_first):
        return Place.CLIENT
    return leg.place


def client_of(leg: LegEnds) -> str | None:
    """The client's number as written; None when it is hidden, or when the leg does not show it."""
    if leg.caller.is_ours:
        shows = leg.goes_outside and not leg.consults
        return leg.called.number if shows else None
    if leg.client_first:
        return leg.called.number if leg.goes_outside else None
    return leg.caller.number


def is_talk_with_client(leg: LegEnds, place: Place | None) -> bool:
    """Whether an answer on this leg brings one of ours and the client together."""
    if place is Place.CLIENT:
        return leg.caller.is_ours and not leg.consults
    first_step_of_order = leg.ordered and not leg.came_on
    return not leg.caller.is_ours and not first_step_of_order
