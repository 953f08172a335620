"""The lead policy: every cell has an answer, the first match wins, and an independent reading says the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.domain.treatment import LeadOutcome, PersonState
from mapping.defaults import INBOUND, PRESETS, default_rules
from mapping.model import PolicyRule, Rules, Situation
from mapping.policy import Cell, decide, is_line, is_source
from mapping.schema import read_rules, write_rules
from tests.mapping.cells import LINES, OUTCOMES, PERSONS, SITUATIONS, answer, cells


def hub_answer(rules: Rules, cell: tuple[Any, Any, Any, Any]) -> tuple[str, str]:
    situation, line, source, person = cell
    found = decide(
        rules,
        Cell(
            Situation(situation),
            Phone(line, line) if line else None,
            Source(*source) if source else None,
            frozenset({PersonState(person)}),
        ),
    )
    return str(found.outcome), found.name


def test_the_words_of_the_document_are_the_twelve_situations_and_five_persons() -> None:
    assert {str(one) for one in Situation} == set(SITUATIONS)
    assert {str(one) for one in PersonState} == set(PERSONS)
    assert {str(one) for one in LeadOutcome} == set(OUTCOMES)


TWELVE: dict[str, Any] = {
    "version": 1,
    "policy": [
        {"name": f"{number} {situation}", "situation": [situation], "person": [person], "outcome": outcome}
        for number, (situation, person, outcome) in enumerate(
            zip(SITUATIONS[:10] + SITUATIONS[11:], PERSONS * 3, OUTCOMES * 3, strict=False)
        )
    ]
    + [{"name": "rest of the ads", "source": ["yandex/cpc/doors"], "line": [LINES[0]], "outcome": "contact_deal"}],
}


@pytest.mark.parametrize(
    "document",
    [TWELVE, write_rules(default_rules()), *(preset("lead", "en") for preset in PRESETS.values())],
    ids=["twelve", "default", *PRESETS],
)
def test_every_cell_is_answered_as_an_independent_reading_answers_it(document: dict[str, Any]) -> None:
    rules, seen = read_rules(document), 0
    for cell in cells():
        if any("*" in one for rule in document["policy"] for one in rule.get("source", [])) and cell[2]:
            continue  # patterns have their own test
        assert hub_answer(rules, cell) == answer(document, cell), cell
        seen += 1
    assert seen >= len(SITUATIONS) * len(LINES) * len(PERSONS)


rule = some.fixed_dictionaries(
    {"outcome": some.sampled_from(OUTCOMES)},
    optional={
        "situation": some.lists(some.sampled_from(SITUATIONS), max_size=4, unique=True),
        "person": some.lists(some.sampled_from(PERSONS), max_size=3, unique=True),
        "line": some.lists(some.sampled_from([line for line in LINES if line]), max_size=2, unique=True),
        "source": some.lists(some.sampled_from(["unknown", "yandex/cpc/doors", "google/organic/"]), max_size=2),
    },
)


@settings(max_examples=60, deadline=None)
@given(some.lists(rule, min_size=1, max_size=8), some.sampled_from(list(cells())))
def test_any_rules_answer_any_cell_as_the_independent_reading_does(lines: list[dict[str, Any]], cell: Any) -> None:
    policy = [
        {**line, "name": str(number), **({"outcome": "nothing"} if line.get("situation") == ["internal"] else {})}
        for number, line in enumerate(lines)
    ]
    document = {"version": 1, "policy": policy}
    assert hub_answer(read_rules(document), cell) == answer(document, cell)


def test_the_defaults_make_one_lead_of_an_unknown_caller_and_nothing_of_anybody_else() -> None:
    rules = default_rules()
    for cell in cells():
        outcome, _ = hub_answer(rules, cell)
        situation, _, _, person = cell
        if situation == "internal":
            assert outcome == "nothing"
        elif person == "unknown" and situation in {*INBOUND, "callback_done", "callback_failed", "form"}:
            assert outcome == "lead"
        else:
            assert outcome == "activity_only"


def test_the_first_of_two_fitting_rules_wins() -> None:
    first, second = PolicyRule("a", LeadOutcome.LEAD), PolicyRule("b", LeadOutcome.NOTHING)
    cell = Cell(Situation.FORM)
    assert decide(Rules((first, second)), cell).name == "a"
    assert decide(Rules((second, first)), cell).name == "b"


def test_a_vip_is_matched_as_vip_and_as_what_the_crm_knows() -> None:
    rules = Rules(
        (PolicyRule("vip", LeadOutcome.NOTHING, person=(PersonState.VIP,)), PolicyRule("rest", LeadOutcome.LEAD))
    )
    both = frozenset({PersonState.VIP, PersonState.UNKNOWN})
    assert decide(rules, Cell(Situation.FORM, persons=both)).name == "vip"
    assert decide(rules, Cell(Situation.FORM)).name == "rest"


@pytest.mark.parametrize(
    ("pattern", "number", "means"),
    [
        ("+7 495 000-00-01", "+74950000001", True),
        ("84950000001", "+74950000001", True),
        ("+74950000002", "+74950000001", False),
        ("7495*", "+74950000001", True),
        ("7812*", "+74950000001", False),
        ("0511", "0511", True),
        ("511", "0511", False),
        ("trunk", "Trunk", True),
        ("trunk", "+74950000001", False),
    ],
)
def test_a_line_is_known_in_every_spelling(pattern: str, number: str, means: bool) -> None:
    phone = Phone(number, number if number.startswith("+") else None)
    assert is_line(pattern, phone) is means
    assert not is_line(pattern, None)


@pytest.mark.parametrize(
    ("pattern", "means"),
    [
        ("yandex", True), ("Yandex/CPC", True), ("yandex/cpc/doors*", True), ("*/cpc", True), ("*", True),
        ("yandex/organic", False), ("google", False), ("unknown", False), ("yandex/*/windows", False),
    ],
)  # fmt: skip
def test_a_source_is_matched_from_the_left_and_by_stars(pattern: str, means: bool) -> None:
    assert is_source(pattern, Source("yandex", "cpc", "doors_msk")) is means


def test_an_unknown_source_is_only_matched_by_its_own_word() -> None:
    assert is_source("unknown", None)
    assert not is_source("*", None)
