"""What a method is worth: how often it answers, how often it is right, how honest its probabilities are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.attribution.methods import Answer
from bench.attribution.traffic import SimCall

_BINS = 10


@dataclass(frozen=True, slots=True)
class Score:
    """`answered`: share of the visitors' calls that got a visit. `right`: share of all answers that name the true
    visit; an answer to a stranger's call is wrong. `calibration_error`: mean gap between stated and true, over answers
    grouped by stated probability in ten equal bins."""

    calls: int
    answered: float
    right: float
    calibration_error: float


def score(pairs: Sequence[tuple[SimCall, Answer]]) -> Score:
    """The score over calls and their answers."""
    visitors = [answer for call, answer in pairs if call.truth is not None]
    given = [(answer.probability, answer.visit_id == call.truth) for call, answer in pairs if answer.visit_id]
    return Score(
        calls=len(pairs),
        answered=sum(answer.visit_id is not None for answer in visitors) / max(1, len(visitors)),
        right=sum(right for _, right in given) / max(1, len(given)),
        calibration_error=_calibration_error(given),
    )


def _calibration_error(given: Sequence[tuple[float, bool]]) -> float:
    error = 0.0
    for number in range(_BINS):
        inside = [(p, right) for p, right in given if min(_BINS - 1, int(p * _BINS)) == number]
        error += abs(sum(p for p, _ in inside) - sum(right for _, right in inside))
    return error / max(1, len(given))
