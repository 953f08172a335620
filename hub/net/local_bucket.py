"""The budget of one process alone, for the time in which the shared one cannot be asked."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime
from time import monotonic


class LocalBucket:
    """Leaky buckets and holds by key, in memory. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._levels: dict[str, tuple[float, float]] = {}
        self._held: dict[str, datetime] = {}

    def take(
        self, keys: Sequence[str], capacity: float, per_second: float, needed: float, now: datetime
    ) -> tuple[int, float]:
        """Take a token of `keys[0]`, unless one of the other keys is held.

        Returns which key stopped it (0 is the bucket) and the seconds to wait, 0 when it was taken.
        """
        with self._lock:
            for place, key in enumerate(keys[1:], start=1):
                left_seconds = (self._held.get(key, now) - now).total_seconds()
                if left_seconds > 0:
                    return place, left_seconds
            return 0, self._drain(keys[0], capacity, per_second, needed)

    def _drain(self, key: str, capacity: float, per_second: float, needed: float) -> float:
        moment = monotonic()
        tokens, at = self._levels.get(key, (capacity, moment))
        tokens = min(capacity, tokens + (moment - at) * per_second)
        wait_seconds = 0.0 if tokens >= needed else (needed - tokens) / per_second
        self._levels[key] = (tokens if wait_seconds else tokens - 1, moment)
        return wait_seconds

    def hold(self, key: str, until: datetime) -> None:
        """Let nothing through that names `key`, until then; a longer hold stays."""
        with self._lock:
            self._held[key] = max(until, self._held.get(key, until))
