"""A worker with a bug that ends it: one event of one number, or one step for one number, is its death.

    DEADLY_ITEM=79001234567 DEADLY_STEP=+79001234568 python -m tests.faults.deadly

It dies as by a fault in a library written in C: without a word, in the middle of everything else it does. Each time
another one takes its place, as under any supervisor, until it is told to stop.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.together import Bitrix24Together
from connectors.mango.events import MangoHook
from hub.config import load_settings
from hub.worker import run


def deadly(work: Callable[..., Any], kills: Callable[[Any], bool]) -> Callable[..., Any]:
    """`work`, but for what kills."""

    def perhaps(itself: Any, what: Any, *more: Any) -> Any:
        if kills(what):
            os.kill(os.getpid(), signal.SIGSEGV)
        return work(itself, what, *more)

    return perhaps


def _kills_as_item(item: Any) -> bool:
    number = os.environ.get("DEADLY_ITEM")
    return number is not None and item.topic == "events/summary" and number.encode() in item.body


def _kills_as_step(step: Any) -> bool:
    number = os.environ.get("DEADLY_STEP")
    return number is not None and step.key == "finish" and step.intent.call.client.e164 == number


def _kills_as_batch(steps: Any) -> bool:
    return any(_kills_as_step(step) for step in steps)


def keep_running() -> None:
    """Fork a worker, and another one when it was killed; what is imported once is there for all of them."""
    children: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: os.kill(children[-1], signal.SIGTERM))
    status = int(signal.SIGSEGV)
    while os.WIFSIGNALED(status):
        children.append(os.fork())
        if children[-1] == 0:
            run(load_settings())
            os._exit(0)
        status = os.waitpid(children[-1], 0)[1]
        print(f"worker {len(children)} ended with {status}", flush=True)


if __name__ == "__main__":
    with (
        patch.object(MangoHook, "parse", deadly(MangoHook.parse, _kills_as_item)),
        patch.object(Bitrix24Crm, "perform", deadly(Bitrix24Crm.perform, _kills_as_step)),
        patch.object(Bitrix24Together, "perform", deadly(Bitrix24Together.perform, _kills_as_batch)),
    ):
        keep_running()
