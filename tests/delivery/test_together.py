"""Steps of several calls in one request: one row is one verdict, whatever becomes of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import event, select

from connectors.contract import Door, Step, StepResult
from hub.db.engine import Database
from hub.db.tables import Connection
from hub.db.work import DeliveryAttempt, DeliveryRow, DeliveryState
from hub.delivery.claim import ClaimedStep, claim
from hub.delivery.dispatch import Dispatcher
from hub.delivery.run import deliver, deliver_together
from hub.domain.errors import DeliveryError, OutcomeUnknown, Rejected, Throttled
from hub.domain.intents import Lane
from hub.domain.phone import Phone
from tests.delivery.story import ends
from tests.delivery.world import LedgerCrm, World, make_world
from tests.e2e.hub import until

LANES = tuple(Lane)


@dataclass
class LedgerTogether:
    """Carries out the finishes of several calls at once into the ledger; `answers` are given instead, by place."""

    crm: LedgerCrm
    most: int = 3
    answers: dict[int, DeliveryError] = field(default_factory=dict)
    before: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    writes: bool = False
    """Whether it asks the network, as a real one does."""

    def joins(self, step_key: str) -> bool:
        return step_key == "finish"

    def perform(self, steps: Sequence[Step], door: Door) -> Sequence[StepResult | DeliveryError]:
        door.spend("batch")
        self.sizes.append(len(steps))
        if self.before:
            raise self.before.pop(0)
        if self.writes:
            door.http.request("POST", "https://crm.example/batch", write=True)
        done = [self.answers.get(place) or self.crm.perform(step, door) for place, step in enumerate(steps)]
        if self.after:
            raise self.after.pop(0)
        return done


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


@pytest.fixture
def together(world: World) -> LedgerTogether:
    joined = LedgerTogether(world.crm)
    world.runtime.registry["crm"] = dataclasses.replace(world.runtime.registry["crm"], together=joined)  # type: ignore[index]
    return joined


def calls_to_finish(world: World, count: int) -> None:
    """So many calls of different clients are registered, and their ends are due."""
    for number in range(count):
        client = Phone(f"7900123{number:04}", f"+7900123{number:04}")
        world.receive((ends(65, f"c{number}", answered_at=5, extension="101", client=client),))
    world.drain()
    for _ in range(count):
        for step in claim(world.runtime, world.crm_id, (Lane.URGENT,), 10):
            deliver(world.runtime, step)
    world.make_due()


def take(world: World, limit: int = 4) -> list[ClaimedStep]:
    return claim(world.runtime, world.crm_id, LANES, limit, together=True)


def finishes(world: World) -> list[DeliveryRow]:
    with world.database.reading() as session:
        return list(
            session.scalars(select(DeliveryRow).where(DeliveryRow.step_key == "finish").order_by(DeliveryRow.id))
        )


def states(world: World) -> list[str]:
    return [str(row.state) for row in finishes(world)]


def test_steps_that_share_a_request_count_as_one_and_no_more_are_taken_than_it_holds(
    world: World, together: LedgerTogether
) -> None:
    calls_to_finish(world, 5)
    assert [len(take(world, limit=1)), len(take(world, limit=1)), len(take(world, limit=1))] == [3, 2, 0]


def test_each_row_is_closed_with_its_own_result(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 2)
    assert deliver_together(world.runtime, take(world)) == []
    assert states(world) == ["done", "done"]
    first, second = (row.result["id"] for row in finishes(world))
    assert (second - first, together.sizes) == (1, [2])


def test_one_row_that_is_refused_is_dead_alone(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 3)
    together.answers[1] = Rejected("field UF_X does not exist")
    deliver_together(world.runtime, take(world))
    assert states(world) == ["done", "dead", "done"]
    assert finishes(world)[1].last_error == "field UF_X does not exist"


def test_one_row_that_was_too_fast_costs_it_no_try_and_the_others_nothing(
    world: World, together: LedgerTogether
) -> None:
    calls_to_finish(world, 2)
    together.answers[0] = Throttled("that method rests", scope="method")
    (again_at,) = deliver_together(world.runtime, take(world))
    assert again_at > datetime(2026, 1, 1, tzinfo=UTC)
    assert states(world) == ["waiting", "done"]
    assert finishes(world)[0].attempts == 0


def test_lost_answer_leaves_every_row_to_be_looked_up_one_by_one(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 3)
    together.after = [OutcomeUnknown("reset")]
    deliver_together(world.runtime, take(world))
    assert states(world) == ["verifying"] * 3
    world.make_due()
    again = take(world)
    assert [(step.look_up_first, step.shares) for step in again] == [(True, None)] * 3
    for step in again:
        deliver(world.runtime, step)
    assert states(world) == ["done"] * 3
    assert together.sizes == [3]
    assert [key for _, key in world.crm.ledger].count("finish") == 3
    assert world.crm.looked_up == ["finish"] * 3


def test_worker_that_died_with_a_batch_leads_to_a_look_up_of_each(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 2)
    held = take(world)
    world.crm.ledger.append((held[0].intent.call.call_id, "finish"))  # the first was carried out, then all went dark
    world.make_due()
    while steps := take(world):  # one by one: what it died of is not known
        for step in steps:
            deliver(world.runtime, step)
    assert states(world) == ["done", "done"]
    assert world.crm.looked_up == ["finish", "finish"]
    assert [key for _, key in world.crm.ledger].count("finish") == 2
    assert together.sizes == []


def test_one_request_that_failed_is_one_failure_of_the_connection(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 3)
    together.before = [OutcomeUnknown("reset")]
    deliver_together(world.runtime, take(world))
    with world.database.reading() as session:
        assert session.get_one(Connection, world.crm_id).failures_in_row == 1
        outcomes = [str(one) for one in session.scalars(select(DeliveryAttempt.outcome))]
    assert outcomes.count("outcome_unknown") == 3


def test_bug_in_the_hub_is_nobodys_proof_of_anything(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 2)
    together.writes = True
    together.after = [ZeroDivisionError()]
    deliver_together(world.runtime, take(world))
    assert states(world) == ["verifying", "verifying"]


def test_bug_before_the_shared_request_leaves_leaves_no_doubt(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 2)
    together.before = [KeyError("field")]
    deliver_together(world.runtime, take(world))
    assert states(world) == ["waiting", "waiting"]
    assert {row.last_error for row in finishes(world)} == {"the hub failed: KeyError, before anything was sent"}


def test_secret_in_one_answer_is_not_kept(world: World, together: LedgerTogether) -> None:
    with world.database.transaction() as session:
        session.get_one(Connection, world.crm_id).secrets = {"api_key": "k-5520-zz"}
    calls_to_finish(world, 2)
    together.answers[0] = Rejected("k-5520-zz may not do this")
    deliver_together(world.runtime, take(world))
    assert finishes(world)[0].last_error == "*** may not do this"


def test_probe_after_trouble_goes_alone(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 3)
    with world.database.transaction() as session:
        session.get_one(Connection, world.crm_id).throttled_in_row = 1
    (probe,) = take(world)
    assert probe.shares is None


def test_dispatcher_sends_a_backlog_in_few_requests(world: World, together: LedgerTogether) -> None:
    calls_to_finish(world, 7)
    dispatcher = Dispatcher(world.runtime, LANES, threads=4)
    dispatcher.start()
    try:
        dispatcher.wake(world.crm_id)
        until(lambda: set(states(world)) == {"done"}, 20)
    finally:
        dispatcher.stop()
    assert sum(together.sizes) >= 6
    assert len(together.sizes) <= 4
    assert [key for _, key in world.crm.ledger].count("finish") == 7


# --- What a claim costs --------------------------------------------------------------------------------


def test_claim_reads_no_more_rows_than_it_takes(world: World) -> None:
    calls_to_finish(world, 12)
    loaded: list[int] = []

    def note(target: DeliveryRow, _context: object) -> None:
        if target.step_key == "finish":
            loaded.append(target.id)

    event.listen(DeliveryRow, "load", note)
    try:
        taken = claim(world.runtime, world.crm_id, LANES, 4)
    finally:
        event.remove(DeliveryRow, "load", note)
    assert sorted(step.id for step in taken) == sorted(set(loaded))
    assert len(taken) == 4


def test_cards_that_are_too_late_hold_no_call_up(world: World) -> None:
    """After a night without the CRM hundreds of cards lie before the first call: they were closed 64 at a sweep."""
    calls_to_finish(world, 1)
    (finish,) = finishes(world)
    with world.database.transaction() as session:
        copied = {
            column.name: getattr(finish, column.name)
            for column in DeliveryRow.__table__.columns
            if column.name not in {"id", "step_key", "lane", "rank", "expires_at", "needs"}
        }
        past = datetime(2020, 1, 1, tzinfo=UTC)
        session.add_all(
            DeliveryRow(**copied, step_key=f"show:{number}", lane=Lane.URGENT, rank=0, expires_at=past, needs=[])
            for number in range(200)
        )
    (step,) = claim(world.runtime, world.crm_id, LANES, 4)
    assert step.step_key == "finish"
    with world.database.reading() as session:
        expired = select(DeliveryRow.id).where(DeliveryRow.state == DeliveryState.EXPIRED)
        assert len(session.scalars(expired).all()) == 200
