"""The delay law of a site: how often a visit calls, by the time since it came or since it left."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

HORIZON_SECONDS = 30 * 86400.0
VERSION = 1
_OUTDATED = "the delay law was learned by another version of the hub; learn it anew"

_FINEST_AFTER_SECONDS = 5.0
_FINEST_ON_PAGE_SECONDS = 10.0
_ON_PAGE_BINS = 16


def _after_edges() -> tuple[float, ...]:
    steps = math.ceil(math.log(HORIZON_SECONDS / _FINEST_AFTER_SECONDS, math.sqrt(2)))
    return (0.0, *(min(_FINEST_AFTER_SECONDS * math.sqrt(2) ** k, HORIZON_SECONDS) for k in range(steps + 1)))


# Bins grow by the square root of two: a fine view of seconds and a coarse one of days cost the same.
AFTER_EDGES = _after_edges()
AFTER_BINS = len(AFTER_EDGES) - 1
ON_PAGE_EDGES = (0.0, *(_FINEST_ON_PAGE_SECONDS * math.sqrt(2) ** k for k in range(_ON_PAGE_BINS - 1)), math.inf)
ON_PAGE_BINS = len(ON_PAGE_EDGES) - 1


@dataclass(frozen=True, slots=True)
class DelayLaw:
    """Rates per second, learned from a site's calls (`learn`) or the prior (`prior_law`).

    `on_page` is the rate at which a visit calls while it is on the page, by bins of the time since it got the
    number (`ON_PAGE_EDGES`); `after` the same by the time since it left (`AFTER_EDGES`). `strangers` is the rate of
    calls per number by people whom no visit explains, `hours` how much more of them come in each hour of the day (UTC;
    one in the mean). `region_trust` is how often the region of a
    caller is that of the visit, beyond chance; `regions` how often each region calls. `clients` is how many
    clients call the site. `threshold` is the probability from which on an answer is given.
    """

    on_page: tuple[float, ...]
    after: tuple[float, ...]
    strangers: float
    hours: tuple[float, ...]
    region_trust: float
    regions: Mapping[str, float]
    clients: int
    threshold: float
    calls_learned: int = 0

    def on_page_rate(self, elapsed_seconds: float) -> float:
        return self.on_page[min(bisect_right(ON_PAGE_EDGES, elapsed_seconds), ON_PAGE_BINS) - 1]

    def after_rate(self, delay_seconds: float) -> float:
        """The rate after leaving; 0 beyond the horizon of 30 days."""
        if delay_seconds >= HORIZON_SECONDS:
            return 0.0
        return self.after[bisect_right(AFTER_EDGES, delay_seconds) - 1]

    def strangers_rate(self, at: float) -> float:
        """The rate of strangers' calls on one number at a moment, in Unix seconds."""
        return self.strangers * self.hours[int(at // 3600) % 24]

    def region_factor(self, visit_region: str | None, call_region: str | None) -> float:
        """How much more probable the caller's region is if this visit calls than if anybody does."""
        if visit_region is None or call_region is None:
            return 1.0
        agreed = self.region_trust / self.region_share(call_region) if visit_region == call_region else 0.0
        return 1.0 - self.region_trust + agreed

    def region_share(self, region: str) -> float:
        return self.regions.get(region, self.regions.get("", 0.1))

    def to_document(self) -> dict[str, Any]:
        """Plain JSON values; `from_document` reads them back."""
        return {**asdict(self), "version": VERSION}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> DelayLaw:
        """Raises ValueError for a document of another version or with other bins; learn anew then."""
        if document.get("version") != VERSION:
            raise ValueError(_OUTDATED)
        fields = {key: value for key, value in document.items() if key != "version"}
        law = cls(**{**fields, **{name: tuple(fields[name]) for name in ("on_page", "after", "hours")}})
        if len(law.on_page) != ON_PAGE_BINS or len(law.after) != AFTER_BINS:
            raise ValueError(_OUTDATED)
        return law

    def with_threshold(self, threshold: float) -> DelayLaw:
        return replace(self, threshold=threshold)


# --- What is believed before any call was seen ---------------------------------------------------------------------

_CALLS_PER_VISIT = 0.04
_ON_PAGE_SHARE = 0.65
_USUAL_VISIT_SECONDS = 200.0
_MEDIAN_AFTER_SECONDS = 900.0
_AFTER_TAIL = 0.8
_STRANGERS_PER_NUMBER_AND_DAY = 0.05
_REGION_TRUST = 0.4
USUAL_THRESHOLD = 0.8
"""The threshold before a site has calls enough to find its own."""


def prior_law() -> DelayLaw:
    """Two thirds call from the page; of the others half within a quarter of an hour, with a long tail of days."""
    on_page = _CALLS_PER_VISIT * _ON_PAGE_SHARE / _USUAL_VISIT_SECONDS
    after = tuple(
        _CALLS_PER_VISIT * (1 - _ON_PAGE_SHARE) * (_still_to_come(a) - _still_to_come(b)) / (b - a)
        for a, b in pairwise(AFTER_EDGES)
    )
    return DelayLaw(
        on_page=(on_page,) * ON_PAGE_BINS,
        after=after,
        strangers=_STRANGERS_PER_NUMBER_AND_DAY / 86400,
        hours=(1.0,) * 24,
        region_trust=_REGION_TRUST,
        regions={"": 0.1},
        clients=100,
        threshold=USUAL_THRESHOLD,
    )


def _still_to_come(delay_seconds: float) -> float:
    return 1.0 / (1.0 + math.pow(delay_seconds / _MEDIAN_AFTER_SECONDS, _AFTER_TAIL))
