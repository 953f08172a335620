"""What a plan comes to, and what one document says otherwise than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hub.calls.fold import fold
from hub.domain.events import Direction
from hub.domain.party import ClientHistory
from hub.domain.treatment import LeadOutcome, PersonState
from mapping.compare import difference
from mapping.facts import KeptRecording, PlanFacts
from mapping.forecast import Effect, forecast, same
from mapping.model import FieldRule, PolicyRule, Privacy
from mapping.schema import read_rules
from tests.delivery.story import rings
from tests.mapping.test_plan import ANSWERED, MISSED
from tests.mapping.test_rules_in_plans import SOURCE, UNKNOWN, VISIT, book, told


def effects(facts: PlanFacts) -> set[tuple[str, str]]:
    return {(effect.act, effect.what) for effect in forecast(facts).effects}


def test_a_forecast_tells_what_is_created_changed_and_left() -> None:
    rules = book(
        PolicyRule("new", LeadOutcome.LEAD, person=UNKNOWN, stage="NEW"),
        fields=(FieldRule("a", "lead", "A", "x"), FieldRule("b", "lead", "B", "x", always=True)),
    )
    kept = (KeptRecording("5", "https://hub.example/r/x", "101"),)
    open_task = ClientHistory(("t1",))
    facts = told(*ANSWERED, rules=rules, recordings=kept, history=open_task, visit=VISIT, source=SOURCE)
    assert effects(facts) == {
        ("created", "lead"), ("created", "call"), ("created", "note"), ("changed", "lead.A"), ("changed", "lead.B"),
        ("changed", "attach_recording"), ("changed", "task_closed"),
    }  # fmt: skip
    known = replace(facts, person=PersonState.CONTACT, history=ClientHistory())
    assert ("left", "card") in effects(known)
    assert ("changed", "lead.A") not in effects(known)
    assert ("changed", "lead.B") not in effects(known)
    assert ("changed", "lead.B") in effects(replace(known, person=PersonState.LEAD))
    assert Effect("created", "lead", "NEW · Anna") in forecast(facts).effects
    assert (forecast(facts).becomes, forecast(known).becomes) == (PersonState.LEAD, None)
    assert forecast(facts).rule == "new"


def test_a_forecast_tells_of_tasks_and_of_what_is_not_written() -> None:
    assert ("created", "task") in effects(told(*MISSED, rules=book()))
    nothing = book(PolicyRule("strangers", LeadOutcome.NOTHING, person=UNKNOWN))
    assert forecast(told(*ANSWERED, rules=nothing)).effects == (Effect("left", "nothing", "strangers"),)
    internal = replace(told(*ANSWERED, rules=book()), call=replace(fold(ANSWERED), direction=Direction.INTERNAL))
    hidden = replace(internal, call=replace(internal.call, client=None), rules=book(privacy=Privacy(mask_phones=True)))
    assert forecast(hidden).effects[0].words == forecast(internal).effects[0].words
    assert forecast(internal).effects[0].words == "internal call: kept in the hub, not written to a CRM"
    assert effects(told(rings("101", 1), rules=book())) == {("created", "lead")}


def test_two_books_are_the_same_when_the_crm_would_show_the_same() -> None:
    one_name = forecast(told(*ANSWERED, rules=book(PolicyRule("a", LeadOutcome.LEAD))))
    other_name = forecast(told(*ANSWERED, rules=book(PolicyRule("b", LeadOutcome.LEAD))))
    assert same(one_name, other_name)
    assert not same(one_name, forecast(told(*ANSWERED, rules=book(PolicyRule("a", LeadOutcome.CONTACT_DEAL)))))


def test_a_difference_names_each_rule_that_changed() -> None:
    before: Mapping[str, Any] = {
        "policy": [
            {"name": "a", "outcome": "lead"},
            {"name": "b", "outcome": "nothing"},
            {"name": "c", "outcome": "lead"},
        ],
        "tasks": {"within_minutes": 60},
    }
    after = {
        "policy": [
            {"name": "c", "outcome": "lead"}, {"name": "a", "outcome": "lead", "person": ["unknown", "lead"]},
            {"name": "d", "outcome": "lead"},
        ],
        "tasks": {"within_minutes": 15},
        "recordings": "link",
    }  # fmt: skip
    assert [(c.sign, c.where, c.words) for c in difference(before, after)] == [
        ("-", "policy «b»", ""),
        ("~", "policy «a»", "person: — → unknown, lead"),
        ("+", "policy «d»", "outcome: lead"),
        (">", "policy", "c → a"),
        ("~", "tasks", "within_minutes: 60 → 15"),
        ("~", "recordings", "— → link"),
    ]
    assert difference(before, before) == []


def test_a_rule_may_be_read_from_its_document() -> None:
    assert read_rules({"version": 1, "policy": [{"name": "a", "outcome": "lead"}]}).policy[0].person == ()
