"""When a visitor is called: when somebody is there, and never at night for the visitor. Pure."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from phonenumbers import parse
from phonenumbers.timezone import time_zones_for_number

from hub.routing.hours import WEEKDAYS, Hours

_TURNS = 40


def visitor_hours(zone: str, since: str, until: str) -> Hours:
    """When a visitor in `zone` may be rung, each day ("09:00" to "21:00")."""
    return Hours(zone, dict.fromkeys(WEEKDAYS, (f"{since}-{until}",)))


def moment_to_ring(at: datetime, office: Hours, visitor: Hours | None) -> datetime | None:
    """The first moment from `at` on when both are open; None when there is none within a year.

    `visitor` None: where the visitor is is not known, and whoever asks to be called now is awake.
    """
    for _ in range(_TURNS):
        opens = office.next_opening(at)
        if opens is None or visitor is None:
            return opens
        wakes = visitor.next_opening(opens)
        if wakes is None or wakes == opens:
            return wakes
        at = wakes
    return None


def known_zone(given: str | None, e164: str) -> str | None:
    """The visitor's zone as the browser says it, else by the number where its tables leave no doubt."""
    if given and is_zone(given):
        return given
    zones = time_zones_for_number(parse(e164, None))
    return zones[0] if len(zones) == 1 and is_zone(zones[0]) else None


def is_zone(name: str) -> bool:
    """Whether it is a zone's name, and no path out of the tables."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return "/" in name or name == "UTC"
