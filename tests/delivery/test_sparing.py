"""Where the request budget is used up, a backlog asks for itself once at a time, and cards go on before it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.db.engine import Database
from hub.delivery.dispatch import Dispatcher
from hub.domain.intents import Lane
from hub.domain.phone import Phone
from hub.net.rests import LaneRests
from tests.delivery.story import ends, rings
from tests.delivery.world import World, make_world

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
LANES = tuple(Lane)


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def until(condition: Callable[[], bool], within_seconds: float = 20.0) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_a_lane_rests_until_its_moment_and_is_spared_a_little_longer() -> None:
    rests = LaneRests()
    rests.rest(1, Lane.CALLS, NOW + timedelta(seconds=1))
    assert rests.awake(1, LANES, NOW) == (Lane.URGENT, Lane.BULK)
    assert rests.next_end(1, LANES, NOW) == NOW + timedelta(seconds=1)
    assert rests.awake(1, LANES, NOW + timedelta(seconds=1)) == LANES
    assert [rests.is_scarce(1, NOW + timedelta(seconds=after)) for after in (0, 3.9, 4)] == [True, True, False]


def test_other_connections_are_not_concerned() -> None:
    rests = LaneRests()
    rests.rest(1, Lane.CALLS, NOW + timedelta(seconds=1))
    assert rests.awake(2, LANES, NOW) == LANES
    assert rests.next_end(2, LANES, NOW) is None
    assert not rests.is_scarce(2, NOW)


def test_a_card_goes_out_while_the_backlog_rests_and_all_is_sent_afterwards(world: World) -> None:
    for number in range(6):
        client = Phone(f"7900000000{number}", f"+7900000000{number}")
        world.receive((replace(ends(65, f"old{number}", answered_at=5, extension="101"), client=client),))
    world.receive((rings("102", 1, "new"),))
    world.drain()
    world.runtime.rests.rest(world.crm_id, Lane.CALLS, datetime.now(UTC) + timedelta(minutes=1))
    dispatcher = Dispatcher(world.runtime, LANES, threads=4)
    dispatcher.start()
    try:
        dispatcher.wake(world.crm_id)
        until(lambda: "show:8" in [key for _, key in world.crm.ledger])
        assert "finish" not in [key for _, key in world.crm.ledger]
        world.runtime.rests.rest(world.crm_id, Lane.CALLS, datetime.now(UTC))
        dispatcher.wake(world.crm_id)
        until(lambda: sum(key == "finish" for _, key in world.crm.ledger) == 6)
    finally:
        dispatcher.stop()
