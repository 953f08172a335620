from __future__ import annotations

import logging
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from hub.domain.access import QuotaRule
from hub.domain.errors import Throttled
from hub.domain.intents import Lane
from hub.net import bucket as module
from hub.net import local_bucket
from hub.net.bucket import Bucket, Budget, budget
from tests.net.servers import RawServer, serving
from tests.services import broker_binary, free_port, start_broker

BITRIX = QuotaRule("bitrix24:acme.example", capacity=50, per_second=2)
FROZEN = QuotaRule("frozen", capacity=50, per_second=0.001)  # refills one token in a quarter of an hour


@pytest.fixture
def client(redis_url: str) -> redis.Redis:
    return redis.Redis.from_url(redis_url)


@pytest.fixture
def bucket(client: redis.Redis) -> Bucket:
    return Bucket(client)


def taken(bucket: Bucket, rule: QuotaRule, lane: Lane, method: str = "") -> bool:
    try:
        bucket.take(rule, lane, method)
    except Throttled:
        return False
    return True


def refused(bucket: Bucket, rule: QuotaRule, lane: Lane, method: str = "") -> Throttled:
    with pytest.raises(Throttled) as caught:
        bucket.take(rule, lane, method)
    return caught.value


def seconds_until(error: Throttled) -> float:
    assert error.until is not None
    return (error.until - datetime.now(UTC)).total_seconds()


def gone() -> redis.Redis:
    return redis.Redis(port=free_port())


@pytest.mark.parametrize(
    ("rule", "lane", "share", "expected"),
    [
        (BITRIX, Lane.URGENT, 1, Budget(40, 2, 1)),
        (BITRIX, Lane.CALLS, 1, Budget(40, 2, 5)),
        (BITRIX, Lane.BULK, 1, Budget(40, 2, 13)),
        (QuotaRule("k", 5, 5), Lane.CALLS, 1, Budget(4, 5, 2)),
        (QuotaRule("k", 5, 5), Lane.BULK, 1, Budget(4, 5, 1 + 4 * 0.3)),
        (QuotaRule("k", 1, 1), Lane.BULK, 1, Budget(1, 1, 1)),
        (BITRIX, Lane.BULK, 0.25, Budget(10, 0.5, 4)),
        (QuotaRule("k", 2, 4), Lane.CALLS, 0.25, Budget(1, 1, 1)),
    ],
)
def test_each_lane_leaves_a_reserve_to_the_more_urgent(
    rule: QuotaRule, lane: Lane, share: float, expected: Budget
) -> None:
    assert budget(rule, lane, share) == expected


def test_lanes_stop_one_after_the_other(bucket: Bucket) -> None:
    assert sum(taken(bucket, FROZEN, Lane.BULK) for _ in range(60)) == 28
    assert sum(taken(bucket, FROZEN, Lane.CALLS) for _ in range(60)) == 8
    assert sum(taken(bucket, FROZEN, Lane.URGENT) for _ in range(60)) == 4


def test_rules_with_other_keys_feel_nothing(bucket: Bucket) -> None:
    other = QuotaRule("other", 50, 0.001)
    while taken(bucket, FROZEN, Lane.URGENT):
        pass
    assert taken(bucket, other, Lane.BULK)


def test_many_threads_of_many_workers_never_take_more_than_the_budget(redis_url: str) -> None:
    rule = QuotaRule("shared", capacity=50, per_second=20)
    workers = [Bucket(redis.Redis.from_url(redis_url)) for _ in range(4)]
    started = time.monotonic()

    def work(number: int) -> int:
        return sum(taken(workers[number % 4], rule, Lane.URGENT) for _ in range(60))

    with ThreadPoolExecutor(16) as threads:
        count = sum(threads.map(work, range(16)))
    took_seconds = time.monotonic() - started
    assert 40 <= count <= 40 + 20 * took_seconds + 1


def test_the_moment_given_is_when_a_token_is_there(bucket: Bucket) -> None:
    rule = QuotaRule("quick", capacity=1, per_second=10)
    bucket.take(rule, Lane.CALLS)
    error = refused(bucket, rule, Lane.CALLS)
    assert error.scope == "connection"
    assert -5 < seconds_until(error) <= 0.15  # the past, on a busy machine
    deadline = time.monotonic() + 5
    while not taken(bucket, rule, Lane.CALLS):
        assert time.monotonic() < deadline


def test_a_lane_is_told_how_long_its_own_reserve_takes(bucket: Bucket) -> None:
    while taken(bucket, FROZEN, Lane.URGENT):
        pass
    assert seconds_until(refused(bucket, FROZEN, Lane.URGENT)) == pytest.approx(1_000, abs=20)
    assert seconds_until(refused(bucket, FROZEN, Lane.CALLS)) == pytest.approx(5_000, abs=20)
    assert seconds_until(refused(bucket, FROZEN, Lane.BULK)) == pytest.approx(13_000, abs=20)


def test_a_hold_stops_all_lanes_until_its_end(bucket: Bucket) -> None:
    until = datetime.now(UTC) + timedelta(seconds=60)
    bucket.hold(BITRIX.key, until)
    for lane in Lane:
        error = refused(bucket, BITRIX, lane, "crm.lead.add")
        assert error.scope == "connection"
        assert seconds_until(error) == pytest.approx(60, abs=5)
    assert taken(bucket, FROZEN, Lane.BULK)


def test_a_held_request_costs_no_token(bucket: Bucket, client: redis.Redis) -> None:
    bucket.hold(FROZEN.key, datetime.now(UTC) + timedelta(seconds=60))
    for _ in range(100):
        refused(bucket, FROZEN, Lane.BULK)
    for key in client.scan_iter("*:hold:*"):
        client.delete(key)
    assert sum(taken(bucket, FROZEN, Lane.URGENT) for _ in range(60)) == 40


def test_a_hold_is_seen_by_other_workers_and_never_shortened(bucket: Bucket, redis_url: str) -> None:
    now = datetime.now(UTC)
    bucket.hold(BITRIX.key, now + timedelta(seconds=60))
    bucket.hold(BITRIX.key, now + timedelta(seconds=5))
    bucket.hold(BITRIX.key, now - timedelta(seconds=5))
    other = Bucket(redis.Redis.from_url(redis_url))
    assert seconds_until(refused(other, BITRIX, Lane.URGENT)) == pytest.approx(60, abs=4)


def test_a_hold_that_is_over_stops_nothing(bucket: Bucket) -> None:
    bucket.hold(BITRIX.key, datetime.now(UTC) + timedelta(milliseconds=50))
    deadline = time.monotonic() + 5
    while not taken(bucket, BITRIX, Lane.BULK):
        assert time.monotonic() < deadline


def test_a_held_method_stops_alone(bucket: Bucket) -> None:
    bucket.hold_method(BITRIX.key, "crm.lead.list", datetime.now(UTC) + timedelta(seconds=60))
    error = refused(bucket, BITRIX, Lane.URGENT, "crm.lead.list")
    assert error.scope == "method"
    assert seconds_until(error) == pytest.approx(60, abs=5)
    assert "crm.lead.list" in str(error)
    assert taken(bucket, BITRIX, Lane.BULK, "crm.lead.add")
    assert taken(bucket, BITRIX, Lane.BULK)


def test_every_key_expires_by_itself(bucket: Bucket, client: redis.Redis) -> None:
    bucket.take(BITRIX, Lane.BULK, "crm.lead.add")
    bucket.hold(BITRIX.key, datetime.now(UTC) + timedelta(seconds=60))
    bucket.hold_method(BITRIX.key, "crm.lead.add", datetime.now(UTC) + timedelta(seconds=60))
    keys = list(client.scan_iter())
    assert len(keys) == 3
    assert all(0 < int(client.pttl(key)) <= 60_000 for key in keys)
    assert all(b"{bitrix24:acme.example}" in key for key in keys)


def test_a_worker_whose_clock_is_wrong_gets_no_more(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    while taken(bucket, FROZEN, Lane.URGENT):
        pass
    monkeypatch.setattr(module, "monotonic", lambda: 1e9)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert not taken(bucket, FROZEN, Lane.URGENT)


def test_a_flushed_redis_starts_anew(bucket: Bucket, client: redis.Redis) -> None:
    assert taken(bucket, FROZEN, Lane.URGENT)
    client.flushall()
    client.script_flush()
    assert taken(bucket, FROZEN, Lane.URGENT)


# --- without Redis --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda: None, gone])
def test_without_redis_each_process_goes_on_with_a_quarter(make: Callable[[], redis.Redis | None]) -> None:
    alone = Bucket(make())
    assert sum(taken(alone, FROZEN, Lane.BULK) for _ in range(60)) == 7
    assert sum(taken(alone, FROZEN, Lane.CALLS) for _ in range(60)) == 2
    assert sum(taken(alone, FROZEN, Lane.URGENT) for _ in range(60)) == 1
    assert seconds_until(refused(alone, FROZEN, Lane.URGENT)) == pytest.approx(4_000, abs=20)


def test_without_redis_the_local_budget_fills_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(local_bucket, "monotonic", lambda: clock[0])
    alone = Bucket(None)
    while taken(alone, BITRIX, Lane.URGENT):
        pass
    clock[0] += 2
    assert [taken(alone, BITRIX, Lane.URGENT) for _ in range(2)] == [True, False]
    clock[0] += 3600
    assert sum(taken(alone, BITRIX, Lane.URGENT) for _ in range(60)) == 10


def test_without_redis_many_threads_share_the_quarter() -> None:
    alone = Bucket(None)
    with ThreadPoolExecutor(8) as threads:
        counts = threads.map(lambda _: sum(taken(alone, FROZEN, Lane.URGENT) for _ in range(50)), range(8))
    assert sum(counts) == 10


def test_without_redis_holds_still_hold() -> None:
    alone = Bucket(gone())
    until = datetime.now(UTC) + timedelta(seconds=60)
    alone.hold_method(BITRIX.key, "crm.lead.list", until)
    assert refused(alone, BITRIX, Lane.URGENT, "crm.lead.list").scope == "method"
    assert taken(alone, BITRIX, Lane.URGENT, "crm.lead.add")
    alone.hold(BITRIX.key, until)
    assert refused(alone, BITRIX, Lane.URGENT, "crm.lead.add").until == until


def test_a_redis_that_is_away_is_not_asked_by_every_request(caplog: pytest.LogCaptureFixture) -> None:
    with serving(lambda peer, server: None) as server:  # hangs up at once
        alone = Bucket(redis.Redis(port=server.port))
        with caplog.at_level(logging.WARNING):
            for _ in range(50):
                taken(alone, FROZEN, Lane.URGENT)
        assert server.connections <= 2
    assert [record.name for record in caplog.records] == ["hub.net.bucket"]


def test_when_redis_comes_back_the_shared_budget_counts_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    port = free_port()
    mine = Bucket(redis.Redis(port=port))
    assert taken(mine, FROZEN, Lane.URGENT)
    with tempfile.TemporaryDirectory(prefix="dozvon-broker-") as folder:
        process = start_broker(port, Path(folder))
        try:
            clock[0] += 6
            assert sum(taken(mine, FROZEN, Lane.URGENT) for _ in range(60)) == 40
        finally:
            process.terminate()
            process.wait(timeout=20)


def test_a_redis_that_does_not_answer_does_not_hold_up_the_work() -> None:
    def mute(peer: socket.socket, server: RawServer) -> None:
        server.stopping.wait(30)

    with serving(mute) as server:
        alone = Bucket(redis.Redis(port=server.port, socket_timeout=60))
        started = time.monotonic()
        assert sum(taken(alone, FROZEN, Lane.URGENT) for _ in range(60)) == 10
        assert time.monotonic() - started < 5


def test_a_broker_behind_a_unix_socket_keeps_the_budget_too() -> None:
    with tempfile.TemporaryDirectory(prefix="dozvon-broker-") as folder:
        path = Path(folder) / "broker.sock"
        process = subprocess.Popen(
            [broker_binary(), "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            deadline = time.monotonic() + 20
            while not path.exists():
                assert time.monotonic() < deadline
                threading.Event().wait(0.02)
            shared = Bucket(redis.Redis(unix_socket_path=str(path), socket_timeout=30))
            assert sum(taken(shared, FROZEN, Lane.URGENT) for _ in range(60)) == 40
        finally:
            process.terminate()
            process.wait(timeout=20)
