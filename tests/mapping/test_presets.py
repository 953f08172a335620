"""The ready sets, as the owner of such a firm would look at them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.calls.fold import fold
from hub.domain.intents import IntentKind
from hub.domain.party import Source
from hub.domain.treatment import CREATING, OPEN_STATES, LeadOutcome, PersonState
from mapping.defaults import PRESETS, default_rules
from mapping.facts import PlanFacts
from mapping.model import OpenDeal, Rules, Situation
from mapping.plan import plan
from mapping.policy import Cell, decide
from mapping.schema import read_rules
from tests.mapping.test_plan import MISSED

MISSED_CALLS = (Situation.INBOUND_MISSED, Situation.REPEAT_MISSED, Situation.AFTER_HOURS)


def rules_of(name: str, locale: str = "ru") -> Rules:
    return default_rules(locale=locale) if name == "default" else read_rules(PRESETS[name]("lead", locale))


ALL = pytest.mark.parametrize("name", ["default", *PRESETS])


@ALL
def test_a_missed_stranger_becomes_a_card_on_which_a_task_can_hang(name: str) -> None:
    for situation in MISSED_CALLS:
        assert decide(rules_of(name), Cell(situation)).outcome in CREATING


@ALL
def test_whoever_is_being_dealt_with_gets_no_second_card(name: str) -> None:
    for situation in Situation:
        for state in OPEN_STATES:
            rule = decide(rules_of(name), Cell(situation, persons=frozenset({state})))
            assert rule.outcome not in CREATING or rule.open_deal is OpenDeal.REUSE


@ALL
def test_internal_calls_are_never_written(name: str) -> None:
    for state in PersonState:
        rule = decide(rules_of(name), Cell(Situation.INTERNAL, persons=frozenset({state})))
        assert rule.outcome is LeadOutcome.NOTHING


@ALL
def test_each_rule_is_named_in_the_language_of_the_workspace(name: str) -> None:
    for locale, is_russian in (("ru", True), ("en", False)):
        for rule in rules_of(name, locale).policy:
            assert bool(set("абвгдеиклмнопрст") & set(rule.name)) is is_russian, rule.name


@pytest.mark.parametrize("name", list(PRESETS))
def test_the_task_of_a_call_in_the_night_is_for_the_morning(name: str) -> None:
    rules = rules_of(name)
    night = datetime(2026, 9, 5, 22, 0, tzinfo=UTC)  # a Saturday
    monday = datetime(2026, 9, 7, 6, 0, tzinfo=UTC)
    call = replace(fold(MISSED), started_at=night, ended_at=night)
    openings = ((monday, monday.replace(hour=15)),)
    facts = PlanFacts(call=call, call_id="night", rules=rules, after_hours=True, openings=openings)
    (task,) = [one for one in plan(facts).intents if one.kind is IntentKind.ADD_TASK]
    assert task.deadline is not None
    assert 0 < (task.deadline - monday).total_seconds() <= 3600


@pytest.mark.parametrize(
    ("source", "title"),
    [
        (Source("yandex", "cpc", "doors"), "yandex / doors: +7 900 123-45-67"),
        (Source("yandex", "cpc"), "yandex / cpc: +7 900 123-45-67"),
        (Source("vk", "paid_social", "doors"), "vk / doors: +7 900 123-45-67"),
        (Source("yandex", "organic"), ""),
        (None, ""),
    ],
)
def test_an_agency_reads_in_the_title_where_the_client_came_from(source: Source | None, title: str) -> None:
    facts = PlanFacts(call=fold(MISSED), call_id="c", rules=rules_of("agency"), source=source)
    lead = next(one for one in plan(facts).intents if one.kind is IntentKind.ENSURE_LEAD)
    assert lead.call.orders.treatment(PersonState.UNKNOWN).title == title
