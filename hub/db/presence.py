"""Whether the database is there, as one state of the process: said once when it goes, and once when it is back."""

from __future__ import annotations

import threading
from time import monotonic

import structlog
from sqlalchemy.exc import OperationalError

log = structlog.get_logger()

_SHUTTING_DOWN = ("57P01", "57P02", "57P03")  # PostgreSQL: ended by an administrator, crashed, still starting


class Presence:
    """Safe to share between threads; each tells what it met."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def trouble(self, error: OperationalError, *, at: str) -> bool:
        """Take note of what failed; True when the database is away, and not only in trouble with this one work."""
        reason = type(error.orig).__name__
        if not _is_away(error):
            log.warning("database_trouble", at=at, reason=reason)
            return False
        with self._lock:
            is_news, self._away_since = self._away_since is None, self._away_since or monotonic()
        if is_news:
            log.warning("database_away", at=at, reason=reason)
        return True

    def back(self) -> None:
        """A transaction went through."""
        if self._away_since is None:
            return
        with self._lock:
            since, self._away_since = self._away_since, None
        if since is not None:
            log.info("database_back", after_seconds=round(monotonic() - since, 1))


def _is_away(error: OperationalError) -> bool:
    """No connection, a lost one, or a server that goes or comes. SQLite is never away: it is busy, full or broken."""
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state in _SHUTTING_DOWN or str(state).startswith("08")
    return hasattr(error.orig, "sqlstate")
