"""The two limits of a cloud portal: how many requests, and how much execution time (bitrix24.md §2.4)."""

from __future__ import annotations

import threading
from collections import defaultdict

_BASKET_SECONDS = 60
_BASKETS = 10


class LeakyBuckets:
    """One bucket for each source address: holds `capacity` hits and leaks `leak_per_second`."""

    def __init__(self) -> None:
        self._levels: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, source: str, now: float, capacity: float, leak_per_second: float) -> bool:
        """Counts one hit; False when it does not fit, in which case it is not counted."""
        with self._lock:
            level, seen = self._levels.get(source, (0.0, now))
            level = max(0.0, level - max(0.0, now - seen) * leak_per_second)
            fits = level + 1 <= capacity + 1e-9
            self._levels[source] = (level + 1 if fits else level, now)
            return fits

    def reset(self) -> None:
        """Empties every bucket."""
        with self._lock:
            self._levels.clear()


class OperatingTime:
    """Execution seconds of each (client, method) in ten one-minute baskets.

    Nothing here really takes long: a call costs `durations[method]` seconds, or `default_seconds`.
    """

    def __init__(self) -> None:
        self.default_seconds = 0.05
        self.durations: dict[str, float] = {}
        self._baskets: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
        self._lock = threading.Lock()

    def cost(self, method: str) -> float:
        """What one call of the method costs, in seconds."""
        return self.durations.get(method.lower(), self.default_seconds)

    def used(self, client: str, method: str, now: float) -> float:
        """Seconds spent within the window."""
        with self._lock:
            return sum(self._current(client, method, now).values())

    def charge(self, client: str, method: str, now: float, seconds: float) -> None:
        """Adds the cost of a call to the basket of this minute."""
        with self._lock:
            baskets = self._current(client, method, now)
            minute = int(now // _BASKET_SECONDS)
            baskets[minute] = baskets.get(minute, 0.0) + seconds

    def resets_at(self, client: str, method: str, now: float) -> int:
        """When the oldest basket drops out, unix seconds."""
        with self._lock:
            baskets = self._current(client, method, now)
            oldest = min(baskets, default=int(now // _BASKET_SECONDS))
            return (oldest + _BASKETS) * _BASKET_SECONDS

    def _current(self, client: str, method: str, now: float) -> dict[int, float]:
        oldest = int(now // _BASKET_SECONDS) - _BASKETS + 1
        key = (client, method.lower())
        kept = {minute: spent for minute, spent in self._baskets[key].items() if minute >= oldest}
        self._baskets[key] = kept
        return kept
