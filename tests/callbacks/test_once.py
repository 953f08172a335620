"""A step is done once, whoever takes it and whoever dies over it; on both stores."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.callbacks.pump import handle, take_due
from hub.callbacks.request import Taken
from hub.db.engine import Database
from hub.db.routing import CommandState
from hub.domain.errors import OutcomeUnknown, Rejected
from hub.domain.events import CallEvent, Direction, EventKind, Result
from hub.domain.phone import Phone
from tests.callbacks.world import CLIENT, World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    """On both stores: this is about rows that two workers want."""
    return make_world(database, tmp_path)


# --- Once and never twice -----------------------------------------------------------------------------


def test_a_step_taken_by_two_workers_is_done_once(world: World) -> None:
    world.ask()
    (taken,) = take_due(world.runtime)
    assert take_due(world.runtime) == []
    handle(world.runtime, taken)
    handle(world.runtime, taken)
    world.work()
    assert world.pbx.rung == ["101"]


def test_a_worker_that_died_before_it_ordered_is_followed_by_another(world: World) -> None:
    world.ask()
    take_due(world.runtime)
    world.pass_time(seconds=61)
    world.work()
    assert world.pbx.rung == ["101"]


@pytest.fixture
def lost(world: World) -> datetime:
    """When a command was sent whose answer never came; commands are timed by the database's own clock."""
    world.set_hours({day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    at = world.clock[0] = datetime.now(tz=UTC)
    world.pbx.raises.append(OutcomeUnknown("the line went dead"))
    world.ask()
    world.work()
    assert world.command().state == CommandState.UNKNOWN
    world.pass_time(seconds=60)
    world.work()
    assert world.pbx.rung == []
    world.pass_time(seconds=35)
    return at


def test_a_command_whose_fate_is_unknown_is_looked_for_before_anybody_is_rung_again(
    world: World, lost: datetime
) -> None:
    world.pbx.calls.append(
        CallEvent(
            EventKind.SUMMARY, "there", "there:history", lost + timedelta(seconds=40), direction=Direction.OUTBOUND,
            client=Phone(CLIENT, CLIENT), extension="101", result=Result.ANSWERED, talk_seconds=20, started_at=lost,
            answered_at=lost + timedelta(seconds=20), ended_at=lost + timedelta(seconds=40), from_history=True,
        )
    )  # fmt: skip
    world.work()
    assert (world.row().state, world.pbx.rung) == ("done", [])


@pytest.mark.usefixtures("lost")
def test_a_command_that_the_history_does_not_know_is_followed_by_the_next_colleague(world: World) -> None:
    world.work()
    assert world.pbx.rung == ["102"]


def test_a_command_that_the_pbx_refuses_is_told_and_the_next_colleague_rung(world: World) -> None:
    world.pbx.raises.append(Rejected("no such employee"))
    world.ask()
    world.work()
    assert world.pbx.rung == ["102"]
    assert any("no such employee" in line for line in world.story())


def test_a_fault_of_the_hub_before_the_command_left_keeps_nobody_waiting(world: World) -> None:
    world.pbx.raises.append(KeyError("label"))
    world.ask()
    world.work()
    assert world.pbx.rung == ["102"]
    assert any("the hub itself failed" in line for line in world.story())


def test_two_requests_of_one_number_are_one(world: World) -> None:
    first, second = world.ask(), world.ask("8 900 123 45 67")
    assert isinstance(first, Taken)
    assert second == Taken(first.id, first.uid, is_new=False)
    world.work()
    assert world.pbx.rung == ["101"]
