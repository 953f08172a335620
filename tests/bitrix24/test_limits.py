"""The budget of 50 requests at once and 2 a second, with two portals that are strict about it (bitrix24.md §2.4)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from connectors.bitrix24.client import Portal
from hub.db.engine import Database
from hub.delivery.doors import open_door
from hub.domain.errors import OverBudget
from hub.domain.intents import Lane
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, house_for, open_house

ASKED = "server.time"


@pytest.fixture
def b24() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as running:
        running.settings.slow_handler_seconds = 20
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path, b24: Bitrix24Simulator, redis_url: str) -> House:
    return house_for(database, tmp_path / "home", b24, redis_url)


def ask(house: House, connection_id: int, lane: Lane) -> bool:
    """One request of `lane`; False when its budget is used up."""
    try:
        with open_door(house.runtime, connection_id, lane) as door:
            Portal(door).call(ASKED, {}, write=False)
    except OverBudget:
        return False
    return True


def test_two_busy_portals_are_never_asked_too_much_and_cards_go_on_at_once(
    house: House, b24: Bitrix24Simulator
) -> None:
    portals = [b24, b24.add_portal(same_application=True)]
    portals[1].settings.slow_handler_seconds = 20
    with open_house(house) as address:
        for portal in portals:
            assert portal.open_app(f"{address}/bitrix24/install")[0] == 200
    connections = [row.id for row in house.connections()]
    assert len(connections) == 2
    answers: list[bool] = []
    with ThreadPoolExecutor(8) as pool:
        while answers.count(False) < 2 and len(answers) < 3000:  # a slow machine needs more of them to be too fast
            asked_now = pool.map(lambda number: ask(house, connections[number % 2], Lane.CALLS), range(120))
            answers += list(asked_now)
    assert False in answers
    for connection_id in connections:
        assert ask(house, connection_id, Lane.URGENT)
        assert ask(house, connection_id, Lane.URGENT)
    for portal in portals:
        asked = b24.ledger.requests(ASKED, tenant=portal.member_id)
        assert len(asked) > 10
        assert all(one.executed for one in asked)
    assert b24.ledger.offences() == []
