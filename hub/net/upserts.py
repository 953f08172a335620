"""Insert-or-update in one statement: SQLite and PostgreSQL say it alike, SQLAlchemy by dialect."""

from __future__ import annotations

from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.orm import Session

from hub.db.tables import Base


def insert_into(session: Session, table: type[Base]) -> Insert:
    """An INSERT into `table` that knows `on_conflict_do_update` and `excluded`."""
    if session.get_bind().dialect.name == "sqlite":
        return insert_sqlite(table)  # type: ignore[return-value]  # the same methods, under another class
    return insert_postgresql(table)
