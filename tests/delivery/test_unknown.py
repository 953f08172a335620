"""A write whose outcome nobody knows: looked up first, sent again only when its absence proves something."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.contract import Door, LookUp, StepResult
from hub.db.engine import Database
from hub.db.work import DeliveryRow
from hub.delivery.claim import claim
from hub.delivery.replay import replay_deliveries
from hub.domain.errors import OutcomeUnknown, Rejected
from hub.domain.intents import Lane
from tests.delivery.reconciling import whole_call
from tests.delivery.world import World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def answered_call(world: World) -> None:
    world.receive(whole_call())


def let_time_pass_since_the_unknown(world: World, seconds: float) -> None:
    """In the database, whose time it is."""
    with world.database.transaction() as session:
        for row in session.scalars(select(DeliveryRow).where(DeliveryRow.unknown_at.is_not(None))):
            assert row.unknown_at is not None
            row.unknown_at -= timedelta(seconds=seconds)


def test_lost_answer_is_looked_up_and_not_sent_again(world: World) -> None:
    world.crm.after = [OutcomeUnknown("reset")]
    answered_call(world)
    world.drain()
    world.deliver()
    assert world.states()["register"] == "verifying"
    assert world.states()["finish"] == "pending"
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
    assert world.crm.looked_up == ["register"]
    assert world.rows()["register"].result["id"] == 1


def test_unknown_outcome_that_never_happened_is_sent_after_the_grace_period(world: World) -> None:
    world.crm.before = [OutcomeUnknown("time-out")]
    answered_call(world)
    world.drain()
    world.deliver()
    world.make_due()
    world.deliver()
    assert world.crm.ledger == []
    assert world.states()["register"] == "verifying"
    let_time_pass_since_the_unknown(world, 61)
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


@pytest.mark.parametrize("minutes", [10, -10])
def test_worker_whose_clock_is_wrong_by_ten_minutes_waits_neither_less_nor_more(world: World, minutes: int) -> None:
    """C12: how long an outcome has been unknown was reckoned from the worker's own clock."""
    world.clock.append(datetime.now(UTC) + timedelta(minutes=minutes))
    world.crm.before = [OutcomeUnknown("time-out")]
    answered_call(world)
    world.drain()
    world.deliver()
    unknown_at = world.rows()["register"].unknown_at
    assert unknown_at is not None
    assert abs(unknown_at - datetime.now(UTC)) < timedelta(minutes=1)
    world.clock.append(world.clock[-1] + timedelta(minutes=20))
    world.make_due()
    world.deliver()
    assert world.crm.ledger == []
    let_time_pass_since_the_unknown(world, 61)
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


def test_worker_that_died_holding_a_lease_leads_to_a_look_up(world: World) -> None:
    answered_call(world)
    world.drain()
    (held,) = claim(world.runtime, world.crm_id, tuple(Lane), 1)
    world.crm.ledger.append((held.intent.call.call_id, held.step_key))  # it wrote, and died before the commit
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
    assert world.crm.looked_up == ["register"]


def test_replay_of_a_row_whose_look_up_was_refused_looks_it_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refused look-up killed the row and with it the knowledge that the write may have been made: it came twice."""
    world.crm.after = [OutcomeUnknown("reset")]
    answered_call(world)
    world.drain()
    world.deliver()
    world.make_due()

    def refused(_step: object, _door: object) -> None:
        raise Rejected("no right to see the statistics")

    with monkeypatch.context() as patch:
        patch.setattr(world.crm, "look_up", refused)
        world.deliver()
    assert world.states()["register"] == "dead"
    replay_deliveries(world.database, [world.rows()["register"].id])
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]


@pytest.mark.parametrize("has_left", [True, False])
def test_bug_of_the_hub_is_a_doubt_only_once_the_write_has_left(
    world: World, monkeypatch: pytest.MonkeyPatch, has_left: bool
) -> None:
    """A fault while the request was put together was looked up in the CRM, and waited for, as if it had been sent."""

    def perform(_step: object, door: Door) -> StepResult:
        door.http.request("GET", "https://crm.example/contacts", write=False)
        if has_left:
            door.http.request("POST", "https://crm.example/leads", write=True)
        raise KeyError("field")

    answered_call(world)
    world.drain()
    with monkeypatch.context() as patch:
        patch.setattr(world.crm, "perform", perform)
        world.deliver(rounds=1)
    assert world.states()["register"] == ("verifying" if has_left else "waiting")
    assert world.rows()["register"].attempts == 1
    world.make_due()
    world.deliver()
    assert world.crm.looked_up == (["register"] if has_left else [])
    assert world.states()["register"] == ("verifying" if has_left else "done")


def test_bug_before_a_second_try_leaves_the_doubt_of_the_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.crm.after = [OutcomeUnknown("reset")]
    answered_call(world)
    world.drain()
    world.deliver()

    def look_up(_step: object, _door: Door) -> LookUp:
        raise KeyError("field")

    world.make_due()
    with monkeypatch.context() as patch:
        patch.setattr(world.crm, "look_up", look_up)
        world.deliver(rounds=1)
    assert world.states()["register"] == "verifying"
    world.make_due()
    world.deliver()
    assert [key for _, key in world.crm.ledger] == ["register", "finish"]
