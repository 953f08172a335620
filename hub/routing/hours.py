"""Working hours with time zones and holidays. Pure: every function is told the moment it is about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY = ("09:00-21:00",)
"""When people answer where nobody has set hours (interface.md §4)."""
ALL_DAY = ("00:00-24:00",)
LOOK_AHEAD_DAYS = 400


@dataclass(frozen=True, slots=True)
class Hours:
    """Opening hours in one zone: weekday ("mon") to ("09:00-18:00", …), and whole days that are closed."""

    zone: str
    week: Mapping[str, Sequence[str]]
    holidays: frozenset[date] = frozenset()

    def is_open(self, at: datetime) -> bool:
        return any(opens <= at < closes for opens, closes in self.spans(at.astimezone(ZoneInfo(self.zone)).date()))

    def spans(self, day: date) -> Iterator[tuple[datetime, datetime]]:
        """What is open on `day`, as moments; "24:00" is the next midnight."""
        if day in self.holidays:
            return
        zone = ZoneInfo(self.zone)
        for slot in self.week.get(WEEKDAYS[day.weekday()], ()):
            begins, _, ends = slot.partition("-")
            opens = datetime.combine(day, time.fromisoformat(begins), zone)
            midnight = datetime.combine(day + timedelta(days=1), time(), zone)
            closes = midnight if ends == "24:00" else datetime.combine(day, time.fromisoformat(ends), zone)
            yield opens.astimezone(UTC), closes.astimezone(UTC)

    def next_opening(self, at: datetime) -> datetime | None:
        """`at` itself when it is open then, else when it opens next; None when that is not within a year."""
        first = at.astimezone(ZoneInfo(self.zone)).date()
        for days in range(LOOK_AHEAD_DAYS):
            for opens, closes in sorted(self.spans(first + timedelta(days=days))):
                if closes > at:
                    return max(opens, at)
        return None


def read_hours(document: Mapping[str, object], zone: str, unset: Sequence[str] = EVERY_DAY) -> Hours:
    """The hours that a workspace, a group or a person keeps as a document; an empty one means `unset` on every day."""
    if not document:
        return Hours(zone, dict.fromkeys(WEEKDAYS, unset))
    holidays = frozenset(date.fromisoformat(str(day)) for day in _listed(document.get("holidays")))
    own_zone = str(document.get("zone") or zone)
    return Hours(own_zone, {day: tuple(map(str, _listed(document.get(day)))) for day in WEEKDAYS}, holidays)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()
