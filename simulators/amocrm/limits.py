"""Requests a second, and what follows for those who do not listen (amocrm.md §2.1, §9)."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from typing import Literal

_WINDOW_SECONDS = 1.0
_ABUSE_SECONDS = 60.0

Verdict = Literal["go", "too_many", "banned"]


class Gate:
    """Counts requests in the last second by key, and refusals in the last minute by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._passed: dict[str, deque[float]] = defaultdict(deque)
        self._refused: dict[str, deque[float]] = defaultdict(deque)
        self._banned_until: dict[str, float] = {}

    def admit(self, now: float, limits: dict[str, int], who: str, *, patience: int, ban_seconds: float) -> Verdict:
        """Whether a request of `who` may pass; `limits` are requests a second by key, all of which count it.

        More than `patience` refusals within a minute ban `who` for `ban_seconds`; a refused request fills no bucket.
        """
        with self._lock:
            if now < self._banned_until.get(who, 0.0):
                return "banned"
            if all(self._fits(key, most, now) for key, most in limits.items()):
                for key in limits:
                    self._passed[key].append(now)
                return "go"
            return self._refuse(who, now, patience, ban_seconds)

    def reset(self) -> None:
        """Forgets all counts and bans."""
        with self._lock:
            self._passed.clear()
            self._refused.clear()
            self._banned_until.clear()

    def _fits(self, key: str, most: int, now: float) -> bool:
        return len(_recent(self._passed[key], now - _WINDOW_SECONDS)) < most

    def _refuse(self, who: str, now: float, patience: int, ban_seconds: float) -> Verdict:
        refused = _recent(self._refused[who], now - _ABUSE_SECONDS)
        refused.append(now)
        if len(refused) > patience:
            self._banned_until[who] = now + ban_seconds
            refused.clear()
        return "too_many"


def _recent(moments: deque[float], since: float) -> deque[float]:
    while moments and moments[0] <= since:
        moments.popleft()
    return moments
