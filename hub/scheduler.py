"""The scheduler process: what is done by the clock and not by an event."""

from __future__ import annotations

import signal
import threading

import structlog
from sqlalchemy.orm import Session

from hub.calls.record import CallChange
from hub.calls.stale import close_stale
from hub.config import Settings
from hub.delivery.directory import refresh_directories
from hub.delivery.outbox import plan_deliveries
from hub.jobs import connect_redis
from hub.observe.log import configure_logging
from hub.runtime import Runtime
from hub.wiring import build_runtime, prepare_process

log = structlog.get_logger()


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    configure_logging(settings.log_format, "scheduler")
    prepare_process(settings)
    client = connect_redis(settings.redis_url or "redis://127.0.0.1:6379/0")
    runtime = build_runtime(settings, client)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("scheduler_started")
    while not stopping.is_set():
        _tick(runtime)
        stopping.wait(settings.sweep_seconds)
    runtime.database.close()


def _tick(runtime: Runtime) -> None:
    def on_change(session: Session, change: CallChange) -> None:
        plan_deliveries(session, runtime, change)

    for name, duty in {
        "refresh_directories": lambda: refresh_directories(runtime),
        "close_stale": lambda: close_stale(runtime, on_change),
        "ledger": runtime.ledger.flush,
    }.items():
        try:
            duty()
        except Exception:
            log.exception("duty_failed", duty=name)
