"""Redis gone or flushed; PostgreSQL gone, restarted or silent: nothing lost, nothing done twice (A1, A2, C4, C7)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.posting import Answer, post, small_event
from tests.faults.rig import Rig, new_clients

HEARD_WITHIN_SECONDS = 1.3
"""The hub's own limit is a second; the rest is for a machine that does other things, too."""


@pytest.fixture(scope="module", autouse=True)
def _hub(rig: Rig) -> Iterator[None]:
    rig.web()
    rig.worker()
    yield
    verdict = judge(rig)
    assert verdict.in_order, verdict.table()


def test_without_redis_events_are_taken_and_delivered(rig: Rig) -> None:
    rig.stores.kill_broker()
    try:
        started = time.monotonic()
        assert all(call.accepted for call in rig.play_many("A", new_clients(4)))
        assert time.monotonic() - started < 10
        rig.settle(30)
    finally:
        rig.stores.start_broker()
    assert judge(rig).complaints == []


def test_redis_that_swallows_everything_holds_up_no_event(rig: Rig) -> None:
    """Half-open: connections stand, and nothing comes back."""
    rig.proxies["broker"].rude.half_open = True
    try:
        answer = post(rig.hook_url, small_event())
        assert answer.status == 200
        assert answer.seconds < 1.0
        assert rig.play("A", *new_clients(1)).accepted
        rig.settle(40)
    finally:
        rig.proxies["broker"].behave()
        rig.proxies["broker"].drop_all()
    assert judge(rig).complaints == []


def test_flushed_redis_loses_and_doubles_nothing_of_five_hundred_waiting_events(rig: Rig) -> None:
    rig.running("worker").kill()
    calls = rig.play_many("A", new_clients(40), at_once=16)
    assert all(call.accepted for call in calls)
    assert rig.waiting() >= 500
    rig.stores.flush_broker()
    rig.worker()
    flushed = 0
    while not rig.is_settled() and flushed < 120:
        rig.stores.flush_broker()
        flushed += 1
        threading.Event().wait(0.5)
    rig.settle(10)
    assert flushed > 3
    assert judge(rig).complaints == []


def test_while_postgresql_is_away_every_event_hears_503_within_a_second(rig: Rig) -> None:
    rig.stores.stop_postgres()
    try:
        answers = _pound(rig, for_seconds=5)
    finally:
        rig.stores.start_postgres()
    assert {answer.status for answer in answers} == {503}
    assert len(answers) > 50
    assert max(answer.seconds for answer in answers) < HEARD_WITHIN_SECONDS
    until(lambda: post(rig.hook_url, small_event()).status == 200, 10, "the pool recovers")


def test_postgresql_that_falls_silent_is_told_to_the_sender_in_time(rig: Rig) -> None:
    """Half-open: the server's machine is gone and no packet says so."""
    rig.proxies["database"].rude.half_open = True
    try:
        answers = _pound(rig, for_seconds=4)
    finally:
        rig.proxies["database"].behave()
        rig.proxies["database"].drop_all()
    assert {answer.status for answer in answers} == {503}
    assert max(answer.seconds for answer in answers) < HEARD_WITHIN_SECONDS
    until(lambda: post(rig.hook_url, small_event()).status == 200, 15, "the pool recovers")


def test_postgresql_that_restarts_in_the_middle_of_fifty_deliveries_leaves_an_exact_ledger(rig: Rig) -> None:
    rig.proxies["crm"].rude.delay_seconds = 0.15
    assert all(call.accepted for call in rig.play_many("A", new_clients(10), at_once=10))
    before = rig.count("SELECT count(*) FROM deliveries WHERE state = 'done'")
    until(lambda: rig.count("SELECT count(*) FROM deliveries WHERE state = 'done'") > before + 3, 30, "it delivers")
    rig.stores.restart_postgres()
    rig.proxies["crm"].behave()
    rig.settle(60)
    assert judge(rig).complaints == []


def _pound(rig: Rig, *, for_seconds: float) -> list[Answer]:
    """Four senders post one event after the other; gives all answers."""
    ends_at = time.monotonic() + for_seconds

    def sender(_number: int) -> list[Answer]:
        answers = []
        while time.monotonic() < ends_at:
            answers.append(post(rig.hook_url, small_event()))
        return answers

    with ThreadPoolExecutor(4) as pool:
        return [answer for answers in pool.map(sender, range(4)) for answer in answers]
