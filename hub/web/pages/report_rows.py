"""The rows of a report: what each view groups calls by, and what the groups are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask_babel import format_date  # type: ignore[import-untyped]
from sqlalchemy.orm import Session

from hub.web.i18n import _, _l
from hub.web.people import Person
from hub.web.queries import reports as queries
from hub.web.queries.calls import employee_names
from hub.web.queries.reports import Group, ReportFilter, Stretch, Tallies, Tally
from hub.web.words import word

VIEWS = {
    "sources": _l("Sources"),
    "channels": _l("Channels"),
    "campaigns": _l("Campaigns"),
    "employees": _l("Employees"),
    "lines": _l("Lines"),
    "days": _l("By day"),
    "hours": _l("Load by hour"),
}
ON_THE_CLOCK = ("days", "hours")
"""Views whose groups follow each other in time: columns, and how many calls ran at once."""
KEYS = {
    "sources": ("source", "medium"),
    "channels": ("channel",),
    "campaigns": ("source", "medium", "campaign"),
    "employees": ("connection", "extension", "name"),
    "lines": ("line",),
    "days": ("day",),
    "hours": ("hour",),
}
"""By view, what the first columns of its file are called; the names are a promise, like those of calls.csv."""
_Ask = Callable[[Session, int, ReportFilter], Tallies]
_ASKED: Mapping[str, _Ask] = {
    "sources": queries.by_source,
    "channels": queries.by_channel,
    "campaigns": queries.by_campaign,
    "employees": queries.by_employee,
    "lines": queries.by_line,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One group: `key` for the file, `label` for people, `looked_for` is what finds its calls in their list."""

    key: tuple[str, ...]
    label: str
    tally: Tally
    looked_for: Mapping[str, str]
    most_at_once: int | None = None


def rows_of(session: Session, view: str, wanted: ReportFilter, person: Person) -> list[Row]:
    """The rows of a view; those of a clock in its order, the others with the most calls first."""
    if view in ON_THE_CLOCK:
        return _on_the_clock(view, queries.spans(session, person.workspace_id, wanted), wanted, person.zone)
    names = employee_names(session, person.workspace_id) if view == "employees" else {}
    found = _ASKED[view](session, person.workspace_id, wanted)
    return [_row(view, group, tally, names) for group, tally in found]


def _on_the_clock(view: str, calls: list[queries.Span], wanted: ReportFilter, zone: ZoneInfo) -> list[Row]:
    if view == "days":
        days = queries.by_day(calls, wanted, zone)
        return [
            _stretch(
                day.isoformat(), str(format_date(day, "d MMM")), one, {"from": day.isoformat(), "to": day.isoformat()}
            )
            for day, one in days.items()
        ]
    hours = queries.by_hour_of_day(calls, zone)
    return [_stretch(f"{hour:02d}", f"{hour:02d}:00", one, {}) for hour, one in hours.items()]


def _stretch(key: str, label: str, stretch: Stretch, looked_for: Mapping[str, str]) -> Row:
    return Row((key,), label, stretch.tally, looked_for, stretch.most_at_once)


def _row(view: str, group: Group, tally: Tally, names: Mapping[tuple[str, str], str]) -> Row:
    if view == "employees":
        return _employee(group, tally, names)
    key = tuple(str(part or "") for part in group)
    if view == "channels":
        return Row(key, word(key[0], "channel") if key[0] else _("source unknown"), tally, {})
    if view == "lines":
        return Row(key, key[0] or "—", tally, {"q": key[0]} if key[0] else {})
    found = key[-1] or key[0] if view == "campaigns" else key[0]  # a medium is not looked for in the list of calls
    return Row(key, " / ".join(filter(None, key)) or _("source unknown"), tally, {"q": found} if found else {})


def _employee(group: Group, tally: Tally, names: Mapping[tuple[str, str], str]) -> Row:
    connection, extension = str(group[0] or ""), str(group[1] or "")
    name = names.get((connection, extension)) or names.get(("*", extension)) or ""
    label = " · ".join(filter(None, (name, extension))) or _("nobody was rung")
    looked_for = {"q": extension, "connection": connection} if extension else {}
    return Row((connection, extension, name), label, tally, looked_for)
