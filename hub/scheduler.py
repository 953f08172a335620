"""The scheduler process: what is done by the clock and not by an event."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.callbacks.alarms import watch_requests
from hub.callbacks.retention import sweep_requests
from hub.calls.again import ask_again, learn_laws
from hub.calls.record import CallChange
from hub.calls.stale import close_stale
from hub.changes import follow_change
from hub.config import Settings
from hub.delivery.directory import refresh_directories
from hub.delivery.reconcile.clock import reconcile_due
from hub.delivery.reference import refresh_references
from hub.delivery.retention import sweep_old_rows
from hub.delivery.silence import watch_silence
from hub.delivery.standing import keep_logged_in, probe_paused
from hub.delivery.turns import finish_duty, take_duty
from hub.delivery.upkeep import keep_up_connections
from hub.jobs import Doorbell, connect_redis
from hub.observe.log import configure_logging
from hub.routing.extensions import refresh_extensions
from hub.routing.forwarding import sync_forwarding
from hub.routing.retention import sweep_decisions
from hub.routing.sync import sync_changes, sync_owners
from hub.rules.watch import watch_all
from hub.runtime import Runtime
from hub.tracking.live.retention import sweep_visits
from hub.wiring import build_runtime, prepare_process

log = structlog.get_logger()


_LEASE = timedelta(minutes=10)
_STOP_SECONDS = 2.0
_NEXT_PAGE_SECONDS = 0.3
_ADDRESS_FILE = "address"


def run(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT."""
    configure_logging(settings.log_format, "scheduler")
    prepare_process(settings)
    _remember_address(settings)
    client = connect_redis(settings.redis_url or "redis://127.0.0.1:6379/0")
    bell = Doorbell(client)
    runtime = build_runtime(
        settings,
        client,
        wake=lambda connection_id, lane, due_at: bell.ring_lane(lane, connection_id, due_at),
        want_recordings=bell.ring_recordings,
    )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    log.info("scheduler_started")
    reconciler = _start_reconciler(runtime, stopping)
    owners = _start_owners(runtime, stopping)
    while not stopping.is_set():
        _tick(runtime)
        stopping.wait(settings.sweep_seconds)
    # Asking a PBX for its calls may take a minute; a run that is cut off is made up for by the next one.
    reconciler.join(_STOP_SECONDS)
    owners.join(_STOP_SECONDS)
    runtime.ledger.flush()
    bell.close()
    runtime.database.close()


def _remember_address(settings: Settings) -> None:
    """Where this hub is reached: a command beside it, which was not told, must not make up another address."""
    if settings.public_url:
        (settings.home / _ADDRESS_FILE).write_text(settings.public_url + "\n")


def remembered_address(settings: Settings) -> str:
    """The hub's own address: as set, else as the scheduler of this home knew it, else the one of a hub by itself."""
    file = settings.home / _ADDRESS_FILE
    known = file.read_text().strip() if file.is_file() else ""
    return settings.public_url or known or "http://127.0.0.1:8080"


def _on_change(runtime: Runtime) -> Callable[[Session, CallChange], None]:
    def on_change(session: Session, change: CallChange) -> None:
        follow_change(session, runtime, change)

    return on_change


def _start_reconciler(runtime: Runtime, stopping: threading.Event) -> threading.Thread:
    """A thread of its own: it waits for the lists of outside systems, and nothing else may wait for it."""

    def work() -> None:
        while not stopping.is_set():
            _do(runtime, "reconcile", lambda: reconcile_due(runtime, _on_change(runtime), stopping.is_set))
            stopping.wait(runtime.settings.sweep_seconds)

    thread = threading.Thread(target=work, name="reconcile", daemon=True)
    thread.start()
    return thread


def _start_owners(runtime: Runtime, stopping: threading.Event) -> threading.Thread:
    """A thread of its own: a large CRM is read for minutes, a page at a time within its budget."""

    def work() -> None:
        while not stopping.is_set():
            has_more = False
            try:
                has_more = any([sync_owners(runtime, stopping.is_set), sync_changes(runtime, stopping.is_set)])
            except OperationalError as error:
                runtime.database.presence.trouble(error, at="sync_owners")
            except Exception:
                log.exception("duty_failed", duty="sync_owners")
            stopping.wait(_NEXT_PAGE_SECONDS if has_more else runtime.settings.sweep_seconds)

    thread = threading.Thread(target=work, name="owners", daemon=True)
    thread.start()
    return thread


def _tick(runtime: Runtime) -> None:
    for name, duty in {
        "refresh_directories": lambda: refresh_directories(runtime),
        "keep_up_connections": lambda: keep_up_connections(runtime),
        "probe_paused": lambda: probe_paused(runtime),
        "keep_logged_in": lambda: keep_logged_in(runtime),
        "refresh_references": lambda: refresh_references(runtime),
        "close_stale": lambda: close_stale(runtime, _on_change(runtime)),
        "ask_again": lambda: ask_again(runtime, _on_change(runtime)),
        "learn_laws": lambda: _in_turn(runtime, "learn_laws", timedelta(hours=1), learn_laws),
        "watch_rules": lambda: _in_turn(runtime, "rules", timedelta(minutes=1), watch_all),
        "watch_silence": lambda: _in_turn(runtime, "silence", timedelta(minutes=1), watch_silence),
        "watch_requests": lambda: _in_turn(runtime, "requests", timedelta(minutes=1), watch_requests),
        "sweep_old_rows": lambda: _in_turn(runtime, "retention", timedelta(hours=1), sweep_old_rows),
        "sweep_visits": lambda: _in_turn(runtime, "visits", timedelta(hours=1), sweep_visits),
        "refresh_extensions": lambda: refresh_extensions(runtime),
        "sweep_decisions": lambda: _in_turn(runtime, "old_decisions", timedelta(hours=1), sweep_decisions),
        "sweep_requests": lambda: _in_turn(runtime, "old_requests", timedelta(hours=1), sweep_requests),
        "sync_forwarding": lambda: _in_turn(runtime, "forwarding", timedelta(seconds=30), sync_forwarding),
        "ledger": runtime.ledger.flush,
    }.items():
        if not _do(runtime, name, duty):
            return


def _do(runtime: Runtime, name: str, duty: Callable[[], object]) -> bool:
    """Do one duty; False while the database is away: the others need not find that out one by one."""
    try:
        duty()
    except OperationalError as error:
        return not runtime.database.presence.trouble(error, at=name)
    except Exception:
        log.exception("duty_failed", duty=name)
    return True


def _in_turn(runtime: Runtime, name: str, every: timedelta, duty: Callable[[Runtime], object]) -> None:
    """Do it when its time has come, and no other scheduler is at it."""
    if take_duty(runtime.database, name, every=every, lease=_LEASE):
        duty(runtime)
        finish_duty(runtime.database, name)
