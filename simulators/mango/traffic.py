"""A little life: calls at random moments, of random clients, for a hub that somebody is looking at."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence

from simulators.mango.pbx import MangoSimulator

USUAL = (
    "queue_answered",
    "answered",
    "answered",
    "missed",
    "missed_in_queue",
    "hung_up_in_menu",
    "outbound",
    "consult_transfer",
)


def play_traffic(
    pbx: MangoSimulator,
    per_second: float,
    timelines: Sequence[str],
    lines: Sequence[str],
    seed: int,
    stop: threading.Event,
) -> None:
    """Start calls at `per_second` on average, until `stop` is set."""
    chance = random.Random(seed)
    while not stop.wait(chance.expovariate(per_second)):
        pbx.start(
            chance.choice(timelines),
            client=f"790012345{chance.randrange(100):02}",
            line=chance.choice(lines),
            extension=chance.choice(["101", "102", "103"]),
            talk_seconds=chance.randrange(10, 90),
        )
