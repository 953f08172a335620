"""The one history of migrations makes the same schema on both stores."""

from __future__ import annotations

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
