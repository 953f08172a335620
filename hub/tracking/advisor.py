"""How many numbers does a site need? The site's own traffic, replayed through pools of other sizes. Pure."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from random import Random

from hub.tracking.attribution.answer import Settings, threshold_for
from hub.tracking.attribution.holdings import Holding, Index
from hub.tracking.attribution.law import AFTER_EDGES, ON_PAGE_EDGES, DelayLaw
from hub.tracking.attribution.learning import CallMoment
from hub.tracking.attribution.posterior import alone, look

DAY_SECONDS = 86400.0
ENOUGH_ANSWERED, ENOUGH_RIGHT = 0.95, 0.97
"""What a pool is to reach: shares of calls that get a visit, and of these that get the right one."""

_CALLS = 500
_STRANGERS_SHARE = 0.04
_VISITS_PER_NUMBER = (100, 60, 40, 30, 20, 15, 10, 7, 5)
_USUAL_DAY = (2, 1, 1, 1, 1, 2, 4, 8, 14, 20, 24, 25, 24, 24, 23, 22, 22, 24, 27, 30, 30, 25, 15, 6)
_TYPED_DAYS = 4


@dataclass(frozen=True, slots=True)
class Span:
    """One visit: when it began and when it was last seen, in Unix seconds."""

    began: float
    left: float


@dataclass(frozen=True, slots=True)
class PoolChoice:
    """What a pool of `numbers` would do: `answered` and `right` are shares, `cost` is by month (None: no price)."""

    numbers: int
    answered: float
    right: float
    cost: float | None

    @property
    def is_enough(self) -> bool:
        return self.answered >= ENOUGH_ANSWERED and self.right >= ENOUGH_RIGHT


def sizes_for(visits_per_day: float, present: int = 0) -> list[int]:
    """The pool sizes worth comparing, the smallest first, among them the present one."""
    sizes = {max(1, round(visits_per_day / ratio)) for ratio in _VISITS_PER_NUMBER}
    return sorted(sizes | ({present} if present else set()))


def pool_curve(
    spans: Sequence[Span],
    law: DelayLaw,
    idle_seconds: int,
    sizes: Iterable[int],
    *,
    price: float | None = None,
    present: int | None = None,
) -> list[PoolChoice]:
    """For each size of the pool how many calls would get a visit, and how many of these the right one.

    `spans` are the site's visits of some days; calls come by `law`, which was learned with `present` numbers (None:
    it is a belief). Shares are expected ones, without what the caller's history and region add. Empty when there are
    no visits. The same input has the same answer.
    """
    ordered = sorted(spans, key=lambda span: (span.began, span.left))
    if not ordered:
        return []
    calls = _calls(ordered, law)
    strangers = law.strangers * present if present else _strangers(ordered, law)
    return [
        _choice(ordered, calls, replace(law, strangers=strangers / size), idle_seconds, size, price) for size in sizes
    ]


def _strangers(spans: Sequence[Span], law: DelayLaw) -> float:
    """The usual rate of strangers on all numbers together: more numbers do not bring more of them."""
    visitors = sum(_on_page_mass(span.left - span.began, law) for span in spans) + len(spans) * sum(_after_masses(law))
    lasted = max(span.left for span in spans) - spans[0].began
    return _STRANGERS_SHARE * visitors / max(lasted, DAY_SECONDS)


def _after_masses(law: DelayLaw) -> list[float]:
    return [rate * (b - a) for rate, (a, b) in zip(law.after, pairwise(AFTER_EDGES), strict=True)]


def usual_traffic(visits_per_day: float, seconds_on_page: float) -> list[Span]:
    """Some days of visits as a shop has them, for figures that a person typed."""
    chance, spans = Random(0), []  # noqa: S311 - simulated traffic, no secret
    hours = list(accumulate(_USUAL_DAY))
    for number in range(round(visits_per_day * _TYPED_DAYS)):
        hour = bisect_right(hours, chance.random() * hours[-1])
        began = (number % _TYPED_DAYS) * DAY_SECONDS + (min(hour, 23) + chance.random()) * 3600
        spans.append(Span(began, began + chance.expovariate(1 / seconds_on_page)))
    return spans


# --- Calls that such visits would make -----------------------------------------------------------------------------


def _calls(spans: Sequence[Span], law: DelayLaw) -> list[tuple[int, float]]:
    """(place of the visit, moment of the call), drawn by the law; longer visits call more often."""
    chance = Random(1)  # noqa: S311 - simulated traffic, no secret
    masses = list(accumulate(_on_page_mass(span.left - span.began, law) for span in spans))
    after = list(accumulate(_after_masses(law)))
    on_page_share = masses[-1] / max(masses[-1] + after[-1] * len(spans), 1e-12)
    found = []
    for _ in range(_CALLS):
        if chance.random() < on_page_share:
            place = min(bisect_right(masses, chance.random() * masses[-1]), len(spans) - 1)
            found.append((place, chance.uniform(spans[place].began, spans[place].left)))
        else:
            place = chance.randrange(len(spans))
            found.append((place, spans[place].left + _delay(after, chance)))
    end = max(span.left for span in spans)
    return [(place, at) for place, at in found if at <= end]


def _on_page_mass(seconds: float, law: DelayLaw) -> float:
    return sum(
        rate * (min(seconds, upper) - lower)
        for rate, (lower, upper) in zip(law.on_page, pairwise(ON_PAGE_EDGES), strict=True)
        if lower < seconds
    )


def _delay(after: Sequence[float], chance: Random) -> float:
    place = min(bisect_right(after, chance.random() * after[-1]), len(after) - 1)
    return chance.uniform(AFTER_EDGES[place], AFTER_EDGES[place + 1])


# --- One pool ---------------------------------------------------------------------------------------------------------


def _choice(
    spans: Sequence[Span],
    calls: Sequence[tuple[int, float]],
    law: DelayLaw,
    idle_seconds: int,
    size: int,
    price: float | None,
) -> PoolChoice:
    holdings = _hand_out(spans, size, idle_seconds)
    index = Index(holdings)
    verdicts = [
        alone(look(index, CallMoment("", holdings[place].number, at, None, None), law), {}) for place, at in calls
    ]
    threshold = threshold_for(verdicts, Settings())
    answered = [verdict.best for verdict in verdicts if verdict.best >= threshold]
    return PoolChoice(
        numbers=size,
        answered=len(answered) / max(1, len(verdicts)),
        right=math.fsum(answered) / max(1, len(answered)),
        cost=None if price is None else size * price,
    )


def _hand_out(spans: Sequence[Span], size: int, idle_seconds: int) -> list[Holding]:
    """The holdings of a pool with soft freeze: the number that rested longest goes out, nobody is refused."""
    rested = [(0.0, f"n{number}") for number in range(size)]
    held = []
    for place, span in enumerate(spans):
        free_since, number = heapq.heappop(rested)
        heapq.heappush(rested, (max(free_since, span.left + idle_seconds), number))
        held.append(Holding(number, f"v{place}", f"u{place}", None, span.began, max(span.began, span.left)))
    return held
