"""The pool advisor: more numbers tell callers apart better, and cost more."""

from __future__ import annotations

from hub.tracking.advisor import Span, pool_curve, sizes_for, usual_traffic
from hub.tracking.attribution import prior_law

TRAFFIC = usual_traffic(200, 150)


def test_more_numbers_answer_more_calls_and_cost_more() -> None:
    few, some, many = pool_curve(TRAFFIC, prior_law(), 600, [3, 10, 40], price=2.5)
    assert few.answered + 0.1 < some.answered < many.answered
    assert many.right >= some.right >= 0.9
    assert (few.cost, some.cost, many.cost) == (7.5, 25.0, 100.0)
    assert not few.is_enough


def test_one_visitor_after_the_other_needs_one_number() -> None:
    calm = [Span(n * 7 * 86400.0, n * 7 * 86400.0 + 600) for n in range(60)]
    (alone,) = pool_curve(calm, prior_law(), 600, [1])
    assert alone.answered > 0.9
    assert alone.right > 0.95
    assert alone.cost is None


def test_the_same_figures_have_the_same_advice_and_none_have_none() -> None:
    assert pool_curve(TRAFFIC, prior_law(), 600, [10]) == pool_curve(TRAFFIC[::-1], prior_law(), 600, [10])
    assert pool_curve([], prior_law(), 600, [10]) == []


def test_the_present_pool_is_among_the_sizes() -> None:
    assert 17 in sizes_for(400, present=17)
    assert sizes_for(400) == sorted(set(sizes_for(400)))
    assert sizes_for(0) == [1]
