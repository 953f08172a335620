"""PostgreSQL and a broker of the fault tests' own, which may be stopped, flushed and started again."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis

from tests.services import Postgres, free_port, running_postgres, start_broker, start_postgres

_numbers = itertools.count()


@dataclass
class Stores:
    """Both servers. `new_database()` gives the address of a fresh, empty database."""

    postgres: Postgres
    broker_port: int
    broker_folder: Path
    _postgres_process: subprocess.Popen[bytes]
    _broker_process: subprocess.Popen[bytes]

    def new_database(self) -> str:
        return self.postgres.create(f"faults_{os.getpid()}_{next(_numbers)}")

    def client(self) -> redis.Redis:
        return redis.Redis(port=self.broker_port)

    def flush_broker(self) -> None:
        """FLUSHALL: every doorbell, bucket and lease in Redis is gone."""
        with self.client() as client:
            client.flushall()

    def kill_broker(self) -> None:
        _end(self._broker_process, signal.SIGKILL)

    def start_broker(self) -> None:
        self._broker_process = start_broker(self.broker_port, self.broker_folder)

    def stop_postgres(self) -> None:
        """Immediate shutdown: connections are cut, and the next start recovers from the log, as after a crash."""
        _end(self._postgres_process, signal.SIGQUIT)

    def start_postgres(self) -> None:
        self._postgres_process = start_postgres(self.postgres.data, self.postgres.port, durable=True)

    def restart_postgres(self) -> None:
        self.stop_postgres()
        self.start_postgres()

    def close(self) -> None:
        """End both, whichever processes they are by now."""
        _end(self._broker_process, signal.SIGTERM)
        _end(self._postgres_process, signal.SIGINT)


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(number)
    process.wait(timeout=20)


@contextmanager
def running_stores() -> Iterator[Stores]:
    folder = Path(tempfile.mkdtemp(prefix="dozvon-faults-broker-"))
    port = free_port()
    with running_postgres(durable=True) as postgres:
        stores = Stores(postgres, port, folder, postgres.process, start_broker(port, folder))
        try:
            yield stores
        finally:
            stores.close()
            shutil.rmtree(folder, ignore_errors=True)
