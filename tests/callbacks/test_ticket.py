"""A form that comes back sooner than anybody can fill it in is refused, and no other (callback-practice.md §7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from hub.web.tracking.ticket import SOONEST, hand_out, is_too_soon

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _signed() -> Iterator[None]:
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "of the test"
    with app.app_context():
        yield


@pytest.mark.parametrize(
    ("seconds", "too_soon"), [(0.0, True), (0.3, True), (0.99, True), (1.0, False), (86400.0, False)]
)
def test_a_form_is_taken_from_the_first_second_on(seconds: float, too_soon: bool) -> None:
    assert is_too_soon(hand_out("shop", NOW), "shop", NOW + timedelta(seconds=seconds)) is too_soon


def test_the_bound_is_low_enough_for_a_browser_that_fills_in_the_form_itself() -> None:
    assert timedelta(seconds=1) >= SOONEST


@pytest.mark.parametrize("ticket", ["", "x", "[]", "W10.x"])
def test_what_is_no_ticket_says_nothing(ticket: str) -> None:
    """A site's own form has none, and an old page may have one that was signed with another key."""
    assert not is_too_soon(ticket, "shop", NOW)


def test_a_ticket_of_another_site_or_of_a_clock_that_is_ahead_says_nothing() -> None:
    ticket = hand_out("shop", NOW)
    assert not is_too_soon(ticket, "other", NOW)
    assert not is_too_soon(ticket, "shop", NOW - timedelta(seconds=5))
