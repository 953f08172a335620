"""Who made a call: the rates of all who could have, weighed against each other and against the client's other calls."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from hub.tracking.attribution.holdings import Holders, Holding, Index
from hub.tracking.attribution.law import HORIZON_SECONDS, DelayLaw
from hub.tracking.attribution.learning import CallMoment

STRANGER = ""
"""The visitor id that stands for somebody else."""

# A client's later call is from another browser, or another person at the same telephone, this often.
_CHANGED_IDENTITY = 0.15
# This share of clients dials the same number again within the horizon, most of them soon.
_REDIAL_SHARE = 0.3
_REDIAL_SOON_SECONDS = 60.0
_REDIAL_SCALE = math.log((HORIZON_SECONDS + _REDIAL_SOON_SECONDS) / _REDIAL_SOON_SECONDS)
# A visitor who is known to have called from one telephone calls from another one this much more rarely.
_SECOND_TELEPHONE = 0.1
_STRANGER_KNOWS_ANOTHER_NUMBER = 0.02
_LISTED = 40
_LEAST_BELIEF = 1e-6


@dataclass(frozen=True, slots=True)
class Suspect:
    """A holding and the rate at which it makes such a call; `delay` 0 on the page."""

    holding: Holding
    rate: float
    delay: float
    on_page: bool


@dataclass(frozen=True, slots=True)
class View:
    """One call and all who could have made it. `others` is the rate of holdings too old to be listed."""

    call: CallMoment
    suspects: tuple[Suspect, ...]
    others: float
    strangers: float

    @property
    def total(self) -> float:
        return sum(suspect.rate for suspect in self.suspects) + self.others + self.strangers


@dataclass(frozen=True, slots=True)
class Verdict:
    """Probabilities for one call: by place in the view's suspects, and of somebody else.

    `by_history` tells how far other calls of the client moved the best suspect, as a factor.
    """

    view: View
    shares: tuple[float, ...]
    somebody_else: float
    by_history: float = 1.0

    @property
    def best(self) -> float:
        """The probability of the best suspect; 0 where there is none."""
        return max(self.shares, default=0.0)


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier call of the client and who made it: probabilities by visitor, the rest is somebody else."""

    at: float
    number: str
    visitors: Mapping[str, float] = field(default_factory=dict)


def look(index: Index, call: CallMoment, law: DelayLaw, visitors: Iterable[str] = ()) -> View:
    """The view of one call. The latest holdings are listed, and those of `visitors`; the rest is summed up."""
    strangers = law.strangers_rate(call.at)
    holders = index.holders(call.number)
    if holders is None:
        return View(call, (), 0.0, strangers)
    listed = list(islice(holders.gone(call.at), _LISTED))
    if len(listed) == _LISTED:
        known = {(held.visit_id, held.since) for held in listed}
        older = (held for visitor in visitors for held in index.of_visitor(visitor, call.number, call.at))
        listed += [held for held in older if (held.visit_id, held.since) not in known]
    gone = [_gone(held, call, law) for held in listed]
    others = 0.0
    if len(listed) >= _LISTED:
        others = max(0.0, _rate_of_gone(holders, call, law) - sum(suspect.rate for suspect in gone))
    return View(call, (*(_on_page(held, call, law) for held in holders.on_page(call.at)), *gone), others, strangers)


def look_together(index: Index, calls: Sequence[CallMoment], law: DelayLaw) -> list[View]:
    """The views of all calls of one client: who is listed for one call is looked for behind all of them."""
    views = [look(index, call, law) for call in calls]
    if len(views) == 1 or all(view.others == 0.0 for view in views):
        return views
    visitors = sorted({suspect.holding.visitor_id for view in views for suspect in view.suspects})
    return [look(index, call, law, visitors) for call in calls]


def _on_page(held: Holding, call: CallMoment, law: DelayLaw) -> Suspect:
    rate = law.on_page_rate(call.at - held.since) * law.region_factor(held.region, call.region)
    return Suspect(held, rate, 0.0, on_page=True)


def _gone(held: Holding, call: CallMoment, law: DelayLaw) -> Suspect:
    delay = call.at - held.left
    return Suspect(held, law.after_rate(delay) * law.region_factor(held.region, call.region), delay, on_page=False)


def _rate_of_gone(holders: Holders, call: CallMoment, law: DelayLaw) -> float:
    everyone = holders.gone_by_bin(call.at)
    if call.region is None:
        return sum(law.after[number] * count for number, count in everyone)
    same, unknown = holders.gone_by_bin_of(call.region, call.at), holders.gone_by_bin_of(None, call.at)
    agreed = law.region_trust / law.region_share(call.region)
    return sum(
        law.after[number] * (count - (count - unknown.get(number, 0)) * law.region_trust + same.get(number, 0) * agreed)
        for number, count in everyone
    )


# --- One call ------------------------------------------------------------------------------------------------------


def alone(view: View, taken: Mapping[str, float]) -> Verdict:
    """The verdict on a call whose client is not known otherwise."""
    rates = [suspect.rate * _still_free(suspect, taken) for suspect in view.suspects]
    total = sum(rates) + view.others + view.strangers
    return Verdict(view, tuple(rate / total for rate in rates), view.strangers / total)


def _still_free(suspect: Suspect, taken: Mapping[str, float]) -> float:
    return 1.0 - (1.0 - _SECOND_TELEPHONE) * min(1.0, taken.get(suspect.holding.visitor_id, 0.0))


# --- All calls of one client -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Scene:
    """One call of several: rates by visitor, what is redialled (visitor → place in suspects), and of chance."""

    view: View
    rates: tuple[float, ...]
    total: float
    by_visitor: Mapping[str, float]
    redial: float
    redialled: Mapping[str, int]
    stranger: float
    odd: float


def together(
    views: Sequence[View], law: DelayLaw, taken: Mapping[str, float], earlier: Sequence[Earlier] = ()
) -> list[Verdict]:
    """The verdicts on all calls of one client, in the order of `views` (by time).

    The client is mostly one person: for each visitor, and for somebody else, all calls are explained together;
    each single call may yet be an odd one, made by another person or from a browser that forgot who it was.
    """
    scenes = [_scene(number, views, law, taken, earlier) for number in range(len(views))]
    belief = _belief(scenes, earlier)
    return [_verdict(scene, belief) for scene in scenes]


def _scene(
    number: int, views: Sequence[View], law: DelayLaw, taken: Mapping[str, float], earlier: Sequence[Earlier]
) -> _Scene:
    view = views[number]
    rates = tuple(suspect.rate * _still_free(suspect, taken) for suspect in view.suspects)
    by_visitor: dict[str, float] = {}
    for suspect, rate in zip(view.suspects, rates, strict=True):
        by_visitor[suspect.holding.visitor_id] = by_visitor.get(suspect.holding.visitor_id, 0.0) + rate
    before = [v.call.at for v in views[:number] if v.call.number == view.call.number]
    before += [e.at for e in earlier if e.number == view.call.number]
    redial = sum(_redial_rate(view.call.at - at) for at in before)
    is_first = number == 0 and not earlier
    stranger = view.strangers if is_first else redial + view.strangers * _STRANGER_KNOWS_ANOTHER_NUMBER
    odd = _CHANGED_IDENTITY / law.clients
    redialled = _redialled(view, min(before)) if before else {}
    total = sum(rates) + view.others + view.strangers
    return _Scene(view, rates, total, by_visitor, redial, redialled, stranger, odd)


def _redialled(view: View, first_at: float) -> dict[str, int]:
    """For each visitor the holding whose number the first call dialled: the best of those before it."""
    found: dict[str, int] = {}
    for place, suspect in enumerate(view.suspects):
        if suspect.holding.since <= first_at:
            best = found.get(suspect.holding.visitor_id)
            if best is None or view.suspects[best].holding.since < suspect.holding.since:
                found[suspect.holding.visitor_id] = place
    return found


def _redial_rate(seconds_since: float) -> float:
    if seconds_since >= HORIZON_SECONDS:
        return 0.0
    return _REDIAL_SHARE / (_REDIAL_SCALE * (seconds_since + _REDIAL_SOON_SECONDS))


def _explained(scene: _Scene, visitor: str) -> float:
    """The rate at which this person makes this call, odd calls included."""
    if visitor == STRANGER:
        own = scene.stranger
    else:
        own = scene.by_visitor.get(visitor, 0.0) + (scene.redial if visitor in scene.redialled else 0.0)
    return (1.0 - _CHANGED_IDENTITY) * own + scene.odd * scene.total


def _belief(scenes: Sequence[_Scene], earlier: Sequence[Earlier]) -> dict[str, float]:
    """Who the client is, as probabilities that sum to one."""
    visitors = {STRANGER}.union(*(scene.by_visitor for scene in scenes))
    logs = {
        visitor: sum(math.log(_explained(scene, visitor)) for scene in scenes) + math.log(_before(earlier, visitor))
        for visitor in sorted(visitors)
    }
    highest = max(logs.values())
    weights = {visitor: math.exp(value - highest) for visitor, value in logs.items()}
    total = sum(weights.values())
    return {visitor: weight / total for visitor, weight in weights.items()}


def _before(earlier: Sequence[Earlier], visitor: str) -> float:
    """What earlier calls say of who the client is: their mean, as each of them has learned from those before it."""
    if not earlier:
        return 1.0
    chances = [
        1.0 - sum(call.visitors.values()) if visitor == STRANGER else call.visitors.get(visitor, 0.0)
        for call in earlier
    ]
    return max(_LEAST_BELIEF, sum(chances) / len(chances))


def _verdict(scene: _Scene, belief: Mapping[str, float]) -> Verdict:
    shares = [0.0] * len(scene.rates)
    odd_share = 0.0
    own: dict[str, float] = {}
    for visitor, believed in belief.items():
        explained = _explained(scene, visitor)
        odd_share += believed * scene.odd / explained
        own[visitor] = believed * (1.0 - _CHANGED_IDENTITY) / explained
    for place, (suspect, rate) in enumerate(zip(scene.view.suspects, scene.rates, strict=True)):
        shares[place] = rate * (own.get(suspect.holding.visitor_id, 0.0) + odd_share)
    for visitor, place in scene.redialled.items():
        shares[place] += own.get(visitor, 0.0) * scene.redial
    somebody_else = own[STRANGER] * scene.stranger + odd_share * scene.view.strangers
    best = max(range(len(shares)), key=shares.__getitem__, default=None)
    lone = 0.0 if best is None else scene.rates[best] / scene.total
    return Verdict(
        scene.view,
        tuple(shares),
        somebody_else,
        by_history=1.0 if best is None else shares[best] / max(lone, 1e-12),
    )
