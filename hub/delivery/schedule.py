"""Retry arithmetic: pure, with chance and the clock handed in."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

JITTER = 0.2
BREAKER_OPENS_AFTER = 5
_BREAKER_FIRST_SECONDS = 5.0
_BREAKER_LONGEST_SECONDS = 600.0
_THROTTLE_FIRST_SECONDS = 1.0
_THROTTLE_LONGEST_SECONDS = 15.0


def retry_delay(attempts: int, schedule: Sequence[float], chance: random.Random) -> timedelta:
    """How long to wait after `attempts` failed tries: the schedule's entry, ±20 %; the last one repeats."""
    seconds = schedule[min(attempts, len(schedule) - 1)]
    return timedelta(seconds=seconds * (1 + JITTER * (2 * chance.random() - 1)))


def breaker_pause(failures_in_row: int) -> timedelta | None:
    """How long a connection rests after so many failures in a row; None below the limit.

    It starts short, so that ten seconds of trouble cost no minutes, and doubles while the trouble lasts.
    """
    over = failures_in_row - BREAKER_OPENS_AFTER
    if over < 0:
        return None
    return timedelta(seconds=min(_BREAKER_FIRST_SECONDS * 2 ** min(over, 16), _BREAKER_LONGEST_SECONDS))


def throttle_pause(throttled_in_row: int) -> timedelta:
    """How long to hold a connection whose vendor says "too fast" without saying until when."""
    return timedelta(seconds=min(_THROTTLE_FIRST_SECONDS * 2 ** min(throttled_in_row, 10), _THROTTLE_LONGEST_SECONDS))


def settled_at(now: datetime, over_since: datetime, settle_seconds: float) -> datetime:
    """When a finished call's facts count as at rest: after a quiet while, but never much later than it ended."""
    return min(now + timedelta(seconds=settle_seconds), over_since + timedelta(seconds=20 * settle_seconds))


def pause_seconds(due_at: datetime | None, now: datetime, *, least: float, longest: float) -> float:
    """How long to wait for the next row, or for whatever may have come meanwhile; `due_at` None when there is none."""
    return longest if due_at is None else min(max((due_at - now).total_seconds(), least), longest)
