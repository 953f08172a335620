"""The rules document: in and out as TOML and JSON, its schema, and its mistakes in people's words."""

from __future__ import annotations

from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from hub.domain.treatment import FieldValue, LeadOutcome, PersonState
from mapping.catalogue import kind_of
from mapping.check import CrmDefinitions, check
from mapping.defaults import PRESETS, default_rules
from mapping.files import UnreadableFile, format_of, json_schema, read_text, write_text
from mapping.model import (
    EmployeeRule,
    FieldRule,
    PolicyRule,
    Privacy,
    Quality,
    RecordingMode,
    Rules,
    Situation,
    SourceRule,
    TaskRules,
    Who,
)  # fmt: skip
from mapping.schema import RulesError, read_rules, write_rules

FULL = Rules(
    policy=(
        PolicyRule(
            "ads", LeadOutcome.LEAD, (Situation.INBOUND_ANSWERED,), ("+74950000001",), ("yandex",),
            (PersonState.UNKNOWN,), "0", "NEW", (Who.OWNER, Who.ROUND_ROBIN), ("7", "8"), "{source.source}",
        ),
        PolicyRule("rest", LeadOutcome.ACTIVITY_ONLY),
    ),
    employees=(EmployeeRule("101", "7", "Anna"),),
    sources=(SourceRule("yandex", ("yandex/*",), "ADVERTISING"),),
    tasks=TaskRules(who=(Who.FIXED,), users=("7",), within_minutes=15, working_hours=True, title="{client.phone}"),
    fields=(FieldRule("landing", "lead", "UF_CRM_LANDING", "{visit.landing}", always=True),),
    quality=Quality(45, 60, 24),
    recordings=RecordingMode.LINK,
    privacy=Privacy(mask_phones=True, visit_pages=False),
)  # fmt: skip
ONE = [{"name": "a", "outcome": "lead"}]


@pytest.mark.parametrize("form", ["toml", "json"])
@pytest.mark.parametrize("rules", [FULL, default_rules()], ids=["full", "default"])
def test_a_document_comes_back_from_a_file_as_it_went_in(rules: Rules, form: str) -> None:
    text = write_text(write_rules(rules), form)
    assert read_rules(read_text("\ufeff" + text, form)) == rules


def test_the_published_schema_takes_what_the_hub_takes_and_refuses_what_it_refuses() -> None:
    validator = jsonschema.Draft202012Validator(json_schema())
    jsonschema.Draft202012Validator.check_schema(json_schema())
    for document in [write_rules(FULL), *(preset("lead", "ru") for preset in PRESETS.values())]:
        validator.validate(document)
        read_rules(document)
    for wrong in ({}, {"version": 2, "policy": ONE}, {"version": 1, "policy": [{"name": "a", "outcome": "led"}]}):
        assert not validator.is_valid(wrong)
        with pytest.raises(RulesError):
            read_rules(wrong)


def test_ids_may_be_written_as_numbers() -> None:
    found = read_rules({"version": 1, "policy": ONE, "employees": [{"extension": 101, "user": 7}]})
    assert found.employees == (EmployeeRule("101", "7"),)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"policy": ONE}, "version: is missing."),
        ({"version": 1, "policy": ONE, "leads": 1}, "leads: is not known here."),
        ({"version": 1, "policy": [{"name": "From ads", "outcome": "led"}]}, "rule 1 «From ads»: outcome must be one"),
        ({"version": 1, "policy": [{"outcome": "lead"}]}, "rule 1: name is missing."),
        ({"version": 1, "policy": [7]}, "rule 1: must be a table."),
        ({"version": 1, "policy": ONE * 2}, "rule «a»: stands here 2 times"),
        ({"version": 1, "policy": [{**ONE[0], "responsible": ["fixed"]}]}, "rule 1 «a»: users is missing"),
        ({"version": 1, "policy": ONE, "tasks": {"who": ["round_robin"]}}, "tasks: users is missing"),
        ({"version": 1, "policy": ONE, "tasks": {"within_minutes": 0}}, "tasks: within_minutes must be between 1 and"),
        ({"version": 1, "policy": [{**ONE[0], "title": "{source.campain}"}]}, "Did you mean {source.campaign}?"),
        ({"version": 1, "policy": [{**ONE[0], "title": "{x}"}]}, "title names {x}, which is no fact"),
        ({"version": 1, "policy": [{**ONE[0], "situation": ["internal"]}]}, "outcome must be nothing"),
        (
            {"version": 1, "policy": ONE, "fields": [{"name": "f", "entity": "lead", "field": "X", "value": ""}]},
            "field 1 «f»: value must not be empty",
        ),
    ],
)
def test_a_mistake_names_its_rule_and_says_what_to_write(document: dict[str, Any], words: str) -> None:
    with pytest.raises(RulesError) as raised:
        read_rules(document)
    assert words in str(raised.value)
    assert "Nothing was changed." in raised.value.hint
    assert all(mistake.text("ru") != mistake.text("en") for mistake in raised.value.mistakes)
    assert raised.value.mistakes[0].rule


@pytest.mark.parametrize(
    ("text", "form", "words"),
    [("policy = [", "toml", "This is not TOML"), ("{", "json", "This is not JSON"), ("[]", "json", "one table")],
)
def test_a_file_that_cannot_be_read_says_so(text: str, form: str, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_text(text, form)


def test_a_file_may_say_which_schema_describes_it() -> None:
    said = '{"$schema": "https://hub.example/schemas/rules-1.json", "version": 1, "policy": []}'
    assert read_text(said, "json") == {"version": 1, "policy": []}


def test_a_bottomless_file_is_refused() -> None:
    with pytest.raises(UnreadableFile):
        read_text("[" * 100_000, "json")


def test_the_form_of_a_file_is_told_by_its_name() -> None:
    assert (format_of("rules.JSON"), format_of("rules.toml"), format_of("rules")) == ("json", "toml", "toml")


# --- Against the CRM ------------------------------------------------------------------------------------

CRM = CrmDefinitions(
    outcomes=frozenset(LeadOutcome) - {LeadOutcome.UNSORTED},
    only_strangers=frozenset({LeadOutcome.CONTACT_DEAL}),
    leads_have_stages=True,
    first_pipeline="0",
    pipelines=frozenset({"0", "5"}),
    stages={"": frozenset({"NEW"}), "0": frozenset({"C0"}), "5": frozenset({"C5:NEW"})},
    sources=frozenset({"CALL"}),
    users={"7": True, "8": False},
    fields={("lead", "UF_TEXT"): "text", ("lead", "UF_NUMBER"): "number", ("lead", "UF_ODD"): ""},
)


def rule(**more: Any) -> Rules:
    kept = {"outcome": LeadOutcome.LEAD, "person": (PersonState.UNKNOWN,), **more}
    return Rules((PolicyRule("ads", **kept),))


def deal(**more: Any) -> Rules:
    return rule(outcome=LeadOutcome.CONTACT_DEAL, **more)


def field(name: str, value: str) -> Rules:
    return Rules((), fields=(FieldRule("f", "lead", name, value),))


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (rule(stage="GONE"), "rule 1 «ads»: stage points at GONE"),
        (deal(pipeline="9"), "rule 1 «ads»: pipeline points at 9"),
        (deal(pipeline="0", stage="C5:NEW"), "stage of another pipeline"),
        (deal(stage="NEW"), "stage of another pipeline"),
        (rule(stage="C5:NEW"), "stage of another pipeline"),
        (rule(pipeline="5"), "pipeline is 5, but leads have no pipelines"),
        (rule(outcome=LeadOutcome.UNSORTED), "unsorted is not possible"),
        (deal(person=()), "only for unknown clients"),
        (rule(users=("8",)), "points at employee 8"),
        (Rules((), employees=(EmployeeRule("101", "9"),)), "employee 1 «101»: user points at employee 9"),
        (Rules((), tasks=TaskRules(users=("8",))), "tasks: users points at employee 8"),
        (Rules((), sources=(SourceRule("ads", ("*",), "X"),)), "source 1 «ads»: crm_source points at X"),
        (field("UF_GONE", "x"), "field 1 «f»: field points at UF_GONE"),
        (field("UF_NUMBER", "{source.source}"), "value would get text"),
    ],
)
def test_what_the_crm_does_not_have_names_the_rule(rules: Rules, words: str) -> None:
    (mistake,) = check(rules, CRM)
    assert words in mistake.text("en")
    assert mistake.text("ru")


@pytest.mark.parametrize(
    "rules",
    [
        deal(pipeline="5", stage="C5:NEW", users=("7",)),
        deal(stage="C0"),
        deal(),
        rule(stage="NEW"),
        field("UF_NUMBER", "{call.talk_seconds}"),
        field("UF_TEXT", "{call.started_at} {source.source}"),
        field("UF_ODD", "{source.source}"),
        Rules((), fields=(FieldRule("f", "deal", "UF_DEAL", "x"),)),
        Rules((), sources=(SourceRule("ads", ("*",), "CALL"), SourceRule("none", ("x",)))),
    ],
)
def test_what_the_crm_has_is_not_complained_of(rules: Rules) -> None:
    assert check(rules, CRM) == []


def test_a_crm_that_was_never_read_is_not_checked_against() -> None:
    assert check(FULL, CrmDefinitions()) == []


def test_a_field_value_says_where_it_goes() -> None:
    assert FieldValue("lead", "X", "1") == FieldValue("lead", "X", "1", always=False)


def test_a_fixed_number_or_date_fits_a_field_of_numbers_or_dates() -> None:
    kinds = {"1500": "number", "-2,5": "number", "20|EUR": "number", "2026-09-01": "moment", "soon": "text", "": "text"}
    assert {value: str(kind_of(value)) for value in kinds} == kinds
