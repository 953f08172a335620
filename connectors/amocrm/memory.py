"""What this process has learned of its connections and may forget at any moment."""

from __future__ import annotations

import threading
from datetime import datetime

Key = tuple[object, ...]


class Memory:
    """Values with an end, by a key that names connection and account. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[Key, tuple[object, datetime]] = {}

    def keep(self, key: Key, value: object, until: datetime) -> None:
        with self._lock:
            self._kept[key] = (value, until)

    def recall(self, key: Key, now: datetime) -> object | None:
        """The value, or None when there is none any more."""
        with self._lock:
            value, until = self._kept.get(key, (None, now))
            if until <= now:
                self._kept.pop(key, None)
                return None
            return value

    def forget(self, key: Key) -> None:
        with self._lock:
            self._kept.pop(key, None)
