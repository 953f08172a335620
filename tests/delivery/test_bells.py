"""The doorbell against a real Redis that is flushed, or fed by a stranger, while it rings."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Iterator
from datetime import datetime

import pytest
import redis
from rq import Queue
from rq.serializers import DefaultSerializer, JSONSerializer
from structlog.testing import capture_logs

from hub.bells import BellWorker, listen
from hub.jobs import Listeners, connect_redis, connect_to_listen
from tests.e2e.hub import until

QUEUES = ["urgent", "inbox"]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    opened = connect_redis(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    heard: list[str] = []

    def lane(connection_id: int, _due_at: datetime | None) -> None:
        heard.append(f"lane {connection_id}")

    monkeypatch.setattr(Listeners, "inbox", lambda: heard.append("inbox"))
    monkeypatch.setattr(Listeners, "lane", lane)
    return heard


def ring(client: redis.Redis, function: str, *arguments: object, queue: str = "inbox") -> None:
    Queue(queue, connection=client, serializer=JSONSerializer).enqueue(function, args=arguments)


def work_off(client: redis.Redis, queues: list[str] = QUEUES) -> None:
    BellWorker(queues, connection=client, serializer=JSONSerializer).work(burst=True, logging_level="WARNING")


@pytest.mark.parametrize("queues", [QUEUES, ["inbox"]])
def test_bell_is_rung_and_leaves_nothing_behind(client: redis.Redis, rung: list[str], queues: list[str]) -> None:
    ring(client, "hub.jobs.inbox_has_work")
    ring(client, "hub.jobs.connection_has_work", 7)
    work_off(client, queues)
    assert rung == ["inbox", "lane 7"]
    left = {key.decode().split(":")[1] for key in client.scan_iter("rq:*")}
    assert left.isdisjoint({"job", "finished", "failed", "wip", "queue"}), left


def test_redis_that_is_flushed_while_a_bell_rings_ends_no_listener(
    client: redis.Redis, redis_url: str, rung: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ failed on the job that was gone, and the thread ended: from then on the worker heard no bell."""

    def flushes() -> None:
        client.flushall()
        rung.append("inbox")

    monkeypatch.setattr(Listeners, "inbox", flushes)
    work = BellWorker.work
    monkeypatch.setattr(BellWorker, "work", lambda ear, **named: work(ear, max_idle_time=1, **named))
    stopping = threading.Event()
    ear = threading.Thread(target=listen, args=(connect_to_listen(redis_url), QUEUES, stopping), daemon=True)
    with capture_logs() as logged:
        ear.start()
        for times in (1, 2, 3):
            ring(client, "hub.jobs.inbox_has_work")
            until(lambda: len(rung) >= times, 20, "the bell is heard")  # noqa: B023 - called in this round only
        assert ear.is_alive()
        stopping.set()
        ear.join(20)
    assert not ear.is_alive()
    assert [line for line in logged if line["log_level"] == "error"] == []


def test_job_that_names_something_else_is_refused(client: redis.Redis, rung: list[str]) -> None:
    """Whoever can write to Redis could have called any function of any library in the worker."""
    for name in ("os.system", "subprocess.call", "hub.db.migrate.upgrade", "hub.jobs.Doorbell"):
        ring(client, name, "touch /tmp/owned")
    ring(client, "hub.jobs.connection_has_work")  # too few arguments
    ring(client, "hub.jobs.connection_has_work", 7, "not a moment")
    ring(client, "hub.jobs.inbox_has_work")
    work_off(client)
    assert rung == ["inbox"]


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (exec, ("raise SystemExit('a pickle was opened')",))


def test_pickle_of_a_stranger_is_not_opened(client: redis.Redis, rung: list[str]) -> None:
    """F13."""
    job = Queue("inbox", connection=client, serializer=DefaultSerializer).enqueue("hub.jobs.inbox_has_work")
    client.hset(f"rq:job:{job.id}", "data", pickle.dumps(_Bomb()))
    ring(client, "hub.jobs.inbox_has_work")
    work_off(client)
    assert rung == ["inbox"]
