"""What the portal says of the subscription (bitrix24.md §1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.db.engine import Database
from hub.delivery.access import heed_access
from hub.domain.notices import AccessChanged
from simulators.bitrix24 import Bitrix24Simulator
from tests.bitrix24.house import House, house_for


@pytest.fixture
def house(database: Database, tmp_path: Path, redis_url: str) -> House:
    with Bitrix24Simulator() as b24:
        made = house_for(database, tmp_path / "home", b24, redis_url)
        made.add_connection(made.add_workspace(), {"auth": "oauth"}, {"client_id": "a", "client_secret": "b"})
    return made


def hears(house: House, **facts: str) -> str:
    with house.database.transaction() as session:
        heed_access(session, house.connection().id, AccessChanged(facts))
    return house.connection().state


def test_a_connection_rests_while_it_is_not_paid_for_and_goes_on_by_itself(house: House) -> None:
    assert hears(house, PAYMENT_EXPIRED="Y") == "paused"
    assert hears(house, PAYMENT_EXPIRED="N") == "active"


def test_a_payment_does_not_wake_a_connection_that_rests_for_another_reason(house: House) -> None:
    with house.database.transaction() as session:
        row = session.merge(house.connection())
        row.state, row.state_reason = "paused", "blocked by hand"
    assert hears(house, PAYMENT_EXPIRED="N") == "paused"
