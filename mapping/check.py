"""Rules against a CRM's own definitions: what is gone, of another pipeline, of another type, or not possible there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hub.domain.treatment import LeadOutcome, PersonState
from mapping.catalogue import Kind, kind_of
from mapping.mistakes import Mistake
from mapping.model import FieldRule, PolicyRule, Rules
from mapping.naming import things_named

_TAKES: Mapping[str, frozenset[Kind]] = {
    "text": frozenset(Kind),
    "number": frozenset({Kind.NUMBER, Kind.FLAG}),
    "moment": frozenset({Kind.MOMENT}),
    "flag": frozenset({Kind.FLAG}),
    "choice": frozenset({Kind.TEXT, Kind.NUMBER}),
}
"""What a field of the CRM takes: a text takes everything."""


@dataclass(frozen=True, slots=True)
class CrmDefinitions:
    """What a CRM says of itself, in the hub's words. An empty part was not told, and is not checked against.

    `stages`: pipeline id to its stages; "" for stages that belong to none (a lead's). `users`: id to whether they still
    work. `fields`: (entity, field) to its type as in `_TAKES`; a type that is not there takes everything. `names`: what
    the CRM calls its things now, by `mapping.naming`. The rest is as `connectors.rules.CrmRules` has it.
    """

    outcomes: frozenset[LeadOutcome] = frozenset(LeadOutcome)
    only_strangers: frozenset[LeadOutcome] = frozenset()
    instead: Mapping[LeadOutcome, LeadOutcome] = field(default_factory=dict)
    first_pipeline: str = ""
    leads_have_stages: bool = False
    own_fields: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    pipelines: frozenset[str] = frozenset()
    stages: Mapping[str, frozenset[str]] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    users: Mapping[str, bool] = field(default_factory=dict)
    fields: Mapping[tuple[str, str], str] = field(default_factory=dict)


def check(rules: Rules, crm: CrmDefinitions, named: Mapping[str, str] | None = None) -> list[Mistake]:
    """Everything in the rules that this CRM would not take, or calls otherwise than `named` says; each names its rule.

    `named` has what things were called when the rules were published, by `mapping.naming`.
    """
    return [
        *(mistake for place, rule in enumerate(rules.policy, 1) for mistake in _policy(place, rule, crm)),
        *_sources(rules, crm),
        *(mistake for place, rule in enumerate(rules.fields, 1) for mistake in _field(place, rule, crm)),
        *_people(rules, crm),
        *_renamed(rules, crm, named or {}),
    ]


def _renamed(rules: Rules, crm: CrmDefinitions, named: Mapping[str, str]) -> Iterator[Mistake]:
    """A thing that is called otherwise may be another thing by now: whoever wrote the rule should know."""
    for one in things_named(rules):
        before, now = named.get(one.key), crm.names.get(one.key)
        if before and now and before != now:
            yield Mistake(one.room, "renamed", one.field, one.place, one.name, (f"{one.id} («{before}»)", now))


def _policy(place: int, rule: PolicyRule, crm: CrmDefinitions) -> Iterator[Mistake]:
    if rule.outcome not in crm.outcomes:
        possible = ", ".join(sorted(crm.outcomes))
        yield Mistake("rule", "outcome", "outcome", place, rule.name, (rule.outcome, possible))
    if rule.outcome in crm.only_strangers and rule.person != (PersonState.UNKNOWN,):
        yield Mistake("rule", "only_strangers", "outcome", place, rule.name, (rule.outcome,))
    if rule.pipeline is not None and crm.pipelines and rule.pipeline not in crm.pipelines:
        yield Mistake("rule", "gone", "pipeline", place, rule.name, (rule.pipeline,))
    if rule.pipeline is not None and _makes_leads(rule, crm):
        yield Mistake("rule", "no_pipeline", "pipeline", place, rule.name, (rule.pipeline,))
    if rule.stage is None or not crm.stages:
        return
    home = "" if _makes_leads(rule, crm) else rule.pipeline or crm.first_pipeline
    if not any(rule.stage in stages for stages in crm.stages.values()):
        yield Mistake("rule", "gone", "stage", place, rule.name, (rule.stage,))
    elif rule.stage not in crm.stages.get(home, frozenset((rule.stage,))):
        yield Mistake("rule", "other_pipeline", "stage", place, rule.name, (rule.stage,))


def _makes_leads(rule: PolicyRule, crm: CrmDefinitions) -> bool:
    """Whether the rule makes a lead that has stages of its own, and no pipeline."""
    return crm.leads_have_stages and crm.instead.get(rule.outcome, rule.outcome) is LeadOutcome.LEAD


def _sources(rules: Rules, crm: CrmDefinitions) -> Iterator[Mistake]:
    for place, rule in enumerate(rules.sources, 1):
        if rule.crm_source is not None and crm.sources and rule.crm_source not in crm.sources:
            yield Mistake("source", "gone", "crm_source", place, rule.name, (rule.crm_source,))


def _field(place: int, rule: FieldRule, crm: CrmDefinitions) -> Iterator[Mistake]:
    known = {entity for entity, _ in crm.fields}
    kind = crm.fields.get((rule.entity, rule.field))
    if kind is None:
        if rule.entity in known and rule.field.startswith(crm.own_fields):
            yield Mistake("field", "gone", "field", place, rule.name, (rule.field,))
        return
    given = kind_of(rule.value)
    if given not in _TAKES.get(kind, frozenset(Kind)):
        yield Mistake("field", "type", "value", place, rule.name, (given, kind))


def _people(rules: Rules, crm: CrmDefinitions) -> Iterator[Mistake]:
    named = [(Mistake("tasks", "fired", "users"), rules.tasks.users)]
    named += [(Mistake("rule", "fired", "users", n, rule.name), rule.users) for n, rule in enumerate(rules.policy, 1)]
    named += [
        (Mistake("employee", "fired", "user", n, rule.name or rule.extension), (rule.user,))
        for n, rule in enumerate(rules.employees, 1)
    ]
    for where, users in named:
        for user in users:
            if crm.users and not crm.users.get(user, False):
                yield Mistake(where.room, "fired", where.field, where.place, where.name, (user,))
