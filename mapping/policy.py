"""The lead policy: which rule holds for a cell of situation, line, source and person. First match wins."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from hub.domain.party import Source
from hub.domain.phone import Phone
from hub.domain.treatment import LIVE_STATES, LeadOutcome, PersonState, Treatment
from mapping.catalogue import fill
from mapping.facts import PlanFacts
from mapping.model import OpenDeal, PolicyRule, Rules, Situation, SourceRule, Who
from mapping.turns import next_in_turn, turn_of_rule

UNKNOWN_SOURCE = "unknown"
_COMPARED_DIGITS = 10
_MOST_CASES = 20_000
"""Calls fall into few cases: a long document is gone through once for each, not once for each call."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One case that the policy must answer. `persons`: the state the CRM keeps, and VIP beside it."""

    situation: Situation
    line: Phone | None = None
    source: Source | None = None
    persons: frozenset[PersonState] = frozenset({PersonState.UNKNOWN})


def decide(rules: Rules, cell: Cell) -> PolicyRule:
    """The first rule whose conditions hold; where none does the call is only logged, and the rule has no name."""
    case = (cell.situation, cell.line, _touch(cell.source), cell.persons)
    found = rules.found.get(case)
    if found is None:
        mine = _of_situation(rules, cell.situation)
        found = next((rule for rule in mine if _holds(rule, cell)), PolicyRule("", LeadOutcome.ACTIVITY_ONLY))
        if len(rules.found) < _MOST_CASES:
            rules.found[case] = found
    return found


def _of_situation(rules: Rules, situation: Situation) -> tuple[PolicyRule, ...]:
    """The rules that may hold in a situation, in their order."""
    found = rules.by_situation.get(situation)
    if found is None:
        found = tuple(rule for rule in rules.policy if not rule.situation or situation in rule.situation)
        rules.by_situation[situation] = found
    return found


def _touch(source: Source | None) -> tuple[str | None, ...] | None:
    """What rules can tell of a source."""
    return None if source is None else (source.source, source.medium, source.campaign)


def _holds(rule: PolicyRule, cell: Cell) -> bool:
    return (
        (not rule.person or not cell.persons.isdisjoint(rule.person))
        and (not rule.line or any(is_line(pattern, cell.line) for pattern in rule.line))
        and (not rule.source or any(is_source(pattern, cell.source) for pattern in rule.source))
    )


def is_line(pattern: str, line: Phone | None) -> bool:
    """Whether a written number means this line: by its last ten digits, or by * as a pattern over all of them."""
    if line is None:
        return False
    stated, mine = _digits_and_stars(pattern), _digits_and_stars(line.display).replace("*", "")
    if "*" in stated:
        return fnmatchcase(mine, stated)
    if not stated or not mine:
        return pattern.strip().casefold() == line.display.casefold()
    if min(len(stated), len(mine)) < _COMPARED_DIGITS:
        return stated == mine
    return stated[-_COMPARED_DIGITS:] == mine[-_COMPARED_DIGITS:]


@lru_cache(maxsize=4096)
def _digits_and_stars(written: str) -> str:
    return re.sub(r"[^\d*]", "", written)


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
    chosen = choose(rule.responsible, rule.users, facts, owner, turn_of_rule(rule))
    return Treatment(
        rule.outcome,
        rule.name,
        rule.pipeline,
        rule.stage,
        fill(rule.title, facts),
        chosen.user_id,
        reuse=rule.open_deal is OpenDeal.REUSE,
        owner_first=state is not PersonState.UNKNOWN and _before(Who.OWNER, chosen.word, rule.responsible),
    )


def _before(word: Who, chosen: Who | None, who: tuple[Who, ...]) -> bool:
    """Whether `word` stands in the list no later than the one that was taken."""
    return word in who and (chosen is None or who.index(word) <= who.index(chosen))


# --- People -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chosen:
    """A user of the CRM and the word of the rules that named them; both None when nobody is named."""

    user_id: str | None = None
    word: Who | None = None

    @property
    def in_turn(self) -> bool:
        """Whether it was their turn, which is used up by this call."""
        return self.word in (Who.ROUND_ROBIN, Who.ON_DUTY)


def choose(who: Collection[Who], users: tuple[str, ...], facts: PlanFacts, owner: str | None, turn: str) -> Chosen:
    """The CRM user whom the first fitting word of `who` names. `turn` names the queue for words that go by turns."""
    for one in who:
        user_id = _named(one, users, facts, owner, turn)
        if user_id is not None:
            return Chosen(user_id, one)
    return Chosen()


def _named(who: Who, users: tuple[str, ...], facts: PlanFacts, owner: str | None, turn: str) -> str | None:
    match who:
        case Who.OWNER:
            return owner
        case Who.ANSWERED_BY:
            return _user(facts, facts.call.answered_by)
        case Who.RUNG_FIRST:
            return _user(facts, facts.call.first_rung)
        case Who.ROUND_ROBIN:
            return next_in_turn(users, facts.queues.get(turn))
        case Who.FIXED:
            return users[0] if users else None
    return next_in_turn(facts.on_duty, facts.queues.get(turn))


def _user(facts: PlanFacts, extension: str | None) -> str | None:
    known = facts.employees.get(extension) if extension else None
    return known.user_id if known else None
