"""What the tests of the installation share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.engine import Database
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import CALLBACK, House, house_for


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(accounts=("demo", "other"), redirect_uri=CALLBACK) as running:
        yield running


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    made = house_for(database, tmp_path / "home")
    made.add_workspace()
    return made
