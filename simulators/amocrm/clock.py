"""The time that an account lives in: the real one, or one that a test moves."""

from __future__ import annotations

from collections.abc import Callable

Clock = Callable[[], float]
"""Returns unix seconds."""


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: float = 1_788_000_000.0) -> None:
        self._now = start

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Moves time forward by so many seconds."""
        self._now += seconds
