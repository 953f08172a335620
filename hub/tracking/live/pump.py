"""The web process's own hand that carries the journal into SQL, some times a second."""

from __future__ import annotations

import threading
import time

import redis
import structlog
from sqlalchemy.exc import SQLAlchemyError

from hub.runtime import utc_now
from hub.tracking.live.hours import write_hours
from hub.tracking.live.journal import write_journal
from hub.tracking.live.visitors import Visitors

log = structlog.get_logger()

_EVERY_SECONDS = 0.2
_HOURS_EVERY_SECONDS = 5.0
_AFTER_TROUBLE_SECONDS = 2.0


class JournalPump:
    """Writes the journals of the sites that this process was asked about. Several processes may do so at once."""

    def __init__(self, visitors: Visitors) -> None:
        self._visitors = visitors
        self._stopping = threading.Event()
        self._hours_at = 0.0
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)

    def _run(self) -> None:
        pause = _EVERY_SECONDS
        while not self._stopping.wait(pause):
            try:
                self.once()
                pause = _EVERY_SECONDS
            except (redis.RedisError, SQLAlchemyError) as error:
                log.warning("journal_waits", reason=type(error).__name__)
                pause = _AFTER_TROUBLE_SECONDS
            except Exception:
                log.exception("journal_failed")
                pause = _AFTER_TROUBLE_SECONDS

    def once(self) -> None:
        """Write what there is now."""
        visitors = self._visitors
        for site in visitors.sites.seen():
            if time.monotonic() - self._hours_at > _HOURS_EVERY_SECONDS:
                visitors.leases.note(site, utc_now(), ())
                write_hours(visitors.database, visitors.client, site.id)
            write_journal(visitors.database, visitors.client, [site.id], utc_now())
        if time.monotonic() - self._hours_at > _HOURS_EVERY_SECONDS:
            self._hours_at = time.monotonic()
