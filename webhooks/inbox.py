"""The inbox: one durable insert for each admitted item, and nothing else.

This is the one statement on the way of every webhook, so it goes round the ORM: a pooled
autocommit connection on PostgreSQL, one writer thread with group commit on SQLite (several writers
starve each other there for seconds).
"""

from __future__ import annotations

import queue
import sqlite3
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout
from sqlalchemy.engine import URL, make_url

from hub.domain.text import keepable, keepable_key
from webhooks.contract import InboxItem

_WAIT_SECONDS = 0.9
_STATEMENT_TIMEOUT_MS = 700
_SQLITE_WAIT_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.002
_LARGEST_GROUP = 256
_LONGEST_KEY = 300
_LONGEST_TOPIC = 200
_POSTGRES_INSERT = (
    "INSERT INTO inbox (connection_id, dedupe_key, topic, body, received_at, state, reason, attempts, due_at)"
    " VALUES {} ON CONFLICT (connection_id, dedupe_key) DO NOTHING"
)
_POSTGRES_ROW = "(%s, %s, %s, %s, %s, 'received', '', 0, %s)"
_SQLITE_INSERT = (
    "INSERT OR IGNORE INTO inbox"
    " (connection_id, dedupe_key, topic, body, received_at, state, reason, attempts, due_at)"
    " VALUES (?, ?, ?, ?, ?, 'received', '', 0, ?)"
)


class InboxUnavailable(Exception):
    """Nothing was kept: the sender must hear 503."""


class Inbox(Protocol):
    def keep(self, connection_id: int, items: Sequence[InboxItem], received_at: datetime) -> None:
        """Commit all `items`, or none; one that is there already stays as it is.

        Raises `InboxUnavailable` within seconds when the database does not take them.
        """

    def close(self) -> None: ...


def open_inbox(database_url: str) -> Inbox:
    url = make_url(database_url)
    return SqliteInbox(url) if url.get_backend_name() == "sqlite" else PostgresInbox(url)


def _columns(item: InboxItem) -> tuple[str, str, bytes]:
    """An item as both databases take it: a text that one of them refuses would be answered 503 for ever."""
    return keepable_key(item.dedupe_key, _LONGEST_KEY), keepable(item.topic, _LONGEST_TOPIC), item.body


class PostgresInbox:
    def __init__(self, url: URL, *, connections: int = 8) -> None:
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        # A server may be set to acknowledge before it has written; what a sender hears "kept" for must be written.
        options = (
            f"-c statement_timeout={_STATEMENT_TIMEOUT_MS} -c lock_timeout={_STATEMENT_TIMEOUT_MS}"
            " -c synchronous_commit=on"
        )
        self._pool = ConnectionPool(
            address,
            min_size=1,
            max_size=connections,
            timeout=_WAIT_SECONDS,
            reconnect_timeout=5,
            kwargs={"autocommit": True, "options": options, "connect_timeout": 2},
            open=True,
        )

    def keep(self, connection_id: int, items: Sequence[InboxItem], received_at: datetime) -> None:
        statement = _POSTGRES_INSERT.format(", ".join([_POSTGRES_ROW] * len(items)))
        values: list[object] = []
        for item in items:
            values += [connection_id, *_columns(item), received_at, received_at]
        try:
            self._execute(statement, values)
        except psycopg.OperationalError:
            # A connection that died with a restarted server; the insert may be repeated by its unique key.
            try:
                self._execute(statement, values)
            except psycopg.Error as error:
                raise InboxUnavailable from error
        except psycopg.Error as error:
            raise InboxUnavailable from error

    def _execute(self, statement: str, values: list[object]) -> None:
        try:
            with self._pool.connection() as connection:
                connection.execute(statement.encode(), values)
        except PoolTimeout as error:
            raise InboxUnavailable from error

    def close(self) -> None:
        self._pool.close()


@dataclass(slots=True)
class _Wish:
    rows: list[tuple[object, ...]]
    kept: Future[None]


class SqliteInbox:
    def __init__(self, url: URL) -> None:
        self._file = url.database or ":memory:"
        self._wishes: queue.SimpleQueue[_Wish | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write, name="inbox-writer", daemon=True)
        self._writer.start()

    def keep(self, connection_id: int, items: Sequence[InboxItem], received_at: datetime) -> None:
        stamp = received_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        rows: list[tuple[object, ...]] = [(connection_id, *_columns(item), stamp, stamp) for item in items]
        wish = _Wish(rows, Future())
        self._wishes.put(wish)
        try:
            wish.kept.result(timeout=_SQLITE_WAIT_SECONDS + _WAIT_SECONDS)
        except (sqlite3.Error, TimeoutError) as error:
            raise InboxUnavailable from error

    def _write(self) -> None:
        connection = sqlite3.connect(self._file, timeout=15, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=0"):
            connection.execute(f"PRAGMA {pragma}")
        while (wish := self._wishes.get()) is not None:
            group = [wish]
            while len(group) < _LARGEST_GROUP and not self._wishes.empty():
                another = self._wishes.get()
                if another is None:
                    self._wishes.put(None)
                    break
                group.append(another)
            self._commit(connection, group)
        connection.close()

    def _commit(self, connection: sqlite3.Connection, group: list[_Wish]) -> None:
        try:
            _begin(connection)
            for wish in group:
                connection.executemany(_SQLITE_INSERT, wish.rows)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for wish in group:
                wish.kept.set_exception(error)
            return
        for wish in group:
            wish.kept.set_result(None)

    def close(self) -> None:
        self._wishes.put(None)
        self._writer.join(timeout=5)


def _begin(connection: sqlite3.Connection) -> None:
    """Take the write lock, looking for it every two milliseconds.

    SQLite's own waiting grows to a tenth of a second between two looks, and workers that write one
    short transaction after the other would let a webhook starve in between.
    """
    deadline = time.monotonic() + _SQLITE_WAIT_SECONDS
    pause = threading.Event()
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            pause.wait(_LOOK_EVERY_SECONDS)
        else:
            return
