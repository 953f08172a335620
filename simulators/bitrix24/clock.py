"""The time that a portal lives in: the real one, or one that a test moves."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

Clock = Callable[[], float]
"""Returns unix seconds."""

PORTAL_ZONE = dt.timezone(dt.timedelta(hours=3))
"""Answers carry dates in the zone of the portal's server (bitrix24.md §0)."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 1_788_000_000.0) -> None:
        self._now = start

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves time forward by so many seconds."""
        self._now += seconds


def iso(unix: float) -> str:
    """ISO 8601 to the second, in the portal's zone."""
    return dt.datetime.fromtimestamp(int(unix), PORTAL_ZONE).isoformat()


def parse_iso(text: str) -> tuple[float, bool]:
    """Unix seconds and whether the text named its offset; without one the portal's zone is meant.

    Raises `ValueError` for text that is not ISO 8601 with date and time.
    """
    if "T" not in text and " " not in text:
        raise ValueError(text)
    moment = dt.datetime.fromisoformat(text)
    aware = moment.tzinfo is not None
    return (moment if aware else moment.replace(tzinfo=PORTAL_ZONE)).timestamp(), aware
