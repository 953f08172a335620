"""Any journey of calls, faults and repairs ends with every finished call logged once (reliability.md §3)."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import text
from structlog.testing import capture_logs

from hub.db.engine import Database
from hub.db.migrate import upgrade
from hub.db.tables import Base
from tests.services import Postgres
from tests.stateful.journey import Journey

_numbers = itertools.count()
_EVERY_DAY = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
_SHORT = settings(_EVERY_DAY, max_examples=8, stateful_step_count=25)
_LONG = settings(_EVERY_DAY, max_examples=400, stateful_step_count=60, derandomize=False)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Thousands of planned failures, each with its traceback on the screen, would take longer than the journeys."""
    with capture_logs():
        yield


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables, to be copied: migrating anew takes longer than a whole journey."""
    path = tmp_path_factory.mktemp("migrated") / "empty.sqlite3"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def on_sqlite(migrated: Path) -> Callable[[Path], Database]:
    def open_database(home: Path) -> Database:
        copy = home / "test.sqlite3"
        shutil.copy(migrated, copy)
        return Database(f"sqlite:///{copy}")

    return open_database


@pytest.fixture
def on_postgres(postgres: Postgres) -> Callable[[Path], Database]:
    url = postgres.create(f"journey_{os.getpid()}_{next(_numbers)}")
    upgrade(url)
    names = ", ".join(f'"{table.name}"' for table in Base.metadata.sorted_tables)

    def open_database(_home: Path) -> Database:
        database = Database(url)
        with database.transaction() as session:
            session.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        return database

    return open_database


def journey(open_database: Callable[[Path], Database]) -> type[Journey]:
    return type("JourneyHere", (Journey,), {"open_database": staticmethod(open_database)})


@pytest.mark.timeout(600)  # a failure is made smaller first, which takes its time: the reason must be what is told
def test_any_journey_ends_well_on_sqlite(on_sqlite: Callable[[Path], Database]) -> None:
    run_state_machine_as_test(journey(on_sqlite), settings=_EVERY_DAY)


@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_any_journey_ends_well_on_postgres(on_postgres: Callable[[Path], Database]) -> None:
    run_state_machine_as_test(journey(on_postgres), settings=_SHORT)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_hundreds_of_long_journeys_end_well_on_sqlite(on_sqlite: Callable[[Path], Database]) -> None:
    run_state_machine_as_test(journey(on_sqlite), settings=_LONG)


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(3600)
def test_many_long_journeys_end_well_on_postgres(on_postgres: Callable[[Path], Database]) -> None:
    run_state_machine_as_test(journey(on_postgres), settings=settings(_LONG, max_examples=60))
