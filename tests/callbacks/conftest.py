"""A world with callbacks, on SQLite; what depends on the store asks for `database` and makes its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.db.engine import Database
from tests.callbacks.world import World, make_world


@pytest.fixture
def world(tmp_path: Path, migrated_sqlite: Path) -> Iterator[World]:
    file = tmp_path / "callbacks.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    database = Database(f"sqlite:///{file}")
    yield make_world(database, tmp_path)
    database.close()
