"""Tokens: raced by many workers, lost between answer and commit, replaced by a person (E1, E2, E3)."""

from __future__ import annotations

from tests.e2e.hub import until
from tests.faults.judge import judge
from tests.faults.rig import Rig, new_clients


def state(rig: Rig) -> str:
    (row,) = rig.rows("SELECT state FROM connections WHERE name = 'b24'")
    return str(row["state"])


def test_twenty_calls_on_a_dead_token_at_three_workers_refresh_it_once(rig: Rig) -> None:
    rig.web()
    rig.b24.expire_tokens()
    rig.play_many("A", new_clients(20), at_once=20)
    workers = [rig.worker(wait=False) for _ in range(3)]
    rig.settle(90)
    for worker in workers:
        worker.stop()
    assert len(rig.b24.ledger.refreshes) == 1
    assert judge(rig).complaints == []


def test_refresher_killed_between_answer_and_commit_needs_a_person_and_then_the_backlog_drains(rig: Rig) -> None:
    rig.b24.expire_tokens()
    rig.play_many("A", new_clients(3))
    doomed = rig.worker(crash_at="after_token_answer_before_commit")
    until(doomed.has_killed_itself, 40, "the refresher dies with the new pair in its hands")
    healthy = rig.worker()
    until(lambda: state(rig) == "needs_reconnect", 90, "the connection says that it needs a person")
    until(lambda: rig.count("SELECT count(*) FROM deliveries WHERE state = 'blocked'") > 0, 10, "the backlog is kept")
    assert rig.count("SELECT count(*) FROM deliveries WHERE state = 'dead'") == 0
    rig.play("A", *new_clients(1))
    rig.apply(rig.document())
    rig.settle(60)
    healthy.stop()
    assert state(rig) == "active"
    assert judge(rig, forgiven=frozenset({"refresh_token_reused"})).complaints == []
