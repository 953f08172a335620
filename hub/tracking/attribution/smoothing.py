"""Rates from counts: few calls bend the prior's shape a little, many replace it."""

from __future__ import annotations

import math
from collections.abc import Sequence

# How far log rates usually stray from the prior's shape: bend and slope from one bin to the next, and level. The level
# counts for each bin anew, so it must be weak: else a tail that a site does not have never goes away.
_BEND = 0.2
_SLOPE = 0.6
_LEVEL = 4.0
_NEWTON_STEPS = 4
_LONGEST_STEP = 2.0


def smooth_rates(counts: Sequence[float], seconds: Sequence[float], prior: Sequence[float]) -> list[float]:
    """The most probable rates for Poisson `counts` (expected ones may be fractions) in `seconds` at risk.

    The logarithm of rate over prior is believed to be smooth over neighbouring bins (a penalised likelihood,
    solved by Newton's method on a band matrix). All three go by bin; so does the answer.
    """
    size = len(counts)
    stray = [0.0] * size
    expected_at_prior = [rate * risk for rate, risk in zip(prior, seconds, strict=True)]
    for _ in range(_NEWTON_STEPS):
        expected = [e * math.exp(s) for e, s in zip(expected_at_prior, stray, strict=True)]
        band, pull = _penalty(stray)
        for i in range(size):
            band[i][0] += expected[i]
            pull[i] += counts[i] - expected[i]
        step = _solve_band(band, pull)
        stray = [s + max(-_LONGEST_STEP, min(_LONGEST_STEP, d)) for s, d in zip(stray, step, strict=True)]
    return [rate * math.exp(s) for rate, s in zip(prior, stray, strict=True)]


def _penalty(stray: list[float]) -> tuple[list[list[float]], list[float]]:
    """The penalty's curvature as an upper band (diagonal and two beside it) and its pull towards the prior."""
    size = len(stray)
    band = [[_LEVEL**-2, 0.0, 0.0] for _ in range(size)]
    pull = [-value * _LEVEL**-2 for value in stray]
    for pattern, scale in (((-1.0, 1.0), _SLOPE), ((1.0, -2.0, 1.0), _BEND)):
        weight = scale**-2
        for i in range(size - len(pattern) + 1):
            off = sum(c * stray[i + k] for k, c in enumerate(pattern))
            for k, c in enumerate(pattern):
                pull[i + k] -= weight * c * off
                for m in range(k, len(pattern)):
                    band[i + k][m - k] += weight * c * pattern[m]
    return band, pull


def _solve_band(band: list[list[float]], right: list[float]) -> list[float]:
    """Solve a symmetric positive system of band width two, given its upper band; destroys its arguments."""
    size = len(right)
    for i in range(size):
        for k in (1, 2):
            if i + k >= size:
                continue
            factor = band[i][k] / band[i][0]
            for m in range(k, 3):
                band[i + k][m - k] -= factor * band[i][m]
            right[i + k] -= factor * right[i]
    answer = [0.0] * size
    for i in range(size - 1, -1, -1):
        known = sum(band[i][k] * answer[i + k] for k in (1, 2) if i + k < size)
        answer[i] = (right[i] - known) / band[i][0]
    return answer
