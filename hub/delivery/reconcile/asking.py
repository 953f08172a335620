"""Asking the outside systems for their lists: patiently, and never holding up what is more urgent."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from connectors.contract import Door
from hub.delivery.doors import open_door
from hub.domain.errors import OverBudget
from hub.domain.intents import Lane
from hub.runtime import Runtime

PURPOSE = "reconcile"
_LONGEST_WAIT_SECONDS = 5.0
_MOST_WAITS = 60


@contextmanager
def patient_door(runtime: Runtime, connection_id: int) -> Iterator[Door]:
    """A door in the `bulk` lane that waits when our own budget for the lane is used up, up to some minutes."""
    with open_door(runtime, connection_id, Lane.BULK, purpose=PURPOSE) as door:
        yield dataclasses.replace(door, spend=_patient(door.spend, runtime.now))


def _patient(spend: Callable[[str], None], now: Callable[[], datetime]) -> Callable[[str], None]:
    pause = threading.Event()

    def spend_later(method: str) -> None:
        for _ in range(_MOST_WAITS):
            try:
                spend(method)
                return
            except OverBudget as error:
                wait_seconds = (error.until - now()).total_seconds() if error.until else 1.0
                if wait_seconds > _LONGEST_WAIT_SECONDS:
                    raise
                pause.wait(max(wait_seconds, 0.05))
        spend(method)

    return spend_later
