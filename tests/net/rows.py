"""A workspace with one connection, as the tests of tokens and of the ledger need it."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.db.engine import Database
from hub.db.tables import Connection, Workspace


def make_connection(database: Database, name: str = "b24") -> int:
    with database.transaction() as session:
        workspace = Workspace(
            slug=name, name="Acme", timezone="Europe/Moscow", region="RU", locale="ru", created_at=datetime.now(UTC)
        )
        session.add(workspace)
        session.flush()
        connection = Connection(
            workspace_id=workspace.id, name=name, vendor="x", settings={}, secrets={}, created_at=datetime.now(UTC)
        )
        session.add(connection)
        session.flush()
        return connection.id
