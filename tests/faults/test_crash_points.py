"""A process dies at each named point; another one goes on; the ledgers show every call once (A3, C1, C2, C3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.observe.crash import CRASH_POINTS
from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.rig import Rig, new_clients, running_rig
from tests.faults.stores import Stores

IN_WORKER = (
    "before_fold_commit",
    "after_fold_commit_before_bell",
    "after_lease_before_write",
    "after_crm_write_before_commit",
    "after_recording_fetch_before_commit",
)
IN_WEB = ("after_inbox_commit",)
ELSEWHERE = {
    "after_token_answer_before_commit": "test_tokens.py",
    "after_callback_order_commit": "test_callbacks.py",
    "after_command_sent_before_close": "test_callbacks.py",
}


@pytest.fixture(scope="module", params=["postgres", "sqlite"])
def rig(request: pytest.FixtureRequest, stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    home: Path = tmp_path_factory.mktemp(str(request.param))
    with running_rig(stores, home, on_sqlite=request.param == "sqlite") as running:
        running.web()
        yield running


def test_every_crash_point_is_visited() -> None:
    assert {*IN_WORKER, *IN_WEB, *ELSEWHERE} == CRASH_POINTS
    for point, file in ELSEWHERE.items():
        assert f'"{point}"' in (Path(__file__).parent / file).read_text()


@pytest.mark.parametrize("point", IN_WORKER)
def test_worker_that_kills_itself_at_a_point_loses_and_doubles_nothing(rig: Rig, point: str) -> None:
    rig.play_many("A", new_clients(2))
    rig.play("B", *new_clients(1))
    doomed = rig.worker(crash_at=point)
    until(doomed.has_killed_itself, 40, f"the worker reaches {point}")
    healthy = rig.worker()
    rig.settle()
    healthy.stop()
    assert judge(rig).complaints == []


def test_worker_that_dies_after_one_write_after_the_other_still_gets_all_done(rig: Rig) -> None:
    rig.play("A", *new_clients(1))
    for _ in range(3):
        doomed = rig.worker(crash_at="after_crm_write_before_commit")
        until(lambda: not doomed.is_alive, 40, "one more write, and dead")  # noqa: B023 - called in this round only
        assert doomed.has_killed_itself()
    healthy = rig.worker()
    rig.settle()
    healthy.stop()
    assert judge(rig).complaints == []


def test_web_process_killed_between_commit_and_answer_gets_the_event_again_and_keeps_one(rig: Rig) -> None:
    rig.running("web").kill()
    doomed = rig.web(crash_at="after_inbox_commit")
    before = rig.count("SELECT count(*) FROM inbox")
    (client,) = new_clients(1)
    playing = rig.pbx.start("A", client=client)
    until(lambda: rig.count("SELECT count(*) FROM inbox") > before, 20, "an event is kept before the process dies")
    doomed.kill()
    rig.web()
    call = playing.result(timeout=60)
    rig.played.append(("A", client, call))
    assert call.accepted
    assert any(delivery.tries > 1 for delivery in call.deliveries)
    assert rig.count("SELECT count(*) FROM inbox") - before == len(call.deliveries)
    worker = rig.worker()
    rig.settle()
    worker.stop()
    assert judge(rig).complaints == []
