"""What the tests of tokens read and change in the row of a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import update

from hub.db.engine import Database, database_now
from hub.db.tables import ConnectionToken
from hub.domain.access import AccessToken, TokenPair, Tokens
from hub.net.tokens import TokenService

PAST = datetime(2020, 1, 1, tzinfo=UTC)
STALE = AccessToken("access-1", 1)


def tokens_of(database: Database, connection_id: int, refresh: Callable[[str], TokenPair]) -> Tokens:
    return TokenService(database).for_connection(connection_id, refresh)


def never(_token: str) -> TokenPair:
    raise AssertionError("nobody had to refresh")


def giving(access: str) -> Callable[[str], TokenPair]:
    return lambda _token: TokenPair(access, "refresh-x", None)


def row_of(database: Database, connection_id: int) -> ConnectionToken:
    with database.reading() as session:
        return session.get_one(ConnectionToken, connection_id)


def change(database: Database, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(update(ConnectionToken).values(**values))


def from_now(database: Database, seconds: float) -> datetime:
    with database.reading() as session:
        return database_now(session) + timedelta(seconds=seconds)
