"""The doorbell: RQ jobs that say "there is work", and nothing more.

A job carries an id at most; running it twice, late or never does no harm, because the sweep looks
at every due row anyway.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer

from hub.domain.intents import Lane

log = structlog.get_logger()

INBOX_QUEUE = "inbox"
_AT_MOST_EVERY_SECONDS = 0.02
_JOB_SECONDS = 300


class Listeners:
    """What this process does when a bell rings; set once by the worker's start."""

    inbox: Callable[[], None] | None = None
    lane: Callable[[int, datetime | None], None] | None = None
    recordings: Callable[[], None] | None = None
    commands: Callable[[], None] | None = None
    callbacks: Callable[[], None] | None = None


def inbox_has_work() -> None:
    """RQ job: look at the inbox."""
    if Listeners.inbox is not None:
        Listeners.inbox()


def connection_has_work(connection_id: int, due_at: str | None = None) -> None:
    """RQ job: this connection has rows to deliver, from `due_at` (ISO) on."""
    if Listeners.lane is not None:
        Listeners.lane(connection_id, datetime.fromisoformat(due_at) if due_at else None)


def recordings_are_wanted() -> None:
    """RQ job: look at the recordings to fetch."""
    if Listeners.recordings is not None:
        Listeners.recordings()


def commands_are_wanted() -> None:
    """RQ job: look at the commands to PBXs."""
    if Listeners.commands is not None:
        Listeners.commands()


def callbacks_are_wanted() -> None:
    """RQ job: look at the callback requests."""
    if Listeners.callbacks is not None:
        Listeners.callbacks()


class Doorbell:
    """Rings over Redis; silent when Redis is away, since the sweep finds what was not rung for."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._pending: set[tuple[str, str, tuple[object, ...]]] = set()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._thread.start()

    def ring_inbox(self) -> None:
        self._note(INBOX_QUEUE, "hub.jobs.inbox_has_work", ())

    def ring_lane(self, lane: Lane, connection_id: int, due_at: datetime) -> None:
        self._note(lane, "hub.jobs.connection_has_work", (connection_id, due_at.isoformat()))

    def ring_recordings(self) -> None:
        self._note(Lane.BULK, "hub.jobs.recordings_are_wanted", ())

    def ring_commands(self) -> None:
        self._note(Lane.URGENT, "hub.jobs.commands_are_wanted", ())

    def ring_callbacks(self) -> None:
        self._note(Lane.CALLS, "hub.jobs.callbacks_are_wanted", ())

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=5)

    def _note(self, queue: str, function: str, arguments: tuple[object, ...]) -> None:
        """Costs the caller a set entry: many rings within 20 ms become one job."""
        with self._changed:
            self._pending.add((str(queue), function, arguments))
            self._changed.notify()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            with self._changed:
                while not self._pending and not self._closed:
                    self._changed.wait()
                if not self._pending:
                    return
                bells, self._pending = self._pending, set()
            self._enqueue(bells)
            pause.wait(_AT_MOST_EVERY_SECONDS)

    def _enqueue(self, bells: set[tuple[str, str, tuple[object, ...]]]) -> None:
        try:
            for queue, function, arguments in bells:
                Queue(queue, connection=self._client, serializer=JSONSerializer).enqueue(
                    function, args=arguments, result_ttl=0, failure_ttl=0, job_timeout=_JOB_SECONDS, ttl=60
                )
        except redis.RedisError as error:
            log.debug("bell_not_heard", reason=type(error).__name__)


def connect_redis(url: str) -> redis.Redis:
    """A client with short time-outs: a dead or silent Redis must not hold up a webhook or a delivery."""
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1, health_check_interval=15)


def connect_to_listen(url: str) -> redis.Redis:
    """A client whose answers may take as long as nobody rings; RQ bounds its own waiting."""
    return redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=30, health_check_interval=15)
