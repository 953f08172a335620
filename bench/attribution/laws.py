"""When people call after they left the page: laws to draw from. None of them is known to the method."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0

Law = Callable[[Random], float]


def _exponential(chance: Random) -> float:
    return chance.expovariate(1 / (8 * MINUTE))


def _lognormal(chance: Random) -> float:
    return chance.lognormvariate(math.log(6 * MINUTE), 1.1)


def _weibull(chance: Random) -> float:
    return chance.weibullvariate(7 * MINUTE, 0.6)


def _heavy_tail(chance: Random) -> float:
    """Most soon, some in the evening, a few after days."""
    kind = chance.random()
    if kind < 0.8:
        return chance.lognormvariate(math.log(4 * MINUTE), 1.0)
    if kind < 0.94:
        return chance.lognormvariate(math.log(1.5 * HOUR), 0.8)
    return chance.uniform(0.5 * DAY, 6 * DAY)


def _flat(chance: Random) -> float:
    """Anywhere within three quarters of an hour, then never: an edge that no smooth law has."""
    return chance.uniform(0, 45 * MINUTE)


def _reminded(chance: Random) -> float:
    """Two sharp peaks: at once, and half an hour later when a reminder rings."""
    return abs(chance.gauss(1 * MINUTE, 30)) if chance.random() < 0.6 else abs(chance.gauss(30 * MINUTE, 3 * MINUTE))


def _next_morning(chance: Random) -> float:
    """Soon, or not before the next day: nothing in between."""
    return chance.expovariate(1 / (5 * MINUTE)) if chance.random() < 0.85 else abs(chance.gauss(16 * HOUR, 3 * HOUR))


LAWS: Mapping[str, Law] = {
    "exponential": _exponential,
    "lognormal": _lognormal,
    "weibull": _weibull,
    "heavy tail": _heavy_tail,
}
WRONG_LAWS: Mapping[str, Law] = {"flat": _flat, "reminded": _reminded, "next morning": _next_morning}
