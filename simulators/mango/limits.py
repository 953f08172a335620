"""How fast Mango may be asked, and how it locks out who asks nonsense (mango.md §6.1, §6.2)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

LOCK_SECONDS = 120.0
INVALID_CODES = range(3000, 4000)

# Requests and seconds per product. "any" is spent by every request, the other name by those of its paths.
RATES: dict[str, tuple[int, float]] = {
    "any": (10, 1.0),
    "callback": (4, 1.0),
    "call/hangup": (4, 1.0),
    "recording/start": (4, 1.0),
    "recordings": (10, 1.0),
    "users": (1, 2.0),
    "balance": (2, 1.0),
    "transfer": (1, 2.0),
    "route": (1, 2.0),
    "stats": (1, 2.0),
}
BUCKETS = {
    "commands/callback": "callback",
    "commands/call/hangup": "call/hangup",
    "commands/recording/start": "recording/start",
    "queries/recording/post": "recordings",
    "config/users/request": "users",
    "account/balance": "balance",
    "commands/transfer": "transfer",
    "commands/route": "route",
    "stats/request": "stats",
    "stats/calls/request": "stats",
}


class Limits:
    """`now` is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._taken: dict[str, deque[float]] = {name: deque() for name in RATES}
        self._first_invalid: float | None = None
        self._locked_until = 0.0

    def refused_bucket(self, path: str) -> str | None:
        """The bucket that is empty for a request to `path` now, or None: then the request is counted."""
        names = ["any", *([BUCKETS[path]] if path in BUCKETS else [])]
        with self._lock:
            now = self._now()
            for name in names:
                most, seconds = RATES[name]
                taken = self._taken[name]
                while taken and now - taken[0] >= seconds:
                    taken.popleft()
                if len(taken) >= most:
                    return name
            for name in names:
                self._taken[name].append(now)
            return None

    def is_locked(self) -> bool:
        with self._lock:
            return self._now() < self._locked_until

    def count_invalid(self) -> bool:
        """Remember an invalid request; True when it is the second one in two minutes, which locks the API."""
        with self._lock:
            now = self._now()
            if self._first_invalid is None or now - self._first_invalid >= LOCK_SECONDS:
                self._first_invalid = now
                return False
            self._locked_until = self._first_invalid + LOCK_SECONDS
            return True
