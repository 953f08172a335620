"""The fault tests' stores and rigs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.rig import Rig, running_rig
from tests.faults.stores import Stores, running_stores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder kills, or is there to judge those that do."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope="session")
def stores() -> Iterator[Stores]:
    with running_stores() as running:
        yield running


@pytest.fixture(scope="module")
def rig(stores: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A rig for the tests of one file; each test starts and ends its own workers."""
    with running_rig(stores, tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture(autouse=True)
def _full_budgets(request: pytest.FixtureRequest) -> None:
    """Each test begins with full request budgets, whatever the one before has used."""
    if "rig" in request.fixturenames:
        request.getfixturevalue("rig").roomy()
