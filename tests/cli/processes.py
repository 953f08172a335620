"""Waiting for real processes: by looking, up to a deadline."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

_pause = threading.Event()


def until(condition: Callable[[], object], within_seconds: float = 20.0) -> None:
    """Return as soon as `condition` holds; `AssertionError` when it does not in time."""
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s"
        _pause.wait(0.05)


def gone(pid: int) -> bool:
    """Whether the process has ended (a zombie that waits for its parent has)."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return True
    return state == "Z"


def descendants(pid: int) -> dict[int, str]:
    """Every living process below `pid`: its id and command line."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    left = [pid]
    while left:
        for child in parents.get(left.pop(), []):
            found[child] = _command_line(child)
            left.append(child)
    return found


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
