"""Learning a site's delay law from calls of which nobody says who made them (expectation and maximisation)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hub.tracking.attribution.holdings import Holding, Index, seconds_at_risk
from hub.tracking.attribution.law import AFTER_BINS, AFTER_EDGES, ON_PAGE_BINS, ON_PAGE_EDGES, DelayLaw, prior_law
from hub.tracking.attribution.smoothing import smooth_rates

_ROUNDS = 40
_SETTLED = 1e-3
_MOST_CALLS = 4000
# What stands for calls not yet seen: strangers, region agreements and disagreements. A site whose numbers come back
# with regular pauses cannot tell strangers from late visitors; there the share that is believed beforehand stays.
_STRANGERS_BEFORE = 6.0
_STRANGERS_SHARE = 0.04
_CALLS_BEFORE = 5.0
_TRUST_BEFORE = (4.0, 6.0)
_OTHER_REGIONS = 0.5
_CALLS_BEFORE_PER_HOUR = 4.0


@dataclass(frozen=True, slots=True)
class CallMoment:
    """A call as the model sees it: `at` in Unix seconds, number, client and region in one spelling."""

    id: str
    number: str
    at: float
    client: str | None
    region: str | None


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One call's possible callers, counted: (bin, all, of which with a known region, of which of the caller's)."""

    bins: tuple[tuple[int, int, int, int], ...]
    region_share: float
    hour_factor: float


@dataclass(frozen=True, slots=True)
class _AtRisk:
    """Seconds during which calls could have come: by bin on the page and after, and of all numbers together."""

    on_page: list[float]
    after: list[float]
    numbers: float


def learn_law(index: Index, calls: Sequence[CallMoment], start: DelayLaw | None = None) -> DelayLaw:
    """The law under which these calls are most probable, given who held the numbers.

    Of a client who called several times only the first call counts: later ones follow other laws. `start` is what is
    believed beforehand, the prior by default. Order of the input does not matter.
    """
    before = start or prior_law()
    firsts = _first_calls(calls)
    regions = _region_shares(index, calls)
    law = replace(
        before, regions=regions, hours=_hours(firsts), clients=max(20, len(firsts)), calls_learned=len(firsts)
    )
    risk = _at_risk(index, calls)
    sightings = [s for call in firsts[-_MOST_CALLS:] if (s := _sighting(index, call, law)) is not None]
    if not sightings or not any(risk.on_page):
        return law
    scaled = len(sightings) / len(firsts)
    risk = _AtRisk([r * scaled for r in risk.on_page], [r * scaled for r in risk.after], risk.numbers * scaled)
    prior = _scaled_to(law, risk, len(sightings))
    return _settle(prior, risk, sightings)


def _settle(prior: DelayLaw, risk: _AtRisk, sightings: Sequence[_Sighting]) -> DelayLaw:
    law = prior
    for _ in range(_ROUNDS):
        following = _one_round(law, prior, risk, sightings)
        moved = max(
            abs(new - old) / (new + old)
            for new, old in zip((*following.after, *following.on_page), (*law.after, *law.on_page), strict=True)
        )
        law = following
        if moved < _SETTLED:
            break
    return law


def _one_round(law: DelayLaw, prior: DelayLaw, risk: _AtRisk, sightings: Sequence[_Sighting]) -> DelayLaw:
    """Share each call out among its possible callers, then take the rates that this shares make most probable."""
    rates = law.on_page + law.after
    counts = [0.0] * len(rates)
    strangers = agreed = comparable = 0.0
    for sighting in sightings:
        same_factor = law.region_trust / sighting.region_share
        weights = []
        by_strangers = total = law.strangers * sighting.hour_factor
        for number, everyone, known, same in sighting.bins:
            trusted = same * same_factor
            plain = everyone - known * law.region_trust
            weight = rates[number] * (plain + trusted)
            total += weight
            weights.append((number, weight, rates[number] * trusted, known, everyone))
        for number, weight, by_region, known, everyone in weights:
            share = weight / total
            counts[number] += share
            agreed += by_region / total
            comparable += share * known / everyone
        strangers += by_strangers / total
    return replace(
        law,
        on_page=tuple(smooth_rates(counts[:ON_PAGE_BINS], risk.on_page, prior.on_page)),
        after=tuple(smooth_rates(counts[ON_PAGE_BINS:], risk.after, prior.after)),
        strangers=(strangers + _STRANGERS_BEFORE) / (risk.numbers + _STRANGERS_BEFORE / prior.strangers),
        region_trust=(agreed + _TRUST_BEFORE[0]) / (comparable + sum(_TRUST_BEFORE)),
    )


def _first_calls(calls: Sequence[CallMoment]) -> list[CallMoment]:
    """The first call of each client, and every call of hidden ones, in the order of time."""
    seen: set[str] = set()
    firsts = []
    for call in sorted(calls, key=lambda c: (c.at, c.id)):
        if call.client is None or call.client not in seen:
            firsts.append(call)
        if call.client is not None:
            seen.add(call.client)
    return firsts


def _region_shares(index: Index, calls: Sequence[CallMoment]) -> dict[str, float]:
    """How often each region calls; those who never did share a little ("")."""
    counts = Counter(call.region for call in calls if call.region is not None)
    places = {held.region for held in index if held.region is not None} | set(counts)
    total = sum(counts.values()) + _OTHER_REGIONS * (len(places) + 1)
    shares = {region: (counts[region] + _OTHER_REGIONS) / total for region in sorted(places)}
    return {**shares, "": _OTHER_REGIONS / total if places else 0.1}


def _hours(calls: Sequence[CallMoment]) -> tuple[float, ...]:
    """When people call at all: each hour of the day (UTC) against the mean, smoothed over its neighbours."""
    counts = Counter(_hour(call) for call in calls)
    total = len(calls) + 24 * _CALLS_BEFORE_PER_HOUR
    known = [24 * (counts[hour] + _CALLS_BEFORE_PER_HOUR) / total for hour in range(24)]
    return tuple((known[hour - 1] + 2 * known[hour] + known[(hour + 1) % 24]) / 4 for hour in range(24))


def _hour(call: CallMoment) -> int:
    return int(call.at // 3600) % 24


def _at_risk(index: Index, calls: Sequence[CallMoment]) -> _AtRisk:
    end = max((call.at for call in calls), default=0.0)
    # Visits after the last call are beyond what was observed, or the calls were handed over for a shorter time.
    holdings = [held for held in index if held.since <= end]
    if not holdings:
        return _AtRisk([0.0] * ON_PAGE_BINS, [0.0] * AFTER_BINS, 0.0)
    begin = min(held.since for held in holdings)
    return _AtRisk(
        seconds_at_risk(sorted(held.left - held.since for held in holdings), ON_PAGE_EDGES),
        seconds_at_risk(sorted(max(0.0, end - held.left) for held in holdings), AFTER_EDGES),
        (end - begin) * len(index.numbers),
    )


def _sighting(index: Index, call: CallMoment, law: DelayLaw) -> _Sighting | None:
    """None for a number that no visit ever held: it says nothing of delays."""
    holders = index.holders(call.number)
    if holders is None:
        return None
    on_page = _on_page_bins(holders.on_page(call.at), call)
    after = holders.gone_by_bin(call.at)
    if call.region is None:
        gone = [(ON_PAGE_BINS + number, count, 0, 0) for number, count in after]
        return _Sighting((*on_page, *gone), 1.0, law.hours[_hour(call)])
    same, unknown = holders.gone_by_bin_of(call.region, call.at), holders.gone_by_bin_of(None, call.at)
    gone = [
        (ON_PAGE_BINS + number, count, count - unknown.get(number, 0), same.get(number, 0)) for number, count in after
    ]
    return _Sighting((*on_page, *gone), law.region_share(call.region), law.hours[_hour(call)])


def _on_page_bins(held_now: Iterable[Holding], call: CallMoment) -> list[tuple[int, int, int, int]]:
    found = []
    for held in held_now:
        number = sum(edge <= call.at - held.since for edge in ON_PAGE_EDGES) - 1
        known = call.region is not None and held.region is not None
        found.append((number, 1, int(known), int(known and held.region == call.region)))
    return found


def _scaled_to(law: DelayLaw, risk: _AtRisk, calls: int) -> DelayLaw:
    """The prior's shape at the level of these calls: sites differ tenfold in how many visitors call."""
    expected = sum(rate * seconds for rate, seconds in zip(law.on_page, risk.on_page, strict=True))
    expected += sum(rate * seconds for rate, seconds in zip(law.after, risk.after, strict=True))
    strangers = law.strangers * risk.numbers
    factor = (calls + _CALLS_BEFORE) / (expected + strangers + _CALLS_BEFORE)
    usual = _STRANGERS_SHARE * _CALLS_BEFORE
    return replace(
        law,
        on_page=tuple(rate * factor for rate in law.on_page),
        after=tuple(rate * factor for rate in law.after),
        strangers=(_STRANGERS_SHARE * calls + usual) / (risk.numbers + usual / law.strangers),
    )
