"""A PBX that wants to be asked slowly, and a table that somebody opens: a real stand-in, its real limit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.registry import REGISTRY
from hub.db.engine import Database
from hub.db.tables import Connection
from hub.staff.systems import Listing, ask_pbx
from simulators.bitrix24 import Bitrix24Simulator
from simulators.mango import MangoSimulator
from tests.bitrix24.house import House, house_for
from tests.services import Broker
from tests.staff.frames import KEYS, furnish

PATIENT = timedelta(seconds=10)


@pytest.fixture
def pbx() -> Iterator[MangoSimulator]:
    with MangoSimulator(hub_url="", api_key=KEYS["api_key"], api_salt=KEYS["api_salt"]) as simulator:
        yield simulator


@pytest.fixture
def house(database: Database, tmp_path: Path, broker: Broker) -> Iterator[House]:
    with Bitrix24Simulator() as portal:
        yield house_for(database, tmp_path, portal, broker.url)


def asking(house: House, pbx: MangoSimulator, patience: timedelta = timedelta(0)) -> Listing:
    if not house.connections():
        workspace_id = house.add_workspace()
        furnish(house.database, workspace_id, house.add_connection(workspace_id, {}, {}), pbx, ())
    with house.database.reading() as session:
        row = session.query(Connection).filter_by(vendor="mango").one()
    return ask_pbx(house.runtime, REGISTRY, row, patience=patience)


def test_two_pages_at_once_keep_the_pbxs_limit(house: House, pbx: MangoSimulator) -> None:
    first = asking(house, pbx)
    early = asking(house, pbx)
    patient = asking(house, pbx, PATIENT)
    assert [one.extension for one in first.extensions] == [one.extension for one in patient.extensions] != []
    assert (first.is_early, early.is_early, patient.is_early) == (False, True, False)
    assert pbx.ledger.offences() == []


def test_another_program_at_the_same_pbx_is_waited_for(
    house: House, pbx: MangoSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It spends the same limit and asks nobody of us first: the PBX's own "too fast" is what we hear."""
    monkeypatch.setattr(house.runtime.bucket, "take", lambda *_: None)
    assert asking(house, pbx).extensions
    refused = asking(house, pbx)
    assert (refused.extensions, refused.is_early) == ((), True)
    assert "429" in refused.trouble
    assert asking(house, pbx, PATIENT).extensions
