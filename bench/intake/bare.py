"""What the hub is measured against: a bare Flask view on the same server that does one raw committed insert."""

from __future__ import annotations

import os
import sqlite3
import threading
from typing import Any

from flask import Flask, request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from psycopg_pool import ConnectionPool

_CREATE = "CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, body {blob})"


def application() -> Flask:
    """The view, on the store that `BENCH_DATABASE` names: a file, or a PostgreSQL address."""
    app = Flask(__name__)
    insert = _postgres() if "://" in os.environ["BENCH_DATABASE"] else _sqlite()

    @app.post("/")
    def keep() -> str:
        insert(request.get_data())
        return "ok"

    return app


def _postgres() -> Any:
    pool = ConnectionPool(os.environ["BENCH_DATABASE"], min_size=1, max_size=8, kwargs={"autocommit": True}, open=True)
    with pool.connection() as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bare (id BIGSERIAL PRIMARY KEY, body BYTEA)")

    def insert(body: bytes) -> None:
        with pool.connection() as connection:
            connection.execute("INSERT INTO bare (body) VALUES (%s)", (body,))

    return insert


def _sqlite() -> Any:
    mine = threading.local()

    def connect() -> sqlite3.Connection:
        if not hasattr(mine, "connection"):
            mine.connection = sqlite3.connect(os.environ["BENCH_DATABASE"], timeout=15, isolation_level=None)
            for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL"):
                mine.connection.execute(statement)
            mine.connection.execute(_CREATE.format(blob="BLOB"))
        return mine.connection  # type: ignore[no-any-return]

    def insert(body: bytes) -> None:
        connect().execute("INSERT INTO bare (body) VALUES (?)", (body,))

    return insert


def main() -> None:
    workers = int(os.environ["BENCH_WORKERS"])
    Server(
        "bench.intake.bare:application",
        factory=True,
        address="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=int(os.environ["BENCH_THREADS"]),
        log_level=LogLevels.error,
    ).serve()


if __name__ == "__main__":
    main()
