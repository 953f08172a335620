"""A site's visits and calls with the truth: who came, who called, when, from which telephone."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from random import Random

from bench.attribution.laws import DAY, HOUR, MINUTE, Law

# Share of a day's visits by hour: a shop, a firm that works by day, and a site that is as busy at night.
SHAPES = {
    "shop": (2, 1, 1, 1, 1, 2, 4, 8, 14, 20, 24, 25, 24, 24, 23, 22, 22, 24, 27, 30, 30, 25, 15, 6),
    "office": (1, 1, 1, 1, 1, 1, 2, 6, 20, 34, 38, 36, 30, 34, 36, 34, 30, 20, 10, 6, 5, 4, 3, 2),
    "even": (1,) * 24,
}


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated. Shares are of callers unless said otherwise; the rest of the names say it."""

    law: Law
    shape: str = "shop"
    days: int = 15
    visits_per_day: int = 800
    callers_of_visits: float = 0.07
    on_page: float = 0.72
    again_soon: float = 0.12
    come_back: float = 0.15
    shared_telephone: float = 0.04
    hidden: float = 0.05
    strangers_of_calls: float = 0.02
    region_agrees: float = 0.7
    returning_visits: float = 0.2


@dataclass(frozen=True, slots=True)
class SimVisit:
    id: str
    visitor_id: str
    start: float
    end: float
    region: str


@dataclass(frozen=True, slots=True)
class SimCall:
    """A call at `at`. `truth` is the visit whose number is dialled; None: a stranger, who dials any number."""

    id: str
    at: float
    client: str | None
    region: str
    truth: str | None


@dataclass(slots=True)
class _Making:
    chance: Random
    world: World
    visits: list[SimVisit] = field(default_factory=list)
    calls: list[SimCall] = field(default_factory=list)
    ids: count[int] = field(default_factory=count)
    telephones: list[str] = field(default_factory=list)


REGIONS = ("moscow", "spb", "kazan", "ufa", "perm", "omsk", "tomsk", "tula")
_REGION_WEIGHTS = (40, 20, 10, 8, 7, 6, 5, 4)


def simulate(world: World, seed: int) -> tuple[list[SimVisit], list[SimCall]]:
    """Visits and calls in the order of time; the same seed makes the same ones."""
    making = _Making(Random(seed), world)
    for day in range(world.days):
        for _ in range(_poisson(making.chance, world.visits_per_day)):
            _one_visit(making, day * DAY + _time_of_day(making.chance, world.shape))
    _strangers(making)
    end = world.days * DAY
    visits = sorted((visit for visit in making.visits if visit.start < end), key=lambda visit: visit.start)
    return visits, sorted((call for call in making.calls if call.at < end), key=lambda call: call.at)


def _one_visit(making: _Making, start: float) -> None:
    chance, world = making.chance, making.world
    visitor = f"u{next(making.ids)}"
    region = chance.choices(REGIONS, _REGION_WEIGHTS)[0]
    visit = _visit(making, visitor, start, region)
    if chance.random() < world.returning_visits:
        _visit(making, visitor, visit.end + chance.expovariate(1 / (2 * DAY)), region)
    if chance.random() < world.callers_of_visits:
        _calls_of(making, visit)


def _visit(making: _Making, visitor: str, start: float, region: str) -> SimVisit:
    length = min(2 * HOUR, 15 + making.chance.lognormvariate(math.log(130), 1.0))
    visit = SimVisit(f"v{next(making.ids)}", visitor, start, start + length, region)
    making.visits.append(visit)
    return visit


def _calls_of(making: _Making, visit: SimVisit) -> None:
    chance, world = making.chance, making.world
    client = _telephone(making)
    region = visit.region if chance.random() < world.region_agrees else chance.choices(REGIONS, _REGION_WEIGHTS)[0]
    first = _call(making, _moment(making, visit), client, region, visit.id)
    if chance.random() < world.again_soon:
        _call(making, first.at + chance.lognormvariate(math.log(HOUR), 1.5), client, region, visit.id)
    if chance.random() < world.come_back:
        later = _visit(making, visit.visitor_id, first.at + chance.expovariate(1 / (3 * DAY)), visit.region)
        _call(making, _moment(making, later), client, region, later.id)


def _moment(making: _Making, visit: SimVisit) -> float:
    if making.chance.random() < making.world.on_page:
        return making.chance.uniform(visit.start, visit.end)
    return visit.end + making.world.law(making.chance)


def _telephone(making: _Making) -> str | None:
    chance, world = making.chance, making.world
    kind = chance.random()
    if kind < world.hidden:
        return None
    if kind < world.hidden + world.shared_telephone and making.telephones:
        return chance.choice(making.telephones[-40:])
    making.telephones.append(f"+7900{next(making.ids):07d}")
    return making.telephones[-1]


def _call(making: _Making, at: float, client: str | None, region: str, truth: str | None) -> SimCall:
    call = SimCall(f"c{next(making.ids)}", at, client, region, truth)
    making.calls.append(call)
    return call


def _strangers(making: _Making) -> None:
    chance, world = making.chance, making.world
    share = world.strangers_of_calls
    for _ in range(_poisson(chance, len(making.calls) * share / (1 - share))):
        at = chance.randrange(world.days) * DAY + _time_of_day(chance, world.shape)
        _call(making, at, f"+7901{next(making.ids):07d}", chance.choices(REGIONS, _REGION_WEIGHTS)[0], None)


def _time_of_day(chance: Random, shape: str) -> float:
    return chance.choices(range(24), SHAPES[shape])[0] * HOUR + chance.uniform(0, HOUR)


def _poisson(chance: Random, mean: float) -> int:
    """Near enough for counts of hundreds."""
    return max(0, round(chance.gauss(mean, math.sqrt(mean))))


IDLE_SECONDS = 5 * MINUTE
