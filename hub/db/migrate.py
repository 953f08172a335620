"""Migrations: one history for SQLite and PostgreSQL, applied by `dozvon db upgrade` and at `up`."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, event

from hub.db.engine import make_engine

_UPGRADE_LOCK = 0x0D02F011  # any number of ours: two processes that migrate at once take turns


def alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str, to: str = "head") -> None:
    """Bring the database at `url` to this version's schema, or to revision `to`; harmless when it is there already."""
    engine = make_engine(url, pool_size=1)
    if engine.dialect.name == "sqlite":
        # A table that must be rebuilt is dropped: with foreign keys on, that would delete what hangs on its rows.
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=OFF"))
    try:
        with engine.begin() as connection:
            _wait_for_turn(connection)
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    finally:
        engine.dispose()


def _wait_for_turn(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")


def is_current(engine: Engine) -> bool:
    """Whether the database has exactly this version's schema."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return set(context.get_current_heads()) == set(ScriptDirectory.from_config(alembic_config()).get_heads())
