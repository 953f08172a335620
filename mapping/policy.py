"""The lead policy: which rule holds for a cell of situation, line, source and person. First match wins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.domain.treatment import LIVE_STATES, LeadOutcome, PersonState, Treatment
from mapping.catalogue import fill
from mapping.facts import PlanFacts
from mapping.model import PolicyRule, Rules, Situation, SourceRule, Who

UNKNOWN_SOURCE = "unknown"
_COMPARED_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """One case that the policy must answer. `persons`: the state the CRM keeps, and VIP beside it."""

    situation: Situation
    line: Phone | None = None
    source: Source | None = None
    persons: frozenset[PersonState] = frozenset({PersonState.UNKNOWN})


def decide(rules: Rules, cell: Cell) -> PolicyRule:
    """The first rule whose conditions hold; where none does the call is only logged, and the rule has no name."""
    return next((rule for rule in rules.policy if _holds(rule, cell)), PolicyRule("", LeadOutcome.ACTIVITY_ONLY))


def _holds(rule: PolicyRule, cell: Cell) -> bool:
    return (
        (not rule.situation or cell.situation in rule.situation)
        and (not rule.person or not cell.persons.isdisjoint(rule.person))
        and (not rule.line or any(is_line(pattern, cell.line) for pattern in rule.line))
        and (not rule.source or any(is_source(pattern, cell.source) for pattern in rule.source))
    )


def is_line(pattern: str, line: Phone | None) -> bool:
    """Whether a written number means this line: by its last ten digits, or by * as a pattern over all of them."""
    if line is None:
        return False
    stated, mine = re.sub(r"[^\d*]", "", pattern), re.sub(r"\D", "", line.display)
    if "*" in stated:
        return fnmatchcase(mine, stated)
    if not stated or not mine:
        return pattern.strip().casefold() == line.display.casefold()
    if min(len(stated), len(mine)) < _COMPARED_DIGITS:
        return stated == mine
    return stated[-_COMPARED_DIGITS:] == mine[-_COMPARED_DIGITS:]


def is_source(pattern: str, source: Source | None) -> bool:
    """Whether "source", "source/medium" or "source/medium/campaign" means this touch; * stands for anything."""
    wanted = pattern.strip().casefold()
    if source is None:
        return wanted == UNKNOWN_SOURCE
    parts = ((source.source or ""), (source.medium or ""), (source.campaign or ""))
    return all(fnmatchcase(part.casefold(), piece) for part, piece in zip(parts, wanted.split("/", 2), strict=False))


def crm_source_rule(rules: Rules, source: Source | None) -> SourceRule | None:
    """The first line of `sources` that the touch matches."""
    return next((rule for rule in rules.sources if any(is_source(one, source) for one in rule.source)), None)


# --- For one call -----------------------------------------------------------------------------------


def persons(facts: PlanFacts, state: PersonState) -> frozenset[PersonState]:
    return frozenset({state, PersonState.VIP}) if facts.vip else frozenset({state})


def expected(facts: PlanFacts, situation: Situation) -> PolicyRule:
    """The rule for the client as the hub knows them before it asks the CRM."""
    return decide(facts.rules_of, Cell(situation, facts.call.line, facts.source, persons(facts, facts.person)))


def treatments(facts: PlanFacts, situation: Situation) -> Mapping[str, Treatment]:
    """What is to be done with each kind of client that the CRM may find; a known one that is only logged is missing."""
    found = {}
    for state in LIVE_STATES:
        cell = Cell(situation, facts.call.line, facts.source, persons(facts, state))
        treatment = _treatment(facts, decide(facts.rules_of, cell), state)
        if treatment.outcome is not LeadOutcome.ACTIVITY_ONLY or state is PersonState.UNKNOWN:
            found[str(state)] = treatment
    return found


def _treatment(facts: PlanFacts, rule: PolicyRule, state: PersonState) -> Treatment:
    owner = facts.owner_user_id if state is not PersonState.UNKNOWN else None
    return Treatment(
        rule.outcome,
        rule.name,
        rule.pipeline,
        rule.stage,
        fill(rule.title, facts),
        choose(rule.responsible, rule.users, facts, owner)[0],
    )


# --- People -----------------------------------------------------------------------------------------


def choose(
    who: Collection[Who], users: tuple[str, ...], facts: PlanFacts, owner: str | None
) -> tuple[str | None, Who | None]:
    """The CRM user whom the first fitting word of `who` names, and that word; nobody when none does."""
    for one in who:
        user_id = _named(one, users, facts, owner)
        if user_id is not None:
            return user_id, one
    return None, None


def _named(who: Who, users: tuple[str, ...], facts: PlanFacts, owner: str | None) -> str | None:
    match who:
        case Who.OWNER:
            return owner
        case Who.ANSWERED_BY:
            return _user(facts, facts.call.answered_by)
        case Who.RUNG_FIRST:
            return _user(facts, facts.call.first_rung)
        case Who.ROUND_ROBIN:
            return _in_turn(users, facts.turn)
        case Who.FIXED:
            return users[0] if users else None
    return _in_turn(facts.on_duty, facts.turn)


def _user(facts: PlanFacts, extension: str | None) -> str | None:
    known = facts.employees.get(extension) if extension else None
    return known.user_id if known else None


def _in_turn(users: tuple[str, ...], turn: int) -> str | None:
    return users[turn % len(users)] if users else None
