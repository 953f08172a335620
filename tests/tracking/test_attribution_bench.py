"""The bench measures what it says: its traffic is consistent, its scores are arithmetic, its goals can be missed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.attribution.__main__ import MARKS
from bench.attribution.laws import HOUR, LAWS
from bench.attribution.methods import Answer
from bench.attribution.pools import (
    DEFAULT_NUMBER,
    HARD_FREEZE_SECONDS,
    SimLease,
    any_free,
    dialled,
    hard_freeze,
    pool,
    soft_freeze,
)
from bench.attribution.runs import OURS, answered
from bench.attribution.score import score
from bench.attribution.traffic import SimCall, SimVisit, World, simulate

PAGE = Path(__file__).parents[2] / "docs" / "attribution.md"
SMALL = World(LAWS["lognormal"], days=4, visits_per_day=300)
VISITS = [SimVisit(f"v{n}", f"u{n}", n * 60.0, n * 60.0 + 30, "moscow") for n in range(100)]


def numbers_of(leases: list[SimLease]) -> list[str]:
    return [lease.number for lease in leases]


def test_the_same_seed_makes_the_same_traffic_and_another_one_another() -> None:
    assert simulate(SMALL, 1) == simulate(SMALL, 1)
    assert simulate(SMALL, 1) != simulate(SMALL, 2)


def test_a_visitor_calls_after_the_visit_began_and_dials_its_number() -> None:
    visits, calls = simulate(SMALL, 3)
    begins = {visit.id: visit.start for visit in visits}
    leases = soft_freeze(visits, 15, 3)
    numbers = dialled(calls, leases, 15, 3)
    shown = {lease.visit_id: lease.number for lease in leases}
    known = [call for call in calls if call.truth]
    assert known
    assert len(known) < len(calls)
    assert all(call.at >= begins[call.truth] and numbers[call.id] == shown[call.truth] for call in known if call.truth)


def test_soft_freeze_shows_the_number_that_rested_longest() -> None:
    assert numbers_of(soft_freeze(VISITS[:40], 20, 1)) == pool(20) * 2


def test_soft_freeze_and_any_free_never_refuse() -> None:
    for hand_out in (soft_freeze, any_free):
        assert len(hand_out(VISITS, 1, 1)) == len(VISITS)


def test_any_free_shows_no_number_that_is_in_use_while_another_rests() -> None:
    held: dict[str, float] = {}
    for lease in any_free(VISITS, 20, 1):
        assert held.get(lease.number, 0.0) <= lease.since
        held[lease.number] = lease.until


def test_hard_freeze_lets_a_number_rest_or_shows_the_default_one() -> None:
    leases = hard_freeze(VISITS, 5, 1)
    assert DEFAULT_NUMBER in numbers_of(leases)
    freed: dict[str, float] = {}
    for lease in (lease for lease in leases if lease.number != DEFAULT_NUMBER):
        assert lease.since >= freed.get(lease.number, 0.0)
        freed[lease.number] = lease.until + HARD_FREEZE_SECONDS
    assert HARD_FREEZE_SECONDS == HOUR


def sim_call(name: str, truth: str | None) -> SimCall:
    return SimCall(name, 0.0, None, "moscow", truth)


def test_a_score_counts_answers_right_ones_and_the_gap_to_what_was_said() -> None:
    pairs = [
        (sim_call("a", "v1"), Answer("v1", 0.95)),
        (sim_call("b", "v2"), Answer("v1", 0.95)),
        (sim_call("c", "v3"), Answer(None, 0.4)),
        (sim_call("d", "v4"), Answer("v4", 0.55)),
        (sim_call("e", None), Answer("v5", 0.55)),
        (sim_call("f", None), Answer(None, 0.0)),
    ]
    found = score(pairs)
    assert found.answered == pytest.approx(3 / 4)
    assert found.right == pytest.approx(2 / 4)
    assert found.calibration_error == pytest.approx((0.9 + 0.1) / 4)


def test_the_posterior_is_right_more_often_than_the_last_holder() -> None:
    ours = score(answered(SMALL, OURS, 20, 5))
    last = score(answered(SMALL, "soft freeze, last holder", 20, 5))
    assert ours.right > last.right + 0.03
    assert ours.calibration_error < 0.5 * last.calibration_error


def test_where_nobody_leaves_a_trace_the_answer_is_held_back() -> None:
    late = replace(
        SMALL, on_page=0.0, law=lambda chance: chance.uniform(0, 3 * 86400), come_back=0.0, region_agrees=0.0
    )
    assert score(answered(late, OURS, 20, 5)).answered < 0.2


def test_the_examples_of_the_page_run_one_after_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {}
    for example in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(example, names)
    assert "v1" in capsys.readouterr().out
    assert getattr(names["answer"], "visit_id", None) == "v1"


def test_the_page_has_the_place_for_the_tables() -> None:
    page = PAGE.read_text("utf-8")
    assert all(page.count(mark) == 1 for mark in MARKS)
    assert "| Dozvon: soft freeze, posterior | 20 |" in page
