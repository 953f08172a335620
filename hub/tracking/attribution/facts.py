"""From the facts to the model's values: holdings and call moments, in seconds and comparable spellings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hub.domain.attribution import CallFact, LeaseFact, VisitFact
from hub.tracking.attribution.holdings import Holding
from hub.tracking.attribution.learning import CallMoment
from hub.tracking.attribution.reading import LONGEST_OPEN_LEASE, same_client, same_number, same_region, seconds


def holdings_of(visits: Iterable[VisitFact], leases: Iterable[LeaseFact]) -> list[Holding]:
    """One holding for each visit and number. A lease of a visit that is not listed counts as a visitor of its own."""
    known = {visit.id: visit for visit in visits}
    joined: dict[tuple[str, str], Holding] = {}
    for lease in leases:
        held = _holding(lease, known.get(lease.visit_id) or VisitFact(id=lease.visit_id))
        before = joined.get((held.visit_id, held.number))
        joined[held.visit_id, held.number] = held if before is None else _one_of(before, held)
    return sorted(joined.values(), key=lambda held: (held.since, held.visit_id, held.number))


def _holding(lease: LeaseFact, visit: VisitFact) -> Holding:
    since = seconds(lease.since)
    until = seconds(lease.until) if lease.until else since + LONGEST_OPEN_LEASE.total_seconds()
    last_seen = seconds(visit.last_seen_at) if visit.last_seen_at else until
    return Holding(
        number=same_number(lease.number),
        visit_id=visit.id,
        visitor_id=visit.visitor_id or f"visit:{visit.id}",
        region=same_region(visit.region),
        since=since,
        left=max(since, min(until, last_seen)),
    )


def _one_of(first: Holding, second: Holding) -> Holding:
    """Two leases of one visit on one number are one holding: the page was open in between, or came back to it."""
    return Holding(
        number=first.number,
        visit_id=first.visit_id,
        visitor_id=first.visitor_id,
        region=first.region,
        since=min(first.since, second.since),
        left=max(first.left, second.left),
    )


def moment_of(call: CallFact) -> CallMoment:
    return CallMoment(
        id=call.id,
        number=same_number(call.number),
        at=seconds(call.at),
        client=same_client(call.client),
        region=same_region(call.region),
    )


def moments_of(calls: Iterable[CallFact]) -> Mapping[str, CallMoment]:
    return {call.id: moment_of(call) for call in calls}
