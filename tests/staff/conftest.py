"""The stage of the frames' tests, once for each CRM."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from hub.config import Settings
from hub.db.engine import Database
from tests.staff.stage import VENDORS, Stage, furnish
from tests.web.conftest import Notes, acme, notes, settings, stranger
from tests.web.rule_stage import rules_app
from tests.web.seed import Seeded

__all__ = ["acme", "notes", "settings", "stranger"]


@pytest.fixture
def database_url(tmp_path: Path, migrated_sqlite: Path) -> str:
    """One store is enough for doors and tickets; what is written is proven on both by tests/web/test_start.py."""
    file = tmp_path / "test.sqlite3"
    shutil.copyfile(migrated_sqlite, file)
    return f"sqlite:///{file}"


@pytest.fixture(params=VENDORS)
def stage(request: pytest.FixtureRequest, settings: Settings, database: Database, notes: Notes, acme: Seeded) -> Stage:
    app = rules_app(settings, database, notes)
    crm_id, name = furnish(database, acme, request.param)
    return Stage(app, database, notes, request.param, acme.workspace_id, crm_id, acme.pbx_id, name)
