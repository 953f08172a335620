"""Lanes whose request budget is used up, and until when: what was just said need not be asked again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

from hub.domain.intents import Lane

_SCARCE_FOR = timedelta(seconds=3)


class LaneRests:
    """By connection and lane. Memory only: what is forgotten is asked once more. Safe to share between threads."""

    def __init__(self) -> None:
        self._until: dict[tuple[int, Lane], datetime] = {}
        self._lock = threading.Lock()

    def rest(self, connection_id: int, lane: Lane, until: datetime) -> None:
        """The budget of `lane` is used up until then."""
        with self._lock:
            self._until[connection_id, lane] = until

    def is_scarce(self, connection_id: int, now: datetime) -> bool:
        """Whether the budget of one of the lanes is used up, or was a moment ago."""
        with self._lock:
            ends = [until for (whose, _), until in self._until.items() if whose == connection_id]
        return any(now - until < _SCARCE_FOR for until in ends)

    def awake(self, connection_id: int, lanes: Sequence[Lane], now: datetime) -> tuple[Lane, ...]:
        """Those of `lanes` that may ask."""
        with self._lock:
            return tuple(lane for lane in lanes if self._until.get((connection_id, lane), now) <= now)

    def next_end(self, connection_id: int, lanes: Sequence[Lane], now: datetime) -> datetime | None:
        """When the first of `lanes` may ask again; None when none rests."""
        with self._lock:
            ends = [until for lane in lanes if (until := self._until.get((connection_id, lane))) and until > now]
        return min(ends, default=None)
