"""`dozvon up`: broker, web, workers and scheduler as children of one process, on one home."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3

from hub.broker import broker_command, broker_url, wait_for_broker
from hub.children import Child, Command
from hub.config import Settings
from hub.domain.errors import ConfigurationError, DozvonError

Say = Callable[[str], None]

_STOP_SECONDS = 9.0
_SHARE_OF_STOP = {"web": 0.35, "worker": 0.7, "scheduler": 0.8, "": 0.9}
_OLD_CHILDREN_SECONDS = 15.0
_LOOK_SECONDS = 0.25
_WAKING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(frozen=True, slots=True)
class Layout:
    """What `up` was asked for. `workers` None: one process for the urgent lanes, one for the bulk lane."""

    host: str
    port: int
    workers: int | None = None


def free_port(host: str) -> int:
    with _bound(host, 0) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        yield probe


def check_port(host: str, port: int) -> None:
    """Raises `DozvonError` when nobody can listen at `host:port`."""
    try:
        with _bound(host, port):
            pass
    except OSError as error:
        raise DozvonError(
            f"Port {port} on {host} cannot be used: {(error.strerror or str(error)).lower()}.",
            "Choose another one with --port, or stop what listens there.",
        ) from error


@contextmanager
def locked_home(home: Path) -> Iterator[int]:
    """Hold the home for one `up`; gives the lock's file descriptor.

    The children inherit it, so the home is free again when the last of them has ended, even after
    the supervisor was killed. Raises `DozvonError` when another `up` runs there.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _take_lock(descriptor, home)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, home: Path) -> None:
    deadline = time.monotonic() + _OLD_CHILDREN_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode() or "unknown"
        if _is_alive(holder) or time.monotonic() > deadline:
            raise DozvonError(
                f"Another `dozvon up` (process {holder}) runs on {home}.", "Stop it first, or choose another --home."
            )
        time.sleep(0.05)  # its supervisor is gone; its children are on their way out


def _is_alive(pid: str) -> bool:
    if not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: str) -> bool:
    """Killed, and not yet noticed by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return False


def child_environment(settings: Settings, redis_url: str) -> dict[str, str]:
    """What the children read: this process's environment with home and broker filled in."""
    return {
        **os.environ,
        "DOZVON_HOME": str(settings.home),
        "DOZVON_REDIS_URL": redis_url,
        "DOZVON_PUBLIC_URL": settings.public_url,
        "PYTHONUNBUFFERED": "1",
    }


def process_commands(layout: Layout, environment: Mapping[str, str], lock: int) -> list[Command]:
    """Web, workers and scheduler, in the order in which they are stopped."""

    def command(name: str, *arguments: str) -> Command:
        words = [sys.executable, "-m", "hub.cli", *arguments, "--supervised"]
        return Command(name, words, environment, inherited=(lock,))

    lanes = ["urgent,calls", "bulk"] if layout.workers is None else ["urgent,calls,bulk"] * layout.workers
    return [
        command("web", "web", "--host", layout.host, "--port", str(layout.port)),
        *(command(f"worker {lane}", "worker", "--lane", lane) for lane in lanes),
        command("scheduler", "scheduler"),
    ]


class Supervisor:
    """Keeps the children running until it is told to stop; then stops them in order."""

    def __init__(self, broker: Child | None, processes: Sequence[Child], ready_url: str, say: Say) -> None:
        self._broker = broker
        self._processes = processes
        self._ready_url = ready_url
        self._ready = False
        self._say = say
        self._stop_signals = 0
        self._pool = urllib3.PoolManager(retries=False, timeout=1.0)

    def run(self) -> None:
        """Start, tend until SIGTERM or SIGINT, stop."""
        with self._signals() as wake:
            try:
                self._start()
                while not self._stop_signals:
                    self._tend()
                    select.select([wake], [], [], _LOOK_SECONDS)
                    _drain(wake)
            finally:
                self._stop()

    def _start(self) -> None:
        if self._broker:
            self._broker.start()
            self._wait_for(self._broker)
        for child in self._processes:
            child.start()

    def _wait_for(self, broker: Child) -> None:
        try:
            wait_for_broker(f"unix://{_socket_of(broker)}", lambda: broker.running and not self._stop_signals)
        except ConfigurationError:
            if not self._stop_signals:
                raise

    def _tend(self) -> None:
        if self._broker and self._broker.running and not _socket_of(self._broker).exists():
            self._broker.terminate()  # a cleaner of temporary files took its socket: only a new start mends that
        for child in self._children():
            line = child.tend()
            if line:
                self._say(line)
        if not self._ready and self._answers():
            self._ready = True
            self._say(f"Dozvon is ready: {self._ready_url.removesuffix('/readyz')}")

    def _children(self) -> list[Child]:
        return [*self._processes, *([self._broker] if self._broker else [])]

    def _answers(self) -> bool:
        try:
            return self._pool.request("GET", self._ready_url, redirect=False).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    def _stop(self) -> None:
        """Web first, so that nothing new comes in; then workers, scheduler, what came with them, and the broker."""
        began = time.monotonic()
        left = list(self._processes)
        for kind, share in _SHARE_OF_STOP.items():
            children = [child for child in left if child.command.name.startswith(kind)]
            left = [child for child in left if child not in children]
            _end(children, began + _STOP_SECONDS * share)
        if self._broker:
            _end([self._broker], began + _STOP_SECONDS)
            with contextlib.suppress(OSError):
                _socket_of(self._broker).parent.rmdir()
        self._pool.clear()

    @contextmanager
    def _signals(self) -> Iterator[int]:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        previous = {number: signal.signal(number, self._on_signal) for number in _WAKING_SIGNALS}
        old_wakeup = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(old_wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def _on_signal(self, number: int, _frame: object) -> None:
        if number != signal.SIGCHLD:
            self._stop_signals += 1


def _socket_of(broker: Child) -> Path:
    words = list(broker.command.arguments)
    return Path(words[words.index("--unixsocket") + 1])


def _end(children: Sequence[Child], deadline: float) -> None:
    for child in children:
        child.terminate()
    for child in children:
        child.wait(deadline)


def _drain(reader: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(reader, 512):
            pass


def bring_up(
    settings: Settings, layout: Layout, say: Say, *, extra: Sequence[Command] = (), log: Path | None = None
) -> None:
    """Run the whole hub on `settings.home` until a signal ends it.

    `extra` are more children (the demo's); `log` is a file for what the children print.

    Raises `DozvonError` when the home or the port is taken, before anything is started.
    """
    from hub.db.keyring import install_keys
    from hub.db.migrate import upgrade

    with locked_home(settings.home) as lock:
        port = layout.port or free_port(layout.host)
        check_port(layout.host, port)
        layout = dataclasses.replace(layout, port=port)
        address = _address(layout)
        settings = dataclasses.replace(settings, public_url=settings.public_url or address)
        install_keys(settings.secret_keys, settings.home)
        upgrade(settings.database_url)
        broker = Child(_holding(broker_command(settings.home), lock)) if settings.embedded_redis else None
        environment = child_environment(settings, settings.redis_url or broker_url(settings.home))
        commands = [*process_commands(layout, environment, lock), *extra]
        say(f"Starting Dozvon on {settings.home} at {address}")
        children = [Child(dataclasses.replace(command, log=log)) for command in commands]
        Supervisor(broker, children, f"{address}/readyz", say).run()
        say("Dozvon has stopped.")


def _holding(command: Command, lock: int) -> Command:
    return dataclasses.replace(command, inherited=(lock,))


def _address(layout: Layout) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(layout.host, layout.host)  # noqa: S104 - read, not bound
    if not host:
        raise ConfigurationError("No host was given.", "Use --host 127.0.0.1.")
    return f"http://{f'[{host}]' if ':' in host else host}:{layout.port}"
