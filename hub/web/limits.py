"""Brakes: how often one may try."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Lock

_MOST_KEYS = 20_000


class Brake:
    """At most `times` within `window` for each key.

    Kept in the memory of the process, on purpose: a log-in must work while Redis is away, and
    some processes more only multiply a small number by a small number.
    """

    def __init__(self, times: int, window: timedelta, now: Callable[[], datetime]) -> None:
        self._times = times
        self._window = window
        self._now = now
        self._seen: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._lock = Lock()

    def wait_seconds(self, key: str) -> int:
        """How long `key` has to wait before it may try again; 0 when it need not."""
        with self._lock:
            moments = self._recent(key)
            if len(moments) < self._times:
                return 0
            return max(1, int((moments[0] + self._window - self._now()).total_seconds()) + 1)

    def count(self, key: str) -> None:
        with self._lock:
            moments = self._recent(key)
            moments.append(self._now())
            self._seen[key] = moments
            self._seen.move_to_end(key)
            while len(self._seen) > _MOST_KEYS:
                self._seen.popitem(last=False)

    def forget(self, key: str) -> None:
        with self._lock:
            self._seen.pop(key, None)

    def _recent(self, key: str) -> deque[datetime]:
        moments = self._seen.get(key, deque(maxlen=self._times))
        oldest = self._now() - self._window
        while moments and moments[0] <= oldest:
            moments.popleft()
        return moments
