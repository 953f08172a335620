"""The worker process: reads the inbox, delivers, fetches recordings. RQ rings; the sweep makes Redis dispensable."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

import redis
import structlog
from sqlalchemy import event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.bells import listen
from hub.callbacks.forms import take_form
from hub.callbacks.pump import Ringer
from hub.calls.intake import drain_inbox
from hub.calls.record import CallChange
from hub.calls.recordings import fetch_due, next_due
from hub.changes import follow_change
from hub.config import Settings
from hub.db.presence import Presence
from hub.delivery.access import heed_access
from hub.delivery.dialler import Dialler
from hub.delivery.dials import note_wish
from hub.delivery.dispatch import Dispatcher
from hub.delivery.doors import open_door
from hub.delivery.schedule import pause_seconds, retry_delay
from hub.domain.intents import Lane
from hub.domain.notices import AccessChanged, CallbackWanted, DialRequested, Notice
from hub.jobs import INBOX_QUEUE, Doorbell, Listeners, connect_redis, connect_to_listen
from hub.observe.log import configure_logging
from hub.routing.heed import heed_change, heed_notice, look_up
from hub.routing.index import next_wish
from hub.routing.sending import CommandSender
from hub.tracking.places import plan_in
from hub.wiring import build_runtime, prepare_process

log = structlog.get_logger()

ALL_LANES = tuple(Lane)
_AFTER_TROUBLE_SECONDS = 1.0


class Pump:
    """Runs `work` when asked to, and every `every_seconds()`, in a thread of its own; errors do not end it."""

    def __init__(
        self, name: str, work: Callable[[], None], every_seconds: Callable[[], float], presence: Presence
    ) -> None:
        self._name = name
        self._presence = presence
        self._work = work
        self._every_seconds = every_seconds
        self._asked = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._asked.set()
        self._thread.start()

    def ask(self) -> None:
        self._asked.set()

    def stop(self) -> None:
        self._stopping = True
        self._asked.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._asked.clear()
            pause_seconds = self._round()
            if not self._stopping:
                self._asked.wait(pause_seconds)

    def _round(self) -> float:
        """Work once; returns the seconds to the next time. Nothing that is raised here may end the thread."""
        try:
            self._work()
            return self._every_seconds()
        except OperationalError as error:
            self._presence.trouble(error, at=self._name)
        except Exception:
            log.exception("pump_failed", pump=self._name)
        return _AFTER_TROUBLE_SECONDS


class Work:
    """Everything one worker process does, started and stopped together."""

    def __init__(self, settings: Settings, lanes: Sequence[Lane], client: redis.Redis) -> None:
        self.lanes = tuple(lanes)
        self.bell = Doorbell(client)
        self.runtime = build_runtime(
            settings,
            client,
            wake=self._wake,
            want_recordings=self._want_recordings,
            want_commands=self._want_commands,
            want_callbacks=self._want_callbacks,
        )
        self.dispatcher = Dispatcher(self.runtime, self.lanes)
        sweep = settings.sweep_seconds
        pump = partial(Pump, presence=self.runtime.database.presence)
        self.pumps = [
            pump("sweep", self.dispatcher.sweep, lambda: sweep),
            pump("ledger", self.runtime.ledger.flush, lambda: 5.0),
        ]
        self.inbox = pump("inbox", self._drain_inbox, lambda: sweep) if Lane.CALLS in self.lanes else None
        self.dialler = Dialler(self.runtime)
        self.dials = pump("dials", self.dialler.work, self.dialler.until_next) if Lane.CALLS in self.lanes else None
        self.recordings = pump("recordings", self._fetch, self._until_next) if Lane.BULK in self.lanes else None
        self.sender = CommandSender(self.runtime, on_end=self._want_callbacks)
        self.ringer = Ringer(self.runtime)
        urgent, calls = Lane.URGENT in self.lanes, Lane.CALLS in self.lanes
        self.commands = pump("commands", self.sender.work, self.sender.until_next) if urgent else None
        self.look_ups = pump("look_ups", lambda: look_up(self.runtime), self._until_next_wish) if calls else None
        self.callbacks = pump("callbacks", self.ringer.work, self.ringer.until_next) if calls else None
        pumps = (self.inbox, self.dials, self.recordings, self.commands, self.look_ups, self.callbacks)
        self.pumps += [pump for pump in pumps if pump is not None]

    @property
    def queues(self) -> list[str]:
        """The bells that this process answers."""
        return [str(lane) for lane in self.lanes] + ([INBOX_QUEUE] if self.inbox else [])

    def start(self) -> None:
        Listeners.lane = self.dispatcher.wake
        Listeners.inbox = self.inbox.ask if self.inbox else None
        Listeners.recordings = self.recordings.ask if self.recordings else None
        Listeners.commands = self.commands.ask if self.commands else None
        Listeners.callbacks = self.callbacks.ask if self.callbacks else None
        self.dispatcher.start()
        for pump in self.pumps:
            pump.start()

    def stop(self) -> None:
        for pump in self.pumps:
            pump.stop()
        self.dialler.stop()
        self.ringer.stop()
        self.sender.stop()
        self.dispatcher.stop()
        self.runtime.ledger.flush()
        self.bell.close()
        self.runtime.database.close()

    def on_change(self, session: Session, change: CallChange) -> None:
        if heed_change(session, self.runtime, change) and self.look_ups is not None:
            event.listen(session, "after_commit", lambda _session: self._want_look_ups(), once=True)
        follow_change(session, self.runtime, change)

    def on_notice(self, session: Session, connection_id: int, notice: Notice) -> bool:
        """What is done about a notice, by its kind; False when nobody here minds it."""
        match notice:
            case CallbackWanted():
                take_form(session, self.runtime, connection_id, notice)
            case DialRequested():
                note_wish(session, connection_id, notice)
                event.listen(session, "after_commit", lambda _session: self._want_dials(), once=True)
            case AccessChanged():
                heed_access(session, connection_id, notice)
            case _:
                return heed_notice(session, self.runtime, connection_id, notice)
        return True

    def _want_dials(self) -> None:
        if self.dials is not None:
            self.dials.ask()

    def _want_look_ups(self) -> None:
        if self.look_ups is not None:
            self.look_ups.ask()

    def _want_commands(self) -> None:
        if self.commands is not None:
            self.commands.ask()
        else:
            self.bell.ring_commands()

    def _want_callbacks(self) -> None:
        if self.callbacks is not None:
            self.callbacks.ask()
        else:
            self.bell.ring_callbacks()

    def _until_next_wish(self) -> float:
        with self.runtime.database.reading() as session:
            due_at = next_wish(session)
        return self._pause_until(due_at)

    def _drain_inbox(self) -> None:
        drain_inbox(self.runtime, self.on_change, self.on_notice)

    def _fetch(self) -> None:
        schedule, chance = self.runtime.settings.retry_seconds, self.runtime.random
        fetch_due(
            self.runtime,
            lambda connection_id: open_door(self.runtime, connection_id, Lane.BULK, purpose="fetch_recording"),
            self.on_change,
            lambda attempts: retry_delay(attempts, schedule, chance),
        )

    def _until_next(self) -> float:
        with self.runtime.database.reading() as session:
            due_at = next_due(session)
        return self._pause_until(due_at)

    def _pause_until(self, due_at: datetime | None) -> float:
        return pause_seconds(due_at, self.runtime.now(), least=0.2, longest=self.runtime.settings.sweep_seconds)

    def _wake(self, connection_id: int, lane: Lane, due_at: datetime) -> None:
        if lane in self.lanes:
            self.dispatcher.wake(connection_id, due_at)
        else:
            self.bell.ring_lane(lane, connection_id, due_at)

    def _want_recordings(self) -> None:
        if self.recordings is not None:
            self.recordings.ask()
        else:
            self.bell.ring_recordings()


def run(settings: Settings, lanes: Sequence[str] = ALL_LANES) -> None:
    """Work until SIGTERM or SIGINT; what is under way is finished first."""
    configure_logging(settings.log_format, "worker")
    prepare_process(settings)
    plan_in(settings.home)  # read before the first call asks for it
    chosen = [Lane(lane) for lane in lanes]
    stopping = threading.Event()
    redis_url = settings.redis_url or "redis://127.0.0.1:6379/0"
    work = Work(settings, chosen, connect_redis(redis_url))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    work.start()
    listener = threading.Thread(
        target=listen, args=(connect_to_listen(redis_url), work.queues, stopping), name="bells", daemon=True
    )
    listener.start()
    log.info("worker_started", lanes=[str(lane) for lane in chosen])
    stopping.wait()
    work.stop()
    log.info("worker_stopped")
