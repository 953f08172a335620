"""The pure parts of callbacks: numbers, moments, budgets, whom to ring, what a call comes to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.callbacks.budgets import over_alarm, spent_limit
from hub.callbacks.cascade import Operator, next_target
from hub.callbacks.course import FailedBecause, after_client_missed, after_round_of_operators
from hub.callbacks.moments import is_zone, known_zone, moment_to_ring, visitor_hours
from hub.callbacks.numbers import Refusal, destination_of, read_number
from hub.callbacks.rules import DEFAULT_LIMITS, Limit, Rules
from hub.callbacks.words import WORDS, say, say_moment
from hub.domain.events import Result
from hub.domain.phone import Phone
from hub.routing.hours import Hours, read_hours

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday, 15:00 in Moscow
OFFICE = Hours("Europe/Moscow", dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), ("09:00-18:00",)))

# --- Numbers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw", ["+7 900 123-45-67", "8 (900) 123-45-67", "79001234567", "9001234567", " +79001234567 ", "8 495 123-45-67"]
)
def test_a_number_in_any_spelling_is_read(raw: str) -> None:
    found = read_number(raw, "RU", ("RU",))
    assert isinstance(found, Phone)
    assert found.e164 in ("+79001234567", "+74951234567")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("+7 809 505 05 05", Refusal.PREMIUM),
        ("8 803 100 00 00", Refusal.PREMIUM),
        ("+1 900 555 1234", Refusal.PREMIUM),
        ("+44 9090 123456", Refusal.PREMIUM),
        ("+979 1234 56789", Refusal.PREMIUM),
        ("+870 773 111 632", Refusal.SATELLITE),
        ("+8816 2143 1234", Refusal.SATELLITE),
        ("+7 954 123 45 67", Refusal.SATELLITE),
        ("8 800 555 35 35", Refusal.SERVICE),
        ("+1 202 555 0143", Refusal.COUNTRY),
        ("+7 701 234 56 78", Refusal.COUNTRY),
        ("+44 20 7946 0958", Refusal.COUNTRY),
        ("112", Refusal.SHORT),
        ("0890", Refusal.SHORT),
        ("", Refusal.NOT_A_NUMBER),
        ("+", Refusal.NOT_A_NUMBER),
        ("+7900123456", Refusal.INVALID),
        ("+79001234567;ext=5", Refusal.EXTENSION),
        ("+79001234567,5", Refusal.EXTENSION),
        ("+7900123\n4567", Refusal.NOT_A_NUMBER),
        ("+79001234567\n", Refusal.NOT_A_NUMBER),
        ("sip:101@acme.example", Refusal.NOT_A_NUMBER),
        ("+٧٩٠٠١٢٣٤٥٦٧", Refusal.NOT_A_NUMBER),
        ("1" * 40, Refusal.NOT_A_NUMBER),
    ],
)
def test_a_number_that_must_not_be_rung_is_refused_by_its_reason(raw: str, why: Refusal) -> None:
    assert read_number(raw, "RU", ("RU",)) is why


def test_a_country_that_the_workspace_allows_is_rung() -> None:
    assert read_number("+7 701 234 56 78", "RU", ("RU", "KZ")) == Phone("+7 701 234 56 78", "+77012345678")


@given(st.text(max_size=60))
def test_whatever_is_typed_is_read_or_refused(raw: str) -> None:
    found = read_number(raw, "RU", ("RU",))
    assert isinstance(found, Refusal) or (found.e164 or "").startswith("+7")


# --- When ---------------------------------------------------------------------------------------------


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Moscow"))


def test_in_hours_the_visitor_is_rung_at_once() -> None:
    assert moment_to_ring(NOW, OFFICE, None) == NOW


def test_out_of_hours_it_is_the_next_opening() -> None:
    assert moment_to_ring(moscow("2026-11-27T18:00"), OFFICE, None) == moscow("2026-11-30T09:00")


def test_nobody_is_rung_at_night_where_the_visitor_is() -> None:
    vladivostok = visitor_hours("Asia/Vladivostok", "09:00", "21:00")  # seven hours ahead
    assert moment_to_ring(NOW, OFFICE, vladivostok) == moscow("2026-11-24T09:00")
    kaliningrad = visitor_hours("Europe/Kaliningrad", "09:00", "21:00")
    assert moment_to_ring(moscow("2026-11-24T09:10"), OFFICE, kaliningrad) == moscow("2026-11-24T10:00")


def test_where_both_are_never_open_there_is_no_moment() -> None:
    assert moment_to_ring(NOW, OFFICE, visitor_hours("Pacific/Honolulu", "09:00", "09:00")) is None
    assert moment_to_ring(NOW, Hours("UTC", {}), None) is None


@given(st.integers(0, 366 * 24 * 60), st.sampled_from(["Asia/Tokyo", "Asia/Yekaterinburg"]))
def test_the_moment_is_open_for_both_and_not_before(minutes: int, zone: str) -> None:
    asked = NOW + timedelta(minutes=minutes)
    office, visitor = read_hours({}, "Europe/Moscow"), visitor_hours(zone, "09:00", "21:00")
    moment = moment_to_ring(asked, office, visitor)
    assert moment is not None
    assert moment >= asked
    assert office.is_open(moment)
    assert 9 <= moment.astimezone(ZoneInfo(zone)).hour < 21


def test_a_zone_is_what_the_browser_says_or_what_the_number_leaves_no_doubt_of() -> None:
    assert known_zone("Asia/Omsk", "+79001234567") == "Asia/Omsk"
    assert known_zone(None, "+79001234567") is None
    assert known_zone("../../etc/passwd", "+79001234567") is None
    assert known_zone(None, "+74951234567") == "Europe/Moscow"


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/localtime", "", "Moscow", "Europe/Nowhere", "\0"])
def test_what_is_no_zone_is_none(name: str) -> None:
    assert not is_zone(name)


# --- How much -----------------------------------------------------------------------------------------


def asked(*minutes_ago: float, number: str = "+79001234567") -> list[tuple[datetime, str | None]]:
    return [(NOW - timedelta(minutes=minutes), number) for minutes in minutes_ago]


def test_the_third_request_for_a_number_in_a_quarter_of_an_hour_waits() -> None:
    assert spent_limit(DEFAULT_LIMITS, {"number": asked(1)}, "+79001234567", NOW) is None
    spent = spent_limit(DEFAULT_LIMITS, {"number": asked(1, 10)}, "+79001234567", NOW)
    assert spent is not None
    assert spent.limit == Limit("number", 2, 900)
    assert spent.retry_seconds == 5 * 60 + 1
    assert spent_limit(DEFAULT_LIMITS, {"number": asked(16, 17)}, "+79001234567", NOW) is None


def test_a_visitor_may_ask_for_one_number_again_but_not_for_many() -> None:
    three = [*asked(1, number="+79000000001"), *asked(2, number="+79000000002"), *asked(3, number="+79000000003")]
    assert spent_limit(DEFAULT_LIMITS, {"visitor": three}, "+79000000001", NOW) is None
    spent = spent_limit(DEFAULT_LIMITS, {"visitor": three}, "+79000000009", NOW)
    assert spent is not None
    assert spent.limit.scope == "visitor"


def test_the_limit_that_lasts_longest_is_named() -> None:
    spent = spent_limit(DEFAULT_LIMITS, {"ip": asked(*range(1, 16)), "number": asked(1, 2)}, "+79001234567", NOW)
    assert spent is not None
    assert (spent.limit.scope, spent.limit.seconds) == ("ip", 86_400)


@given(st.lists(st.integers(0, 100_000), max_size=40))
def test_after_the_wait_that_is_named_a_request_is_free(ages: list[int]) -> None:
    earlier: dict[str, list[tuple[datetime, str | None]]] = {
        "number": [(NOW - timedelta(seconds=age), "+79001234567") for age in ages]
    }
    spent = spent_limit(DEFAULT_LIMITS, earlier, "+79001234567", NOW)
    if spent is not None:
        later = NOW + timedelta(seconds=spent.retry_seconds)
        assert spent_limit((spent.limit,), earlier, "+79001234567", later) is None


def test_many_numbers_of_one_destination_raise_the_alarm() -> None:
    numbers = [f"+7900123{number:04}" for number in range(60)]
    assert over_alarm(numbers, "+79001239999", 60)
    assert not over_alarm(numbers[:-1], "+79001239999", 60)
    assert not over_alarm(numbers, "+79161239999", 60)
    assert destination_of("+79001239999") == "+7900"


# --- Whom ---------------------------------------------------------------------------------------------

ANNA, BORIS, VERA = Operator("101", "Anna", calls=5), Operator("102", "Boris", calls=1), Operator("103", "Vera")


def rung(rules: Rules, *operators: Operator, **more: str) -> list[str]:
    """Everybody who is rung when nobody picks up."""
    tried: list[str] = []
    while target := next_target(rules, operators, tried, **more):
        tried.append(target.extension)
    return tried


def test_who_had_fewest_calls_is_rung_first_unless_an_order_is_set() -> None:
    assert rung(Rules(), ANNA, BORIS, VERA) == ["103", "102", "101"]
    assert rung(Rules(managers=("101", "103")), ANNA, BORIS, VERA) == ["101", "103"]
    assert rung(Rules(most_managers=2), ANNA, BORIS, VERA) == ["103", "102"]


def test_the_one_asked_for_and_the_owner_go_first() -> None:
    assert rung(Rules(), ANNA, BORIS, VERA, chosen="101", owner="102") == ["101", "102", "103"]
    assert rung(Rules(owner_first=False), ANNA, BORIS, VERA, owner="101") == ["103", "102", "101"]
    assert rung(Rules(group="300"), ANNA, owner="101") == ["101", "300"]
    assert rung(Rules(), chosen="777") == ["777"]


def test_who_is_off_shift_or_talks_is_passed_over() -> None:
    away, talks = Operator("101", "Anna", available=False), Operator("102", "Boris", busy=True)
    assert rung(Rules(), away, talks, VERA, owner="101") == ["103"]
    assert rung(Rules(), away, talks) == []


# --- What follows -------------------------------------------------------------------------------------


def test_rounds_follow_the_plan_and_then_it_has_failed() -> None:
    assert after_round_of_operators((60, 300), 1).seconds == 60
    assert after_round_of_operators((60, 300), 2).seconds == 300
    assert after_round_of_operators((60, 300), 3).failed is FailedBecause.NO_OPERATOR
    assert after_client_missed((120,), 1, Result.NO_ANSWER).seconds == 120
    assert after_client_missed((120,), 2, Result.NO_ANSWER).failed is FailedBecause.NO_ANSWER
    assert after_client_missed((120,), 2, Result.BUSY).failed is FailedBecause.BUSY


def test_a_number_that_does_not_exist_is_not_rung_again() -> None:
    assert after_client_missed((120, 900), 1, Result.WRONG_NUMBER).failed is FailedBecause.WRONG_NUMBER


# --- Words --------------------------------------------------------------------------------------------


def test_every_reason_has_words_in_both_languages() -> None:
    for reason in Refusal:
        assert say("ru", reason) != say("en", reason)
    for because in FailedBecause:
        assert f"failed_{because}" in WORDS


def test_a_moment_is_said_in_the_visitors_zone() -> None:
    at = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
    assert say_moment("ru", at, NOW, "Europe/Moscow") == "завтра в 09:00"
    assert say_moment("en", at, NOW, "Asia/Vladivostok") == "tomorrow at 16:00"
    assert say_moment("en", NOW, NOW, "Europe/Moscow") == "today at 15:00"
    assert say_moment("ru", at + timedelta(days=5), NOW, "Europe/Moscow") == "29.11 в 09:00"
