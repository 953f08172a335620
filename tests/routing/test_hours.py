"""Working hours: zones, holidays, midnight, and the days on which clocks are moved."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hub.routing.hours import Hours, read_hours

OFFICE = Hours("Europe/Moscow", {"mon": ("09:00-13:00", "14:00-18:00"), "tue": ("09:00-18:00",)})


def moscow(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of September 2026, Moscow time; the 1st is a Tuesday."""
    return datetime(2026, 9, day, hour - 3, minute, tzinfo=UTC)


def test_the_first_minute_is_open_and_the_last_one_is_not() -> None:
    assert OFFICE.is_open(moscow(1, 9))
    assert not OFFICE.is_open(moscow(1, 18))


def test_a_lunch_break_is_closed() -> None:
    assert not OFFICE.is_open(moscow(7, 13, 30))
    assert OFFICE.next_opening(moscow(7, 13, 30)) == moscow(7, 14)


def test_the_next_opening_of_an_open_moment_is_that_moment() -> None:
    assert OFFICE.next_opening(moscow(1, 10, 17)) == moscow(1, 10, 17)


def test_the_next_opening_skips_closed_days_and_holidays() -> None:
    closed_monday = Hours(OFFICE.zone, OFFICE.week, frozenset({date(2026, 9, 7)}))
    assert OFFICE.next_opening(moscow(1, 20)) == moscow(7, 9)
    assert closed_monday.next_opening(moscow(1, 20)) == moscow(8, 9)


def test_a_week_without_hours_never_opens() -> None:
    assert Hours("Europe/Moscow", {}).next_opening(moscow(1, 9)) is None


def test_without_a_table_every_day_is_open_from_nine_to_nine() -> None:
    hours = read_hours({}, "Europe/Moscow")
    assert hours.is_open(moscow(6, 20, 59))
    assert not hours.is_open(moscow(6, 21))


def test_a_day_that_a_table_does_not_name_is_closed() -> None:
    assert not read_hours({"mon": ["09:00-18:00"], "holidays": []}, "Europe/Moscow").is_open(moscow(1, 12))


def test_open_until_midnight_closes_at_midnight() -> None:
    hours = read_hours({"tue": ["22:00-24:00"]}, "Europe/Moscow")
    assert hours.is_open(moscow(1, 23, 59))
    assert not hours.is_open(datetime(2026, 9, 1, 21, 0, tzinfo=UTC))


def test_hours_follow_the_clock_of_their_zone_when_it_is_moved() -> None:
    berlin = read_hours({"fri": ["09:00-10:00"], "mon": ["09:00-10:00"]}, "Europe/Berlin")
    assert berlin.is_open(datetime(2026, 10, 23, 7, 30, tzinfo=UTC))  # summer time
    assert berlin.is_open(datetime(2026, 10, 26, 8, 30, tzinfo=UTC))  # winter time
    assert not berlin.is_open(datetime(2026, 10, 26, 7, 30, tzinfo=UTC))


def test_a_person_may_work_in_another_zone() -> None:
    hours = read_hours({"zone": "Asia/Vladivostok", "tue": ["09:00-18:00"]}, "Europe/Moscow")
    assert hours.is_open(datetime(2026, 8, 31, 23, 30, tzinfo=UTC))
