"""What all the tests share: real stores, one clean database for each test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_client

from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.db.migrate import upgrade
from tests.services import Broker, Postgres, running_broker, running_postgres

_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def _keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    install_keys((), tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    with running_broker() as server:
        yield server


@pytest.fixture
def redis_url(broker: Broker) -> str:
    """A running broker with nothing in it."""
    redis_client.Redis.from_url(broker.url).flushall()
    return broker.url


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file that tests copy: migrating is proven once and not paid for by each."""
    file = tmp_path_factory.mktemp("template") / "template.sqlite3"
    upgrade(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """The name of a migrated, empty PostgreSQL database that tests copy."""
    name = f"template_{os.getpid()}"
    upgrade(postgres.create(name))
    return name


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database; the test runs once on each store."""
    if request.param == "sqlite":
        file = tmp_path / "test.sqlite3"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), file)
        yield f"sqlite:///{file}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    template: str = request.getfixturevalue("migrated_postgres")
    name = f"test_{os.getpid()}_{next(_numbers)}"
    yield server.create(name, template=template)
    server.drop(name)  # thousands of them would fill gigabytes, and take minutes to remove at the end


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open `Database` on `database_url`."""
    opened = Database(database_url)
    yield opened
    opened.close()
