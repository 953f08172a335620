"""Child processes that never outlive the one that started them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 30.0
_STEADY_AFTER_SECONDS = 10.0
_ORPHAN_GRACE_SECONDS = 6.0


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `number` to this process when its parent ends, however it ends."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def end_group_with_parent() -> None:
    """Watch the parent from a thread: when it is gone and this group still runs after a grace, kill the group.

    The kernel tells the direct child only; this takes along what the child has started, and a
    child that is too busy to listen. For a process that leads its own group.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        time.sleep(_ORPHAN_GRACE_SECONDS)
        os.killpg(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


@dataclass(frozen=True, slots=True)
class Command:
    """How a child is started. `name` is what the log calls it."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str] | None = None
    directory: Path | None = None
    inherited: Sequence[int] = ()
    """File descriptors that the child keeps: a lock that must last as long as it lives."""
    quiet: bool = False
    """Whether its standard output goes nowhere."""
    log: Path | None = None
    """The file that its output is added to; without one it shares the supervisor's."""


class Child:
    """One child that is started again whenever it dies, with a growing pause when it dies at once."""

    def __init__(self, command: Command, clock: Callable[[], float] = time.monotonic) -> None:
        self.command = command
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._start_at = 0.0
        self._pause_seconds = _FIRST_PAUSE_SECONDS

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it in a process group of its own."""
        parent = os.getpid()

        def before_exec() -> None:
            die_with_parent()
            if os.getppid() != parent:  # it died before the kernel was asked
                os._exit(1)

        with _output(self.command) as (out, err):
            self._process = subprocess.Popen(  # noqa: S603 - our own commands, no shell
                self.command.arguments,
                env=None if self.command.environment is None else dict(self.command.environment),
                cwd=self.command.directory,
                pass_fds=tuple(self.command.inherited),
                stdout=out,
                stderr=err,
                start_new_session=True,
                preexec_fn=before_exec,  # noqa: PLW1509 - the supervisor has one thread
            )
        self._started_at = self._clock()

    def tend(self) -> str | None:
        """Start it again if it is due. Returns a line for the log when it was found dead."""
        if self.running:
            return None
        if self._process is None:
            if self._clock() >= self._start_at:
                self.start()
            return None
        code = self._process.returncode
        self._signal_group(signal.SIGKILL)  # what it has started itself must not answer in its place
        self._process = None
        pause = self._next_pause()
        self._start_at = self._clock() + pause
        return f"{self.command.name} ended ({describe_exit(code)}); starting it again in {pause:g} s"

    def _next_pause(self) -> float:
        if self._clock() - self._started_at >= _STEADY_AFTER_SECONDS:
            self._pause_seconds = _FIRST_PAUSE_SECONDS
        pause = self._pause_seconds
        self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
        return pause

    def terminate(self) -> None:
        """Ask it to end; it may take the rest of its children along."""
        if self.running and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait until it has ended, at most until `deadline` on the clock; then kill its whole group."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=max(0.05, deadline - self._clock()))
        self._signal_group(signal.SIGKILL)
        self._process.wait()

    def _signal_group(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


@contextlib.contextmanager
def _output(command: Command) -> Iterator[tuple[int | None, int | None]]:
    """Where standard output and standard error of `command` go; None is where the supervisor's go."""
    if command.log is None:
        yield (subprocess.DEVNULL if command.quiet else None), None
        return
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        yield (subprocess.DEVNULL if command.quiet else log.fileno()), log.fileno()


def describe_exit(code: int) -> str:
    """An exit code in words: "exit code 1", "killed by SIGKILL"."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
