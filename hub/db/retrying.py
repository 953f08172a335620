"""Transactions that lost a race are run again; nothing outside the database happens inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from hub.db.engine import Database

T = TypeVar("T")
_TRIES = 3
_LOST_RACE = {"40001", "40P01"}  # serialization failure, deadlock (PostgreSQL)


def in_transaction(database: Database, work: Callable[[Session], T]) -> T:
    """Run `work` in a transaction; up to three times when the database says that it lost a race."""
    for attempt in range(1, _TRIES + 1):
        try:
            with database.transaction() as session:
                return work(session)
        except DBAPIError as error:
            if attempt == _TRIES or not _lost_race(error):
                raise
    raise AssertionError("unreachable")


def _lost_race(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None)
    return state in _LOST_RACE or (isinstance(error, OperationalError) and "database is locked" in str(error.orig))
