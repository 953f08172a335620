"""Named places at which a process kills itself, so that fault tests can prove what survives."""

from __future__ import annotations

import os
import signal

CRASH_POINTS = frozenset(
    {
        "after_inbox_commit",
        "before_fold_commit",
        "after_fold_commit_before_bell",
        "after_lease_before_write",
        "after_crm_write_before_commit",
        "after_token_answer_before_commit",
        "after_recording_fetch_before_commit",
        "after_callback_order_commit",
        "after_command_sent_before_close",
    }
)
_armed = ""


def arm_crash_point(name: str) -> None:
    """Set by the process's start from `DOZVON_CRASH_AT`, which only a test environment may hold."""
    global _armed
    if name and name not in CRASH_POINTS:
        raise ValueError(f"unknown crash point {name!r}")
    _armed = name


def crash_point(name: str) -> None:
    """SIGKILL this process when `name` is armed; costs a comparison otherwise."""
    if _armed and _armed == name:
        os.kill(os.getpid(), signal.SIGKILL)
