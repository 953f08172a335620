"""Which of a visitor's touches gets the call: first, last, last that was not direct, or each a part."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from hub.domain.attribution import Touch
from hub.tracking.sources.classify import DIRECT

WINDOW = timedelta(days=90)


class TouchModel(StrEnum):
    FIRST = "first"
    LAST = "last"
    LAST_NON_DIRECT = "last_non_direct"
    LINEAR = "linear"


def credit(
    touches: Sequence[tuple[datetime, Touch]], called_at: datetime, model: TouchModel, window: timedelta = WINDOW
) -> list[tuple[Touch, float]]:
    """The touches that get the call with their parts, which sum to one; empty when there was none within the window.

    `touches` are those of one visitor with the time of the visit, in any order. Touches after the call do not count.
    """
    known = sorted(
        ((at, touch) for at, touch in touches if called_at - window <= at <= called_at), key=lambda item: item[0]
    )
    if not known:
        return []
    if model is TouchModel.LINEAR:
        return [(touch, 1.0 / len(known)) for _, touch in known]
    return [(_one(known, model), 1.0)]


def _one(known: Sequence[tuple[datetime, Touch]], model: TouchModel) -> Touch:
    if model is TouchModel.FIRST:
        return known[0][1]
    if model is TouchModel.LAST:
        return known[-1][1]
    return next((touch for _, touch in reversed(known) if touch.source != DIRECT), known[-1][1])
