"""How numbers are handed out: the lease process under three ways of reusing a number."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from bench.attribution.laws import HOUR
from bench.attribution.traffic import IDLE_SECONDS, SimCall, SimVisit

DEFAULT_NUMBER = "+74950000000"
HARD_FREEZE_SECONDS = 1 * HOUR


@dataclass(frozen=True, slots=True)
class SimLease:
    visit_id: str
    number: str
    since: float
    until: float


def pool(size: int) -> list[str]:
    return [f"+7495111{number:04d}" for number in range(size)]


def soft_freeze(visits: Sequence[SimVisit], size: int, _seed: int) -> list[SimLease]:
    """Never refused: the number that rested longest; when all are in use, the one whose lease ends first."""
    rested = [(0.0, number) for number in pool(size)]
    heapq.heapify(rested)
    leases = []
    for visit in visits:
        free_since, number = heapq.heappop(rested)
        until = visit.end + IDLE_SECONDS
        leases.append(SimLease(visit.id, number, visit.start, until))
        heapq.heappush(rested, (max(free_since, until), number))
    return leases


def any_free(visits: Sequence[SimVisit], size: int, seed: int) -> list[SimLease]:
    """Any number that is free at the moment, at random; when all are in use, the one whose lease ends first."""
    chance = Random(seed)
    busy: list[tuple[float, str]] = []
    free = pool(size)
    leases = []
    for visit in visits:
        while busy and busy[0][0] <= visit.start:
            free.append(heapq.heappop(busy)[1])
        number = free.pop(chance.randrange(len(free))) if free else heapq.heappop(busy)[1]
        until = visit.end + IDLE_SECONDS
        leases.append(SimLease(visit.id, number, visit.start, until))
        heapq.heappush(busy, (until, number))
    return leases


def hard_freeze(visits: Sequence[SimVisit], size: int, _seed: int) -> list[SimLease]:
    """A number rests for an hour before it is shown again; who comes when none has rested sees the default number."""
    rested = [(0.0, number) for number in pool(size)]
    heapq.heapify(rested)
    leases = []
    for visit in visits:
        until = visit.end + IDLE_SECONDS
        if rested[0][0] > visit.start:
            leases.append(SimLease(visit.id, DEFAULT_NUMBER, visit.start, until))
            continue
        number = heapq.heappop(rested)[1]
        leases.append(SimLease(visit.id, number, visit.start, until))
        heapq.heappush(rested, (until + HARD_FREEZE_SECONDS, number))
    return leases


def dialled(calls: Sequence[SimCall], leases: Sequence[SimLease], size: int, seed: int) -> dict[str, str]:
    """The number of each call: the one that its visit was shown, any of the pool for a stranger."""
    chance = Random(seed)
    numbers = pool(size)
    shown = {lease.visit_id: lease.number for lease in leases}
    return {call.id: shown[call.truth] if call.truth else chance.choice(numbers) for call in calls}
