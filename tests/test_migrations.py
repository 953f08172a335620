"""The one history of migrations makes the same schema on both stores."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from hub.db import work
from hub.db.engine import Database
from hub.db.migrate import is_current, upgrade
from hub.db.tables import Base


def test_migrated_schema_is_what_the_tables_say(database: Database) -> None:
    assert work.InboxRow.__tablename__ in Base.metadata.tables
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_second_upgrade_changes_nothing(database_url: str, database: Database) -> None:
    assert is_current(database.engine)
    upgrade(database_url)
    assert is_current(database.engine)


def test_a_table_that_is_rebuilt_keeps_what_hangs_on_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    url = f"sqlite:///{file}"
    upgrade(url, to="0005")
    with closing(sqlite3.connect(file)) as old, old:
        old.execute(
            "INSERT INTO deliveries (id, workspace_id, connection_id, call_id, step_key, generation, intent_kind,"
            " intent, why, lane, rank, needs, repeatable, resend_is_safe, state, attempts, lease, due_at, expires_at,"
            " result, last_error, created_at) VALUES (1, 1, 1, 1, 'log', 0, 'log_call', '{}', '[]', 'calls', 1, '[]',"
            " 0, 0, 'done', 1, 1, '2026-01-01', '2026-01-02', '{}', '', '2026-01-01')"
        )
        old.execute("INSERT INTO delivery_attempts VALUES (1, 1, '2026-01-01', 'done', '', 0)")
    upgrade(url)
    with closing(sqlite3.connect(file)) as new:
        assert new.execute("SELECT count(*) FROM deliveries").fetchone() == (1,)
        assert new.execute("SELECT count(*) FROM delivery_attempts").fetchone() == (1,)
