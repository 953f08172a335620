"""G1, bounded: calls as fast as this machine carries them, every one in the ledger once; the times are printed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from simulators.mango.pbx import PlayedCall
from tests.faults.judge import judge
from tests.faults.posting import post, small_event
from tests.faults.rig import Rig, new_clients

CALLS_PER_SECOND = 4.0
SECONDS = 30
CRM_SECONDS = 0.15


def test_steady_load_reaches_the_crm_whole_and_once(rig: Rig) -> None:
    rig.web()
    rig.worker()
    rig.proxies["crm"].rude.delay_seconds = CRM_SECONDS
    with _unlimited(rig), _probing(rig) as probes:
        started = time.monotonic()
        calls = _play_steadily(rig)
        took = time.monotonic() - started
        rig.settle(90)
    assert all(call.result().accepted for call in calls)
    assert all(status == 200 for status, _ in probes)
    verdict = judge(rig)
    print(_report(rig, len(calls), took, [seconds for _, seconds in probes]))
    assert verdict.in_order, verdict.table()


def _play_steadily(rig: Rig) -> list[Future[PlayedCall]]:
    """An open loop: a call begins when its moment has come, however long the others take."""
    clients = new_clients(int(CALLS_PER_SECOND * SECONDS))
    started, pause = time.monotonic(), threading.Event()
    with ThreadPoolExecutor(64) as pool:
        calls = []
        for number, client in enumerate(clients):
            pause.wait(max(0.0, started + number / CALLS_PER_SECOND - time.monotonic()))
            calls.append(pool.submit(rig.play, "A", client))
        return calls


@contextmanager
def _unlimited(rig: Rig) -> Iterator[None]:
    """Keep the budgets full: two requests a second would be measured, and not the hub."""
    over = threading.Event()

    def fill() -> None:
        while not over.wait(0.5):
            rig.roomy()

    filler = threading.Thread(target=fill)
    filler.start()
    try:
        yield
    finally:
        over.set()
        filler.join()


@contextmanager
def _probing(rig: Rig) -> Iterator[list[tuple[int | None, float]]]:
    """A single event every tenth of a second, to see how long a sender waits under the load."""
    over, answers = threading.Event(), list[tuple[int | None, float]]()

    def probe() -> None:
        while not over.wait(0.1):
            answer = post(rig.hook_url, small_event())
            answers.append((answer.status, answer.seconds))

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        yield answers
    finally:
        over.set()
        prober.join()


def _report(rig: Rig, calls: int, took: float, probes: list[float]) -> str:
    lags = [
        float(row["seconds"])
        for row in rig.rows(
            "SELECT extract(epoch FROM d.closed_at - max(i.received_at)) AS seconds FROM deliveries d"
            " JOIN inbox i ON i.call_id = d.call_id AND i.topic = 'events/summary'"
            " WHERE d.step_key = 'finish' AND d.state = 'done' GROUP BY d.id, d.closed_at"
        )
    ]
    return (
        f"\nload: {calls} calls in {took:.0f} s ({calls / took:.1f}/s), CRM answers in {CRM_SECONDS * 1000:.0f} ms\n"
        f"  ingress        p50 {_at(probes, 0.5) * 1000:.0f} ms, p99 {_at(probes, 0.99) * 1000:.0f} ms\n"
        f"  end of call to CRM's log  p50 {_at(lags, 0.5):.1f} s, p95 {_at(lags, 0.95):.1f} s"
        " (of which 3 s are waited on purpose, for late facts)"
    )


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")
