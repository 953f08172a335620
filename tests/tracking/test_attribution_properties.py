"""What holds for the answers of every site, whatever its traffic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.tracking import CallFact, EarlierCall, LeaseFact, VisitFact, attribute, attribute_one, prior_law
from tests.tracking.test_attribution import CLIENT, NUMBER, OTHER, at, call, lease, one, visit

MINUTES = st.floats(0, 3000, allow_nan=False)


@st.composite
def sites(draw: st.DrawFn) -> tuple[list[VisitFact], list[LeaseFact], list[CallFact]]:
    visits, leases = [], []
    for number in range(draw(st.integers(0, 12))):
        begin, length = draw(MINUTES), draw(st.floats(0, 40))
        visitor, region = draw(st.sampled_from([None, "a", "b"])), draw(st.sampled_from([None, "x", "y"]))
        visits.append(visit(f"v{number}", begin, begin + length, visitor, region))
        leases.append(lease(f"v{number}", begin, begin + length + 10, draw(st.sampled_from([NUMBER, OTHER]))))
    calls = [
        call(
            draw(MINUTES),
            draw(st.sampled_from([None, CLIENT, "+79001234568"])),
            draw(st.sampled_from([NUMBER, OTHER, "+74959999999"])),
            f"c{number}",
            region=draw(st.sampled_from([None, "x", "z"])),
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    return visits, leases, calls


@given(sites())
@settings(max_examples=150, deadline=None)
def test_probabilities_are_probabilities(given_site: tuple[list[VisitFact], list[LeaseFact], list[CallFact]]) -> None:
    for answer in attribute(*given_site):
        shares = [candidate.probability for candidate in answer.candidates]
        assert all(0 <= share <= 1 + 1e-9 for share in shares)
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) + answer.somebody_else <= 1 + 1e-9
        if len(given_site[0]) <= 10:
            assert sum(shares) + answer.somebody_else > 0.98
        assert answer.visit_id in {None, *(candidate.visit_id for candidate in answer.candidates[:1])}


@given(sites(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_the_input_does_not_matter(
    given_site: tuple[list[VisitFact], list[LeaseFact], list[CallFact]], chance: Any
) -> None:
    plain = {answer.call_id: answer for answer in attribute(*given_site)}
    shuffled = [chance.sample(facts, len(facts)) for facts in given_site]
    for answer in attribute(*shuffled):
        before = plain[answer.call_id]
        assert answer.somebody_else == pytest.approx(before.somebody_else, abs=1e-6)
        assert {c.visit_id: pytest.approx(c.probability, abs=1e-6) for c in answer.candidates} == {
            c.visit_id: c.probability for c in before.candidates
        }


@given(sites())
@settings(max_examples=100, deadline=None)
def test_no_candidate_held_another_number_or_came_later(
    given_site: tuple[list[VisitFact], list[LeaseFact], list[CallFact]],
) -> None:
    visits, leases, calls = given_site
    held = {fact.visit_id: fact for fact in leases}
    for made, answer in zip(calls, attribute(visits, leases, calls), strict=True):
        for candidate in answer.candidates:
            assert held[candidate.visit_id].number == made.number
            assert held[candidate.visit_id].since <= made.at


@given(earlier=st.floats(0, 1), minutes=st.floats(601, 604))
@settings(max_examples=60, deadline=None)
def test_more_evidence_for_the_right_visitor_never_hurts(earlier: float, minutes: float) -> None:
    pairs = [
        (visit("v2", 600, 605, "anna"), lease("v2", 600, 610)),
        (visit("w1", 600, 605, "boris"), lease("w1", 600, 610)),
    ]

    def chance_of_anna(known: float) -> float:
        history = [EarlierCall(at(3), OTHER, {"anna": known})]
        answer = attribute_one(call(minutes), pairs, prior_law(), history)
        return next(c.probability for c in answer.candidates if c.visit_id == "v2")

    assert chance_of_anna(earlier) >= chance_of_anna(earlier / 2) - 1e-9


@given(MINUTES)
@settings(max_examples=60, deadline=None)
def test_more_visits_with_the_number_never_make_the_best_one_more_probable(minutes: float) -> None:
    visits = [visit(f"v{n}", n * 100, n * 100 + 5) for n in range(20)]
    leases = [lease(f"v{n}", n * 100, n * 100 + 10) for n in range(20)]
    few = one(visits[::2], leases[::2], call(minutes), law=prior_law())
    many = one(visits, leases, call(minutes), law=prior_law())
    shares = {candidate.visit_id: candidate.probability for candidate in few.candidates}
    assert all(c.probability <= shares[c.visit_id] + 1e-9 for c in many.candidates if c.visit_id in shares)
