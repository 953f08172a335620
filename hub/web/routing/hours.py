"""Opening hours as a form: one line for each weekday, days off, and a zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError

from hub.provisioning.schema import WEEKDAYS, HoursSchema
from hub.web.i18n import _, _l

WEEKDAY_NAMES = {
    "mon": _l("Monday"),
    "tue": _l("Tuesday"),
    "wed": _l("Wednesday"),
    "thu": _l("Thursday"),
    "fri": _l("Friday"),
    "sat": _l("Saturday"),
    "sun": _l("Sunday"),
}


class WrongHours(ValueError):
    """What is wrong with the form, in the reader's words."""


def read_form(form: Mapping[str, str]) -> dict[str, Any]:
    """The hours' document; an empty one when the box "own hours" is not ticked. Raises `WrongHours`."""
    if form.get("own") != "yes":
        return {}
    raw = {name: _parts(form.get(name, "")) for name in (*WEEKDAYS, "holidays")}
    try:
        document: dict[str, Any] = HoursSchema().load(raw)
    except ValidationError as error:
        name = str(next(iter(error.messages)))
        day = str(WEEKDAY_NAMES.get(name, _("Days off")))
        raise WrongHours(
            _("%(day)s: write hours like 09:00-13:00, 14:00-18:00 and days like 2027-01-01.", day=day)
        ) from None
    zone = form.get("zone", "").strip()
    if zone and not _is_zone(zone):
        raise WrongHours(_("There is no time zone %(zone)s; write it like Europe/Moscow.", zone=zone[:60]))
    return {**document, **({"zone": zone} if zone else {})}


def _parts(text: str) -> list[str]:
    return [part for part in text.replace(",", " ").split() if part]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def in_short(document: Mapping[str, Any]) -> str:
    """Hours for a table: days with the same hours together."""
    runs: list[tuple[list[str], str]] = []
    for day in WEEKDAYS:
        hours = ", ".join(document.get(day, []))
        if runs and runs[-1][1] == hours:
            runs[-1][0].append(day)
        else:
            runs.append(([day], hours))
    words = [f"{_span(days)} {hours}" for days, hours in runs if hours]
    return "; ".join([*words, *([document["zone"]] if document.get("zone") else [])])


def _span(days: list[str]) -> str:
    first, last = (str(WEEKDAY_NAMES[day]) for day in (days[0], days[-1]))
    return first if len(days) == 1 else f"{first} – {last}"
