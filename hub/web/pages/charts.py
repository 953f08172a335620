"""Pictures as numbers: where bars stand. The templates draw them as SVG, so no style attribute is needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.domain.call import Call, Leg
from hub.web.queries.overview import HourOfCalls

CHART_WIDTH = 960
CHART_HEIGHT = 200
_GAP = 8
TIMELINE_WIDTH = 1000
_LEAST_BAR = 4.0


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `x` and `width`, then the tops and heights of its two parts, in picture units."""

    x: float
    width: float
    answered_y: float
    answered_height: float
    missed_y: float
    missed_height: float


@dataclass(frozen=True, slots=True)
class ColumnChart:
    """Columns under a scale from 0 to `highest`; every `label_step`th of them has room for its label."""

    bars: Sequence[Column]
    highest: int
    label_step: int = 1
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT


def columns(pairs: Sequence[tuple[int, int]], *, least: int = 4, most_labels: int = 24) -> ColumnChart:
    """Stacked columns of pairs, the first part below (answered), the second above (missed); the tallest fills
    the picture, which ends no lower than at `least`."""
    highest = max([least, *(below + above for below, above in pairs)])
    step, unit = CHART_WIDTH / max(len(pairs), 1), CHART_HEIGHT / highest
    gap = min(_GAP, step / 4)
    bars = [
        Column(
            x=round(number * step + gap / 2, 1),
            width=round(step - gap, 1),
            answered_y=round(CHART_HEIGHT - below * unit, 1),
            answered_height=round(below * unit, 1),
            missed_y=round(CHART_HEIGHT - (below + above) * unit, 1),
            missed_height=round(above * unit, 1),
        )
        for number, (below, above) in enumerate(pairs)
    ]
    return ColumnChart(bars, highest, max(1, -(-len(pairs) // most_labels)))


def hour_bars(hours: Sequence[HourOfCalls]) -> ColumnChart:
    return columns([(hour.answered, hour.missed) for hour in hours])


@dataclass(frozen=True, slots=True)
class LegBar:
    """One leg on the time line: it rings from `x` for `ring_width`, then talks for `talk_width`."""

    leg: Leg
    x: float
    ring_width: float
    talk_x: float
    talk_width: float


def leg_bars(call: Call) -> list[LegBar]:
    """The legs of a call in the order they rang, on a line from its start to its end."""
    if not call.legs:
        return []
    start = min(call.started_at, *(leg.rang_at for leg in call.legs))
    ends = [moment for leg in call.legs for moment in (leg.rang_at, leg.answered_at, leg.ended_at) if moment]
    end = max([*ends, call.ended_at or start, start + timedelta(seconds=1)])
    scale = TIMELINE_WIDTH / (end - start).total_seconds()

    def place(moment: datetime) -> float:
        return round(max(0.0, (moment - start).total_seconds() * scale), 1)

    return [_leg_bar(leg, end, place) for leg in sorted(call.legs, key=lambda leg: leg.rang_at)]


def _leg_bar(leg: Leg, end: datetime, place: Callable[[datetime], float]) -> LegBar:
    rang, over = place(leg.rang_at), place(leg.ended_at or end)
    if leg.answered_at is None:
        return LegBar(leg, rang, max(over - rang, _LEAST_BAR), over, 0.0)
    answered = place(leg.answered_at)
    return LegBar(leg, rang, max(answered - rang, 0.0), answered, max(over - answered, _LEAST_BAR))
