"""Two documents compared line by line, and what a plan means for a CRM, in words that can be compared. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hub.domain.intents import Intent, IntentKind, Why
from hub.domain.treatment import LeadOutcome
from mapping.facts import PlanFacts
from mapping.orders import Ruling, rule_on
from mapping.plan import Plan, plan


@dataclass(frozen=True, slots=True)
class Change:
    """One line that differs: `sign` is + (new), - (gone) or ~ (changed), or > (moved to another place)."""

    sign: str
    where: str
    words: str = ""


def difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What `after` says otherwise; rules are told apart by their names, and their order counts."""
    found: list[Change] = []
    for part in ("employees", "sources", "policy", "tasks", "fields", "quality", "recordings", "privacy"):
        old, new = before.get(part), after.get(part)
        if isinstance(old, list) or isinstance(new, list):
            found += _lines(part, old or [], new or [])
        elif old != new:
            found += _table(part, old, new)
    return found


def _lines(part: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    before, after = {_key(line): line for line in old}, {_key(line): line for line in new}
    yield from (Change("-", f"{part} «{key}»") for key in before if key not in after)
    for key, line in after.items():
        if key not in before:
            yield Change("+", f"{part} «{key}»", _told(line))
        elif line != before[key]:
            yield from _table(f"{part} «{key}»", before[key], line)
    kept = [key for key in before if key in after], [key for key in after if key in before]
    if kept[0] != kept[1]:
        yield Change(">", part, " → ".join(kept[1]))


def _key(line: Mapping[str, Any]) -> str:
    return str(line.get("extension") or line.get("name"))


def _table(where: str, old: Any, new: Any) -> Iterator[Change]:
    if not isinstance(old or {}, dict) or not isinstance(new or {}, dict):
        yield Change("~", where, f"{_told(old)} → {_told(new)}")
        return
    old, new = old or {}, new or {}
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield Change("~", where, f"{name}: {_told(old.get(name))} → {_told(new.get(name))}")


def _told(value: Any) -> str:
    if value is None:
        return "—"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {_told(inner)}" for name, inner in value.items() if name != "name")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# --- What a plan comes to ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that would be in the CRM: `act` is created, changed or left; `what` and its particulars."""

    act: str
    what: str
    words: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the rules make of one call: the situation, the rule that matched, the effects, every reason."""

    situation: str
    rule: str
    effects: tuple[Effect, ...]
    why: tuple[Why, ...]


def forecast(facts: PlanFacts) -> Forecast:
    """What a CRM would come to show of this call, for the client as `facts.person` says."""
    planned = plan(facts)
    ruling = planned.ruling or rule_on(facts)
    why = tuple(dict.fromkeys(line for intent in planned.intents for line in intent.why))
    return Forecast(str(ruling.situation), ruling.rule.name, tuple(_effects(planned, ruling, facts)), why)


def _effects(planned: Plan, ruling: Ruling, facts: PlanFacts) -> Iterator[Effect]:
    if planned.nothing_because:
        yield Effect("left", "nothing", planned.nothing_because)
    elif ruling.orders.treatment(facts.person).outcome is LeadOutcome.NOTHING:
        yield Effect("left", "nothing", ruling.rule.name)
        return
    for intent in planned.intents:
        yield from _of(intent, facts)


def _of(intent: Intent, facts: PlanFacts) -> Iterator[Effect]:
    match intent.kind:
        case IntentKind.ENSURE_LEAD:
            yield from _made(intent, facts)
        case IntentKind.LOG_CALL:
            yield Effect("created", "call", _person(facts, intent.call.user_id) or intent.call.extension or "")
        case IntentKind.ADD_TASK:
            yield Effect("created", "task", intent.title)
        case IntentKind.ADD_NOTE:
            yield Effect("created", "note")
        case IntentKind.ATTACH_RECORDING | IntentKind.LINK_RECORDING:
            yield Effect("changed", str(intent.kind))
        case IntentKind.CLOSE_TASK:
            yield Effect("changed", "task_closed", intent.about)
        case IntentKind.SET_CARD:
            made = intent.call.orders.treatment(facts.person).creates
            for one in intent.call.orders.fields:
                if made or one.always:
                    yield Effect("changed", f"{one.entity}.{one.field}", one.value)


def _made(intent: Intent, facts: PlanFacts) -> Iterator[Effect]:
    treatment = intent.call.orders.treatment(facts.person)
    if not treatment.creates:
        yield Effect("left", "card", str(facts.person))
        return
    parts = (
        treatment.pipeline,
        treatment.stage,
        _person(facts, treatment.user_id or intent.call.user_id),
        treatment.title,
    )
    yield Effect("created", str(treatment.outcome), " · ".join(part for part in parts if part))


def _person(facts: PlanFacts, user_id: str | None) -> str | None:
    """A user of the CRM by name; by the CRM's id where nobody told the name."""
    return next((one.name for one in facts.employees.values() if user_id and one.user_id == user_id), user_id)


def creates(found: Forecast) -> LeadOutcome | None:
    """What is made of the client; None when nothing is."""
    made = [effect.what for effect in found.effects if effect.act == "created"]
    return next((outcome for outcome in LeadOutcome if outcome in made), None)


def same(one: Forecast, other: Forecast) -> bool:
    """Whether two rule books come to the same in the CRM, whichever rule said so."""
    return one.effects == other.effects
