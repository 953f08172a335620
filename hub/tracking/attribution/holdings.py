"""Who held which number when: an index that answers for a moment in a few steps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hub.tracking.attribution.law import AFTER_BINS, AFTER_EDGES, HORIZON_SECONDS


@dataclass(frozen=True, slots=True)
class Holding:
    """One visit's time with one number, in Unix seconds. `left` is when it was last seen with the number shown."""

    number: str
    visit_id: str
    visitor_id: str
    region: str | None
    since: float
    left: float


class Holders:
    """The holdings of one number."""

    def __init__(self, holdings: Iterable[Holding]) -> None:
        self.by_since = sorted(holdings, key=lambda held: (held.since, held.visit_id))
        self._since = [held.since for held in self.by_since]
        self._latest_left = _running_maximum([held.left for held in self.by_since])
        self.by_left = sorted(self.by_since, key=lambda held: (held.left, held.since, held.visit_id))
        self._left = [held.left for held in self.by_left]
        regions: defaultdict[str | None, list[float]] = defaultdict(list)
        for held in self.by_left:
            regions[held.region].append(held.left)
        self._left_by_region = dict(regions)

    def on_page(self, at: float) -> Iterator[Holding]:
        """Those that were on the page at that moment."""
        for index in range(bisect_right(self._since, at) - 1, -1, -1):
            if self._latest_left[index] <= at:
                return
            if self.by_since[index].left > at:
                yield self.by_since[index]

    def gone(self, at: float) -> Iterator[Holding]:
        """Those that had left within the horizon, the last one first."""
        for index in range(bisect_right(self._left, at) - 1, -1, -1):
            if at - self._left[index] >= HORIZON_SECONDS:
                return
            yield self.by_left[index]

    def gone_by_bin(self, at: float) -> list[tuple[int, int]]:
        """How many had left, by bin of the delay: (bin, count), empty bins left out."""
        return _by_bin(self._left, at)

    def gone_by_bin_of(self, region: str | None, at: float) -> dict[int, int]:
        """The same for those of one region (None: those whose region is not known)."""
        return dict(_by_bin(self._left_by_region.get(region, []), at))


class Index:
    """All holdings of a site by number."""

    def __init__(self, holdings: Iterable[Holding]) -> None:
        by_number: defaultdict[str, list[Holding]] = defaultdict(list)
        for held in holdings:
            by_number[held.number].append(held)
        self._by_number = {number: Holders(held) for number, held in sorted(by_number.items())}
        self._by_visitor: defaultdict[tuple[str, str], list[Holding]] = defaultdict(list)
        for held in self:
            self._by_visitor[held.visitor_id, held.number].append(held)

    def holders(self, number: str) -> Holders | None:
        return self._by_number.get(number)

    def of_visitor(self, visitor_id: str, number: str, at: float) -> list[Holding]:
        """When this visitor held this number, as far as they had left within the horizon before `at`."""
        held = self._by_visitor.get((visitor_id, number), ())
        return [one for one in held if one.left <= at < one.left + HORIZON_SECONDS]

    @property
    def numbers(self) -> tuple[str, ...]:
        return tuple(self._by_number)

    def __iter__(self) -> Iterator[Holding]:
        for holders in self._by_number.values():
            yield from holders.by_since


def _by_bin(left: list[float], at: float) -> list[tuple[int, int]]:
    found = []
    newer = bisect_right(left, at)
    for number in range(AFTER_BINS):
        if newer == 0:
            break
        # A bin holds the delays from its lower edge up to, not including, the upper one.
        older = bisect_right(left, at - AFTER_EDGES[number + 1], 0, newer)
        if older < newer:
            found.append((number, newer - older))
        newer = older
    return found


def _running_maximum(values: list[float]) -> list[float]:
    highest, found = float("-inf"), []
    for value in values:
        highest = max(highest, value)
        found.append(highest)
    return found


def seconds_at_risk(spans: list[float], edges: tuple[float, ...]) -> list[float]:
    """For each bin the seconds that spans of these lengths (sorted) spend in it."""
    sums = [0.0]
    for span in spans:
        sums.append(sums[-1] + span)
    reached = [_reaching(spans, sums, edge) for edge in edges]
    return [lower - upper for lower, upper in pairwise(reached)]


def _reaching(spans: list[float], sums: list[float], edge: float) -> float:
    """The seconds that the spans last beyond `edge`."""
    if edge == float("inf"):
        return 0.0
    first = bisect_left(spans, edge)
    return sums[-1] - sums[first] - edge * (len(spans) - first)
