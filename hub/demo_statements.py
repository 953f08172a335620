"""The statements of the demo: nobody who looks at it waits for the night."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

_FIRST_AFTER_SECONDS = 75.0
_EVERY_SECONDS = 600.0


def main() -> None:
    """Compare PBX, hub and CRMs a minute after the start, and every ten minutes from then on, until a signal."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    pause = _FIRST_AFTER_SECONDS
    while not stop.wait(pause):
        _compare(stop)
        pause = _EVERY_SECONDS


def _compare(stop: threading.Event) -> None:
    since = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    words = [sys.executable, "-m", "hub.cli", "reconcile", "--since", since, "--grace", "60"]
    comparison = subprocess.Popen(words)  # noqa: S603 - our own command, no shell
    while comparison.poll() is None:
        if stop.wait(0.2):
            comparison.terminate()
            comparison.wait()


if __name__ == "__main__":
    main()
