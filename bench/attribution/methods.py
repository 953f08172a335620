"""The methods that are compared: each answers every call with a visit and a probability, or with none."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.attribution.laws import HOUR
from bench.attribution.pools import DEFAULT_NUMBER, SimLease
from bench.attribution.traffic import SimCall, SimVisit
from hub.tracking import CallFact, LeaseFact, VisitFact, attribute

_BEGIN = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Answer:
    visit_id: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Case:
    visits: Sequence[SimVisit]
    leases: Sequence[SimLease]
    calls: Sequence[SimCall]
    numbers: Mapping[str, str]


def ours(case: Case) -> list[Answer]:
    """The posterior of `hub.tracking.attribute`, told nothing but the facts."""
    answers = attribute(
        [VisitFact(v.id, _time(v.start), _time(v.end), v.visitor_id, v.region) for v in case.visits],
        [LeaseFact(le.visit_id, le.number, _time(le.since), _time(le.until)) for le in case.leases],
        [CallFact(c.id, case.numbers[c.id], _time(c.at), c.client, c.region) for c in case.calls],
        default_numbers=[DEFAULT_NUMBER],
    )
    return [Answer(answer.visit_id, answer.probability) for answer in answers]


def last_holder(case: Case) -> list[Answer]:
    """The visit that got the number last before the call, always and with full confidence."""
    leases: defaultdict[str, list[SimLease]] = defaultdict(list)
    for lease in sorted(case.leases, key=lambda lease: lease.since):
        leases[lease.number].append(lease)
    since = {number: [lease.since for lease in held] for number, held in leases.items()}
    return [_last(call.at, leases[number], since.get(number, [])) for call, number in _dialled(case)]


def last_holder_within_an_hour(case: Case) -> list[Answer]:
    """The same, for numbers that rest an hour: later than that there is no answer."""
    ends = {lease.visit_id: lease.until for lease in case.leases}
    return [
        answer if answer.visit_id and call.at <= ends[answer.visit_id] + HOUR else Answer(None, 0.0)
        for call, answer in zip(case.calls, last_holder(case), strict=True)
    ]


def _dialled(case: Case) -> list[tuple[SimCall, str]]:
    return [(call, case.numbers[call.id]) for call in case.calls]


def _last(at: float, held: Sequence[SimLease], since: Sequence[float]) -> Answer:
    place = bisect_right(since, at) - 1
    if place < 0 or held[place].number == DEFAULT_NUMBER:
        return Answer(None, 0.0)
    return Answer(held[place].visit_id, 1.0)


def _time(seconds: float) -> datetime:
    return _BEGIN + timedelta(seconds=seconds)
