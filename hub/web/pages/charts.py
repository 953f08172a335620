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
class HourBar:
    """One column: `x` and `width`, then the tops and heights of its two parts, in picture units."""

    hour: HourOfCalls
    x: float
    width: float
    answered_y: float
    answered_height: float
    missed_y: float
    missed_height: float


@dataclass(frozen=True, slots=True)
class HourChart:
    bars: Sequence[HourBar]
    highest: int
    width: int = CHART_WIDTH
    height: int = CHART_HEIGHT


def hour_bars(hours: Sequence[HourOfCalls]) -> HourChart:
    """Stacked columns, answered below and missed above; the tallest fills the picture."""
    highest = max((hour.answered + hour.missed for hour in hours), default=0)
    column = CHART_WIDTH / max(len(hours), 1)
    unit = CHART_HEIGHT / max(highest, 4)
    bars = []
    for number, hour in enumerate(hours):
        answered, missed = hour.answered * unit, hour.missed * unit
        bars.append(
            HourBar(
                hour=hour,
                x=round(number * column + _GAP / 2, 1),
                width=round(column - _GAP, 1),
                answered_y=round(CHART_HEIGHT - answered, 1),
                answered_height=round(answered, 1),
                missed_y=round(CHART_HEIGHT - answered - missed, 1),
                missed_height=round(missed, 1),
            )
        )
    return HourChart(bars, highest)


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
