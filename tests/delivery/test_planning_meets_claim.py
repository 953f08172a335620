"""A plan takes a step back at the moment a worker takes it up: whoever was first counts, and neither undoes the other.

Only PostgreSQL lets the two meet; on SQLite one waits for the other's whole transaction.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub.calls.intake import drain_inbox
from hub.db.engine import Database
from hub.delivery.claim import ClaimedStep, Turn, claim, claim_some
from hub.delivery.outbox import plan_deliveries
from hub.delivery.run import deliver
from hub.domain.intents import Lane
from tests.delivery.reconciling import whole_call
from tests.delivery.story import ends, leaves, rings
from tests.delivery.world import World, make_world
from tests.e2e.hub import until

LANES = tuple(Lane)
pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("database_url", ["postgres"], indirect=True)]


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def written(world: World) -> list[str]:
    return [key for _, key in world.crm.ledger]


def two_ring(world: World) -> None:
    """The call is registered, and both cards are due."""
    world.receive((rings("101", 1),), (rings("102", 2),))
    world.drain()
    (register,) = claim(world.runtime, world.crm_id, LANES, 1)
    deliver(world.runtime, register)


def drain_while_a_claim_is_open(world: World, limit: int) -> list[ClaimedStep]:
    """A worker has taken up to `limit` steps and is about to commit when the plan comes to the same rows."""
    planner = threading.Thread(target=world.drain)
    with world.database.transaction() as session:
        taken, _ = claim_some(session, world.runtime, Turn(world.crm_id, LANES, limit, together=False, suspects=True))
        planner.start()
        until(lambda: _somebody_waits(world), 20, "the plan waits for the claim")
    planner.join(20)
    assert not planner.is_alive()
    return taken


def _somebody_waits(world: World) -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    with world.database.reading() as session:
        return bool(session.execute(text(waiting)).scalar_one())


def test_card_that_a_worker_has_just_taken_is_hidden_and_not_called_back(world: World) -> None:
    two_ring(world)
    world.receive((leaves("101", 3),))
    taken = drain_while_a_claim_is_open(world, 4)
    assert {step.step_key for step in taken} == {"show:7", "show:8"}
    for step in taken:
        deliver(world.runtime, step)
    world.deliver()
    assert sorted(written(world)) == ["hide:7", "register", "show:7", "show:8"]
    assert world.states()["show:7"] == "done"


def test_card_that_a_plan_is_taking_back_is_not_taken_up(world: World) -> None:
    two_ring(world)
    taken: list[ClaimedStep] = []

    def plan_and_look(session: Any, change: Any) -> None:
        plan_deliveries(session, world.runtime, change)
        session.flush()
        taken.extend(claim(world.runtime, world.crm_id, LANES, 4))

    world.receive((leaves("101", 3),))
    drain_inbox(world.runtime, plan_and_look)
    assert taken == []  # the call's rows are the plan's until it commits
    world.deliver()
    assert written(world) == ["register", "show:8"]
    assert world.states()["show:7"] == "superseded"


def test_task_that_a_worker_has_just_taken_is_closed_and_not_forgotten(world: World) -> None:
    """The plan read it as unsent and called it superseded; the worker made it, and nobody ever closed it."""
    world.receive((rings("101", 1, "missed"),), (leaves("101", 20, "missed"),))
    world.receive((ends(20, "missed", answered_at=None, extension="101"),))
    world.drain()
    for _ in ("register", "finish"):
        for step in claim(world.runtime, world.crm_id, LANES, 1):
            deliver(world.runtime, step)
    assert world.states()["task"] == "pending"
    world.receive(whole_call("talk"))
    taken = drain_while_a_claim_is_open(world, 1)
    assert [step.step_key for step in taken] == ["task"]
    deliver(world.runtime, taken[0])
    assert world.states()["task"] == "done"
    assert written(world).count("task") == 1


def test_intent_that_is_renewed_while_it_is_taken_goes_out_as_it_was_taken(world: World) -> None:
    """What a worker holds is not changed under its hands: the row that it closes is the one that it sent."""
    world.receive(whole_call()[:3])
    world.receive((ends(65, answered_at=5, extension="101"),))
    world.drain()
    (register,) = claim(world.runtime, world.crm_id, LANES, 1)
    deliver(world.runtime, register)
    world.receive((ends(70, answered_at=5, extension="102", leg_key="late"),))
    taken = drain_while_a_claim_is_open(world, 1)
    (finish,) = taken
    sent = finish.intent.call
    deliver(world.runtime, finish)
    row = world.rows()["finish"]
    assert (row.intent["call"]["talk_seconds"], str(row.state)) == (sent.talk_seconds, "done")
    assert written(world) == ["register", "finish"]
