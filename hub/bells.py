"""Hearing the doorbell: RQ hands over what was rung, and none of its books on jobs matter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import redis
import structlog
from rq import Queue, SimpleWorker
from rq.exceptions import DeserializationError, InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from hub import jobs

log = structlog.get_logger()

_REDIS_AGAIN_SECONDS = 1.0
_BELLS: dict[str, Callable[..., None]] = {
    f"hub.jobs.{bell.__name__}": bell
    for bell in (
        jobs.inbox_has_work,
        jobs.connection_has_work,
        jobs.recordings_are_wanted,
        jobs.commands_are_wanted,
        jobs.callbacks_are_wanted,
    )
}
"""All that a job may name: whoever can write to Redis can ring, and nothing else."""


class _NoTimer(BaseDeathPenalty):
    """RQ's own job timer uses signals; our jobs only ring, and what they start has time-outs of its own."""

    def setup_death_penalty(self) -> None:
        return

    def cancel_death_penalty(self) -> None:
        return


class BellWorker(SimpleWorker):
    """Rings in this process and forgets the job; leaves the signals to the process.

    RQ itself would write down what runs, what failed and what ended, and it ends when Redis is
    flushed in the middle of that.
    """

    death_penalty_class = _NoTimer

    def _install_signal_handlers(self) -> None:
        return

    def execute_job(self, job: Job, queue: Queue) -> None:
        try:
            bell = _BELLS.get(job.func_name or "")
            if bell is None:
                log.warning("bell_refused", reason="it names nothing that may be rung")
            else:
                bell(*job.args)
        except (DeserializationError, TypeError, ValueError) as error:
            log.warning("bell_refused", reason=type(error).__name__)
        with suppress(InvalidJobOperation, NoSuchJobError):
            self.connection.lrem(queue.intermediate_queue_key, 1, job.id)
            job.delete(remove_from_queue=False)


def listen(client: redis.Redis, queues: Sequence[str], stopping: threading.Event) -> None:
    """Hear bells for as long as Redis can be reached; try again when it comes back. Ends with `stopping` only."""
    while not stopping.is_set():
        try:
            worker = BellWorker(queues, connection=client, serializer=JSONSerializer, worker_ttl=45)
            worker.work(logging_level="WARNING", with_scheduler=False)
        except redis.RedisError as error:
            log.warning("redis_away", reason=type(error).__name__)
        except Exception:
            log.exception("bells_not_heard")
        stopping.wait(_REDIS_AGAIN_SECONDS)
