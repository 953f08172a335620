"""A little life: calls at random moments, of random clients, for a hub that somebody is looking at."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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
_HEARD = 200
_ASK_AGAIN_SECONDS = 0.5
_LATEST_HOURS = 0.2


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
        pbx.start(chance.choice(timelines), **_numbers(chance, lines))


@dataclass(frozen=True, slots=True)
class Past:
    """What happened before anybody looked: so many calls within the last hours, and events that no hub can read."""

    calls: int = 0
    hours: float = 6.0
    unreadable: int = 0


def tell_past(
    pbx: MangoSimulator, past: Past, timelines: Sequence[str], lines: Sequence[str], seed: int, stop: threading.Event
) -> None:
    """Tell the hub of it in order, as soon as there is one that listens. Returns when all of it was told."""
    if not (past.calls or past.unreadable):
        return
    while not stop.is_set() and pbx.check_connection() != _HEARD:
        stop.wait(_ASK_AGAIN_SECONDS)
    chance, now = random.Random(seed), datetime.now(UTC)
    for hours in sorted((chance.uniform(_LATEST_HOURS, past.hours) for _ in range(past.calls)), reverse=True):
        if stop.is_set():
            return
        pbx.tell_past(chance.choice(timelines), start=now - timedelta(hours=hours), **_numbers(chance, lines))
    for number in range(past.unreadable):
        pbx.says("/events/call", _unreadable(number, lines[0]))


def _unreadable(number: int, line: str) -> dict[str, object]:
    """What a PBX might send after an upgrade: a moment in words, or a call without its number."""
    party = {"from": {"number": "79001234567"}, "to": {"number": line, "line_number": line}}
    event = {"call_id": f"unreadable-{number}-1", "seq": 1, "call_state": "Appeared", "location": "ivr", **party}
    if number % 2:
        return {**event, "timestamp": int(datetime.now(UTC).timestamp())}
    return {**event, "entry_id": f"unreadable-{number}", "timestamp": "just now"}


def _numbers(chance: random.Random, lines: Sequence[str]) -> dict[str, Any]:
    return {
        "client": f"790012345{chance.randrange(100):02}",
        "line": chance.choice(lines),
        "extension": chance.choice(["101", "102", "103"]),
        "talk_seconds": chance.randrange(10, 90),
    }
