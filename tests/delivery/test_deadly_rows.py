"""Rows that kill the process that reads them are found out by its deaths, and nobody else is (C10)."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.calls.inbox import claim as claim_items
from hub.calls.replay import replay_inbox
from hub.db.engine import Database
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow
from hub.delivery.claim import ClaimedStep, claim
from hub.delivery.dispatch import Dispatcher
from hub.delivery.replay import replay_deliveries
from hub.delivery.run import deliver
from hub.domain.errors import NotReady
from hub.domain.intents import Lane
from tests.delivery.reconciling import whole_call
from tests.delivery.story import rings
from tests.delivery.world import World, make_world
from tests.e2e.hub import until

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


# --- The inbox ----------------------------------------------------------------------------------------


def leases_lapse(world: World) -> None:
    with world.database.transaction() as session:
        session.execute(update(InboxRow).where(InboxRow.state == "received").values(due_at=LONG_AGO))


def items(world: World) -> dict[int, tuple[str, str]]:
    with world.database.reading() as session:
        rows = session.execute(select(InboxRow.id, InboxRow.state, InboxRow.reason).order_by(InboxRow.id)).all()
    return {number: (str(row.state), row.reason) for number, row in enumerate(rows, 1)}


def calls_of(number: int) -> list[tuple[Any, ...]]:
    return [(rings("101", 1, f"c{one}"),) for one in range(number)]


def test_item_of_a_process_that_died_is_read_alone_from_then_on(world: World) -> None:
    world.receive(*calls_of(3))
    assert len(claim_items(world.runtime, 10)) == 3
    leases_lapse(world)
    assert [len(claim_items(world.runtime, 10)) for _ in range(4)] == [1, 1, 1, 0]


def test_items_that_never_were_in_a_dead_process_are_still_read_together_around_a_suspect(world: World) -> None:
    world.receive(*calls_of(1))
    claim_items(world.runtime, 10)
    leases_lapse(world)
    world.receive(*calls_of(3))
    assert [len(claim_items(world.runtime, 10)) for _ in range(3)] == [1, 3, 0]


def test_item_that_ends_every_process_is_in_quarantine_after_three_deaths_alone_and_neighbours_flow(
    world: World,
) -> None:
    world.receive(*calls_of(3))
    deadly, deaths_alone = claim_items(world.runtime, 10)[1].id, 0
    for _ in range(20):
        leases_lapse(world)
        while taken := claim_items(world.runtime, 10):
            if [one.id for one in taken] == [deadly]:
                deaths_alone += 1
                break
            with world.database.transaction() as session:  # read without harm
                session.execute(
                    update(InboxRow).where(InboxRow.id.in_([one.id for one in taken])).values(state="processed")
                )
    assert deaths_alone == 3
    assert [state for state, _ in items(world).values()] == ["processed", "quarantined", "processed"]
    assert "3 times the process that read it" in items(world)[2][1]


def test_batch_whose_processes_are_killed_three_times_is_read_in_the_end(world: World) -> None:
    """A redeploy, or `kill -9`, hits whatever is in hand: once as a batch, and then the one that was read."""
    world.receive(*calls_of(4))
    for _ in range(3):
        assert claim_items(world.runtime, 10)
        leases_lapse(world)
    assert world.drain() == 4
    assert {state for state, _ in items(world).values()} == {"processed"}


def test_item_that_the_hub_failed_on_in_words_is_no_suspect(world: World) -> None:
    """What was raised is counted for itself: two of these and two deaths are no three of either."""
    world.receive("poison")
    for _ in range(2):
        claim_items(world.runtime, 10)
        leases_lapse(world)
        world.drain()
        leases_lapse(world)
    assert items(world)[1][0] == "received"
    world.drain()
    assert items(world)[1] == (
        "quarantined",
        "the hub failed on it 3 times (ZeroDivisionError); replay it after an update",
    )


def test_replayed_item_begins_anew(world: World) -> None:
    world.receive(*calls_of(1))
    for _ in range(5):
        claim_items(world.runtime, 10)
        leases_lapse(world)
    assert items(world)[1][0] == "quarantined"
    with world.database.reading() as session:
        replay_inbox(world.database, list(session.scalars(select(InboxRow.id))))
    assert world.drain() == 1
    assert items(world)[1] == ("processed", "")


# --- The outbox ---------------------------------------------------------------------------------------


def take(world: World, **options: Any) -> list[ClaimedStep]:
    return claim(world.runtime, world.crm_id, tuple(Lane), 10, **options)


def test_step_that_ends_every_process_is_a_dead_letter_after_three_deaths_alone(world: World) -> None:
    world.receive(whole_call("c1"), whole_call("c2"))
    world.drain()
    deadly, deaths_alone = take(world)[0], 0
    for _ in range(12):
        world.make_due()
        for step in take(world):
            if step.id == deadly.id:
                deaths_alone += 1
            else:
                deliver(world.runtime, step)
    assert deaths_alone == 3
    with world.database.reading() as session:
        row = session.get_one(DeliveryRow, deadly.id)
        told = session.scalars(select(DeliveryAttempt).where(DeliveryAttempt.delivery_id == row.id)).one()
    assert str(row.state) == "dead"
    assert "3 times the process that sent it" in row.last_error == told.words
    assert [key for call, key in world.crm.ledger if call != deadly.intent.call.call_id] == ["register", "finish"]


def test_replayed_dead_letter_is_looked_up_first_for_it_may_have_been_written(world: World) -> None:
    world.receive(whole_call())
    world.drain()
    for _ in range(5):
        for step in take(world):
            world.crm.ledger[:] = [(step.intent.call.call_id, step.step_key)]
        world.make_due()
    assert world.states()["register"] == "dead"
    replay_deliveries(world.database, [world.rows()["register"].id])
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
    assert world.crm.looked_up == ["register"]


def test_any_verdict_clears_a_step_of_the_deaths_before(world: World) -> None:
    world.receive(whole_call())
    world.drain()
    for _ in range(2):
        for _ in range(3):
            assert [step.step_key for step in take(world)] == ["register"]
            world.make_due()
        world.crm.before = [NotReady("later")]
        world.deliver(rounds=1)
        assert world.states()["register"] == "verifying"  # it was not sent, but there was a word at last
        world.make_due()
    world.deliver()
    assert world.states() == {"register": "done", "finish": "done"}


def test_suspects_are_taken_one_at_a_time_and_may_be_left_out(world: World) -> None:
    world.receive(*(whole_call(f"c{one}") for one in range(3)))
    world.drain()
    with world.database.transaction() as session:
        session.execute(update(DeliveryRow).values(serial_key=None))
    assert len(take(world)) == 3
    world.make_due()
    assert take(world, suspects=False) == []
    assert [step.is_suspect for step in take(world)] == [True]
    world.receive(whole_call("c3"))
    world.drain()
    with world.database.transaction() as session:
        session.execute(update(DeliveryRow).values(serial_key=None))
    assert [step.is_suspect for step in take(world, suspects=False)] == [False]


def test_another_row_of_the_client_waits_for_one_whose_process_died(world: World) -> None:
    world.receive(whole_call("c1"))
    world.drain()
    first = take(world)
    world.make_due()
    world.receive(whole_call("c2"))
    world.drain()
    assert take(world, suspects=False) == []
    assert [step.id for step in take(world)] == [step.id for step in first]


def test_process_sends_one_suspect_at_a_time_and_all_of_them_in_the_end(world: World) -> None:
    world.receive(*(whole_call(f"c{one}") for one in range(4)))
    world.drain()
    with world.database.transaction() as session:
        session.execute(update(DeliveryRow).values(serial_key=None))
    suspects = {step.intent.call.call_id for step in take(world)}
    assert len(suspects) == 4
    world.make_due()
    under_way: list[str] = []
    most: list[int] = []
    guard = threading.Lock()

    def on_perform(step: Any) -> None:
        if step.key != "register":
            return
        with guard:
            under_way.append(step.intent.call.call_id)
            most.append(len(under_way))
        threading.Event().wait(0.05)  # long enough for a neighbour to begin beside it
        with guard:
            under_way.remove(step.intent.call.call_id)

    world.crm.on_perform = on_perform
    with world.database.transaction() as session:  # so long ago that their absence in the CRM is sure
        session.execute(
            update(DeliveryRow).where(DeliveryRow.state == "leased").values(unknown_at=LONG_AGO, due_at=LONG_AGO)
        )
    dispatcher = Dispatcher(world.runtime, tuple(Lane), threads=8)
    dispatcher.start()
    dispatcher.wake(world.crm_id)
    try:
        until(lambda: [key for _, key in world.crm.ledger].count("register") == 4, 30, "all are registered")
    finally:
        dispatcher.stop()
    assert max(most) == 1
