"""Which visit made this call? The public functions; `docs/attribution.md` explains the method."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.domain.attribution import Attribution, CallFact, EarlierCall, Model
from hub.tracking.attribution.answer import ENOUGH_CALLS, Settings, answer, certain, lost, threshold_for
from hub.tracking.attribution.facts import holdings_of, moment_of
from hub.tracking.attribution.holdings import Index
from hub.tracking.attribution.law import DelayLaw, prior_law
from hub.tracking.attribution.learning import CallMoment, learn_law
from hub.tracking.attribution.posterior import Earlier, Verdict, View, alone, look, look_together, together
from hub.tracking.attribution.reading import (
    StaticSource,
    read_call,
    read_lease,
    read_static,
    read_visit,
    same_number,
    seconds,
)

__all__ = ["DelayLaw", "Settings", "attribute", "attribute_one", "learn", "prior_law"]


def attribute(
    visits: Iterable[object],
    leases: Iterable[object],
    calls: Iterable[object],
    *,
    static_numbers: Mapping[Any, Any] | Iterable[Any] = (),
    default_numbers: Iterable[Any] = (),
    settings: Settings | None = None,
    law: DelayLaw | None = None,
) -> list[Attribution]:
    """Attribute all calls of a site at once; one answer for each call, in the order of `calls`.

    Visits, leases and calls are `VisitFact`, `LeaseFact` and `CallFact`, or mappings or objects with the same
    names; times are aware datetimes. `static_numbers` maps numbers to sources (or lists numbers), `default_numbers`
    are those that everybody sees. The delay law is learned from these very calls unless `law` is given.
    Nothing is read from clocks or chance: the same input has the same answers, in whatever order it comes.
    Raises ValueError for a fact that cannot be read; the message names it.
    """
    settings = settings or Settings()
    facts = [read_call(call) for call in calls]
    index = Index(holdings_of(map(read_visit, visits), map(read_lease, leases)))
    fixed = _without_a_guess(facts, read_static(static_numbers), {same_number(n) for n in default_numbers})
    moments = {place: moment_of(fact) for place, fact in enumerate(facts) if place not in fixed}
    learned = law or learn_law(index, list(moments.values()))
    verdicts = _verdicts(index, moments, learned)
    own = law is None or settings.threshold is not None
    threshold = threshold_for(list(verdicts.values()), settings) if own else learned.threshold
    return [
        fixed[place] if place in fixed else answer(fact, verdicts[place], threshold, settings)
        for place, fact in enumerate(facts)
    ]


def learn(
    visits: Iterable[object],
    leases: Iterable[object],
    calls: Iterable[object],
    *,
    static_numbers: Mapping[Any, Any] | Iterable[Any] = (),
    default_numbers: Iterable[Any] = (),
    settings: Settings | None = None,
) -> DelayLaw:
    """The delay law of a site with its threshold, to be kept (`to_document`) and used for calls as they come."""
    facts = [read_call(call) for call in calls]
    index = Index(holdings_of(map(read_visit, visits), map(read_lease, leases)))
    fixed = _without_a_guess(facts, read_static(static_numbers), {same_number(n) for n in default_numbers})
    moments = {place: moment_of(fact) for place, fact in enumerate(facts) if place not in fixed}
    law = learn_law(index, list(moments.values()))
    verdicts = list(_verdicts(index, moments, law).values())
    return law.with_threshold(threshold_for(verdicts, settings or Settings())) if len(verdicts) >= ENOUGH_CALLS else law


def attribute_one(
    call: object,
    candidates: Iterable[tuple[object, object]],
    law: DelayLaw,
    history: Sequence[EarlierCall] = (),
    *,
    settings: Settings | None = None,
) -> Attribution:
    """Attribute one call as it comes.

    `candidates` are pairs of visit and lease of the called number, of the last 30 days; leases of other numbers do no
    harm. `history` are the same client's earlier calls (`earlier_call` makes them from their attributions).
    A call to a static or default number is not asked about here. Raises ValueError for a fact that cannot be read.
    """
    fact = read_call(call)
    settings = settings or Settings()
    if fact.known_visit_id is not None:
        return certain(fact, fact.known_by, evidence=_KNOWN_BY[fact.known_by])
    pairs = [(read_visit(visit), read_lease(lease)) for visit, lease in candidates]
    index = Index(holdings_of((visit for visit, _ in pairs), (lease for _, lease in pairs)))
    moment = moment_of(fact)
    earlier = [Earlier(seconds(e.at), same_number(e.number), e.visitors) for e in history if e.at <= fact.at]
    view = look(index, moment, law, sorted({visitor for e in earlier for visitor in e.visitors}))
    verdict = together([view], law, {}, earlier)[0] if earlier else alone(view, {})
    threshold = law.threshold if settings.threshold is None else settings.threshold
    return answer(fact, verdict, threshold, settings)


def earlier_call(call: CallFact, attribution: Attribution) -> EarlierCall:
    """What to keep of an attributed call for the next one of the same client."""
    visitors: defaultdict[str, float] = defaultdict(float)
    for candidate in attribution.candidates:
        visitors[candidate.visitor_id] += candidate.probability
    return EarlierCall(call.at, call.number, dict(visitors))


# --- Calls that need no guess ----------------------------------------------------------------------------------------

_KNOWN_BY = {
    Model.CALLBACK: "the visitor asked for this call",
    Model.FORM: "the visitor left this number in a form",
}


def _without_a_guess(
    facts: Sequence[CallFact], static: Mapping[str, StaticSource], default: set[str]
) -> dict[int, Attribution]:
    found = {}
    for place, fact in enumerate(facts):
        number = same_number(fact.number)
        if fact.known_visit_id is not None:
            found[place] = certain(fact, fact.known_by, evidence=_KNOWN_BY.get(fact.known_by, "stated"))
        elif number in static:
            source = static[number].source
            named = f" of {source}" if source else ""
            found[place] = certain(fact, Model.STATIC, evidence=f"the static number{named} was called", source=source)
        elif number in default:
            found[place] = lost(fact)
    return found


# --- All calls of a site ----------------------------------------------------------------------------------------------


def _verdicts(index: Index, moments: Mapping[int, CallMoment], law: DelayLaw) -> dict[int, Verdict]:
    """Verdicts by place. Twice: the second time it is known which visitors have a telephone already."""
    groups = _by_client(moments)
    views = {
        client: look_together(index, [moments[place] for place in places], law) for client, places in groups.items()
    }
    first = {client: _verdicts_of(seen, law, {}) for client, seen in views.items()}
    callers = {client: _visitors_of(verdicts) for client, verdicts in first.items()}
    taken: defaultdict[str, float] = defaultdict(float)
    for client, visitors in callers.items():
        for visitor, probability in visitors.items() if not client.startswith(_HIDDEN) else ():
            taken[visitor] += probability
    found: dict[int, Verdict] = {}
    for client, places in groups.items():
        by_others = {} if client.startswith(_HIDDEN) else _by_others(taken, callers[client])
        found.update(zip(places, _verdicts_of(views[client], law, by_others), strict=True))
    return found


_HIDDEN = "\0"


def _by_client(moments: Mapping[int, CallMoment]) -> dict[str, list[int]]:
    """The places of each client's calls in the order of time; a hidden caller is a client of their own."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for place, moment in sorted(moments.items(), key=lambda item: (item[1].at, item[1].id)):
        groups[moment.client if moment.client is not None else f"{_HIDDEN}{place}"].append(place)
    return groups


def _verdicts_of(views: Sequence[View], law: DelayLaw, taken: Mapping[str, float]) -> list[Verdict]:
    return [alone(views[0], taken)] if len(views) == 1 else together(views, law, taken)


def _visitors_of(verdicts: Sequence[Verdict]) -> dict[str, float]:
    """How probably each visitor made any of these calls."""
    found: dict[str, float] = {}
    for verdict in verdicts:
        mine: defaultdict[str, float] = defaultdict(float)
        for suspect, share in zip(verdict.view.suspects, verdict.shares, strict=True):
            mine[suspect.holding.visitor_id] += share
        for visitor, share in mine.items():
            found[visitor] = max(found.get(visitor, 0.0), share)
    return found


def _by_others(taken: Mapping[str, float], own: Mapping[str, float]) -> dict[str, float]:
    """How probably each of these visitors called from another telephone."""
    return {visitor: max(0.0, taken[visitor] - share) for visitor, share in own.items()}
