"""The runs behind the tables: worlds, methods with their way of handing out numbers, and what they scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from bench.attribution.laws import LAWS, WRONG_LAWS
from bench.attribution.methods import Answer, Case, last_holder, last_holder_within_an_hour, ours
from bench.attribution.pools import SimLease, any_free, dialled, hard_freeze, soft_freeze
from bench.attribution.score import Score, score
from bench.attribution.traffic import SHAPES, SimCall, SimVisit, World, simulate

RATIOS = (10, 20, 40, 100)
OURS = "Dozvon: soft freeze, posterior"

_HandOut = Callable[[Sequence[SimVisit], int, int], list[SimLease]]

METHODS: Mapping[str, tuple[_HandOut, Callable[[Case], list[Answer]]]] = {
    "any free number, last holder": (any_free, last_holder),
    "hard freeze of an hour, last holder": (hard_freeze, last_holder_within_an_hour),
    "soft freeze, last holder": (soft_freeze, last_holder),
    OURS: (soft_freeze, ours),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: `name` of the method or world, visits of a day per number, and the score."""

    name: str
    ratio: int
    score: Score


Pairs = list[tuple[SimCall, Answer]]


def answered(world: World, method: str, ratio: int, seed: int) -> Pairs:
    """The calls of one simulated world and what the method answers."""
    visits, calls = _simulated(world, seed)
    size = max(1, round(len(visits) / world.days / ratio))
    hand_out, attribute_all = METHODS[method]
    leases = hand_out(visits, size, seed)
    case = Case(visits, leases, calls, dialled(calls, leases, size, seed))
    return list(zip(calls, attribute_all(case), strict=True))


@lru_cache(maxsize=16)
def _simulated(world: World, seed: int) -> tuple[list[SimVisit], list[SimCall]]:
    return simulate(world, seed)


def compare(seed: int, *, quick: bool) -> tuple[list[Line], list[Line]]:
    """All methods at all ratios over all laws and shapes; and our method by law at 20 and 40."""
    shapes = ("shop",) if quick else tuple(SHAPES)
    ratios = (20, 40) if quick else RATIOS
    methods, by_law = [], []
    for ratio in ratios:
        for method in METHODS:
            together: Pairs = []
            for name, law in LAWS.items():
                pairs = [p for s in shapes for p in answered(_world(law, s, quick), method, ratio, seed)]
                together += pairs
                if method == OURS and ratio in {20, 40}:
                    by_law.append(Line(name, ratio, score(pairs)))
            methods.append(Line(method, ratio, score(together)))
    return methods, by_law


def hard_worlds(seed: int, *, quick: bool) -> Iterator[Line]:
    """Our method where its beliefs are wrong: other laws than any it expects, and other callers."""
    for name, law in WRONG_LAWS.items():
        for ratio in (20, 40):
            yield Line(f"law: {name}", ratio, score(answered(_world(law, "shop", quick), OURS, ratio, seed)))
    plain = _world(LAWS["lognormal"], "shop", quick)
    others = {
        "40 % call from the page": replace(plain, on_page=0.4),
        "90 % call from the page": replace(plain, on_page=0.9),
        "15 % of calls by strangers": replace(plain, strangers_of_calls=0.15),
        "30 % hide their number": replace(plain, hidden=0.3),
        "20 % share a telephone": replace(plain, shared_telephone=0.2),
        "half of the callers come back": replace(plain, come_back=0.5),
        "the region says nothing": replace(plain, region_agrees=0.0),
    }
    for name, world in others.items():
        yield Line(name, 20, score(answered(world, OURS, 20, seed)))
    small = replace(plain, visits_per_day=60)
    # Ten of them, each answered by itself: a hundred calls alone say little of ten groups of probabilities.
    pairs = [pair for number in range(10) for pair in answered(small, OURS, 20, seed + number)]
    yield Line("ten small sites, 60 visits a day each", 20, score(pairs))


def _world(law: Callable[..., float], shape: str, quick: bool) -> World:
    return World(law, shape, days=6, visits_per_day=500) if quick else World(law, shape)
