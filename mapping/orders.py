"""What the rules order for the client's card, with the reasons. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hub.domain.intents import Why
from hub.domain.phone import format_phone, mask_phone
from hub.domain.treatment import LIVE_STATES, CardOrders, FieldValue, LeadOutcome, PersonState, Treatment
from mapping.catalogue import fill, kind_of
from mapping.facts import PlanFacts
from mapping.model import PolicyRule, Situation
from mapping.people import said_of
from mapping.policy import Chosen, choose, crm_source_rule, expected, treatments
from mapping.situation import situations
from mapping.turns import Turn, turn_of_rule


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the policy says of a call now: its situation (the likeliest, while it goes on), the rule, the orders.

    `nothing` says that the call is not to be written at all. `turns` are used up by it, once it is over.
    """

    situation: Situation
    rule: PolicyRule
    orders: CardOrders
    nothing: bool
    why: tuple[Why, ...]
    turns: tuple[Turn, ...] = ()


def rule_on(facts: PlanFacts) -> Ruling:
    """The ruling on a call as it stands."""
    possible = situations(facts)
    tables = [treatments(facts, one) for one in possible]
    rules = [expected(facts, one) for one in possible]
    decided = all(_shape(table) == _shape(tables[0]) for table in tables)
    orders = CardOrders(
        treatments=tables[0] if decided else {},
        fields=_fields(facts),
        crm_source=_crm_source(facts),
        undecided=not decided,
        client_name=client_name(facts) if facts.rules_of.privacy.mask_phones else "",
    )
    nothing = all(rule.outcome is LeadOutcome.NOTHING for rule in rules) and _is_certain(tables)
    chosen = _chosen(facts, rules[0], orders)
    why = (*_why(facts, possible[0], rules[0], decided=decided), *_why_whose(facts, chosen))
    return Ruling(possible[0], rules[0], orders, nothing, why, _turns(facts, rules[0], chosen))


def _chosen(facts: PlanFacts, rule: PolicyRule, orders: CardOrders) -> Chosen:
    """Who gets what is made of the client, as far as the rules name somebody; nobody where nothing is made."""
    if not orders.treatment(facts.person).makes(facts.person):
        return Chosen()
    owner = facts.owner_user_id if facts.person is not PersonState.UNKNOWN else None
    return choose(rule.responsible, rule.users, facts, owner, turn_of_rule(rule))


def _why_whose(facts: PlanFacts, chosen: Chosen) -> tuple[Why, ...]:
    return (facts.why("responsible", "whose_card", said_of(facts, chosen)),) if chosen.word else ()


def _turns(facts: PlanFacts, rule: PolicyRule, chosen: Chosen) -> tuple[Turn, ...]:
    if not (facts.call.is_over and chosen.in_turn and chosen.user_id):
        return ()
    return (Turn(turn_of_rule(rule), chosen.user_id),)


def _is_certain(tables: list[Mapping[str, Treatment]]) -> bool:
    """Who the client is, only the CRM knows at the moment of writing: what the hub remembers may be old."""
    return all(
        state in table and table[state].outcome is LeadOutcome.NOTHING for table in tables for state in LIVE_STATES
    )


def _shape(table: Mapping[str, Treatment]) -> dict[str, tuple[LeadOutcome, str | None, str | None]]:
    """What must be known before anything is made; title and person can still be set afterwards."""
    return {state: (one.outcome, one.pipeline, one.stage) for state, one in table.items()}


def _fields(facts: PlanFacts) -> tuple[FieldValue, ...]:
    """Fields whose facts are known; an empty one leaves the CRM's field as it is."""
    if not facts.call.is_over:
        return ()
    filled = ((rule, fill(rule.value, facts)) for rule in facts.rules_of.fields)
    return tuple(
        FieldValue(rule.entity, rule.field, value, rule.always, str(kind_of(rule.value)))
        for rule, value in filled
        if value
    )


def _crm_source(facts: PlanFacts) -> str | None:
    rule = crm_source_rule(facts.rules_of, facts.source)
    return rule.crm_source if rule else None


def client_name(facts: PlanFacts) -> str:
    """The client's number as texts show it."""
    client = facts.call.client
    if client is None:
        return "—"
    return mask_phone(client.display) if facts.rules_of.privacy.mask_phones else format_phone(client)


def _why(facts: PlanFacts, situation: Situation, rule: PolicyRule, *, decided: bool) -> tuple[Why, ...]:
    person = PersonState.VIP if facts.vip else facts.person
    case = facts.say("in_case", situation=facts.say(f"situation_{situation}"), person=facts.say(f"person_{person}"))
    name = rule.name or facts.say("no_rule_left")
    if not decided:
        case = f"{case}; {facts.say('undecided')}"
    why = [Why("creates_lead", name, case, facts.rules_version)]
    source = crm_source_rule(facts.rules_of, facts.source)
    if source is not None and facts.source is not None:
        why.append(
            Why("crm_source", facts.say("source_mapped", name=source.name), facts.source.source, facts.rules_version)
        )
    return tuple(why)


def why_fields(facts: PlanFacts) -> tuple[Why, ...]:
    """For each field that is filled: which line of the rules, and with what."""
    return tuple(
        Why(f"{rule.entity}.{rule.field}", facts.say("field_filled", name=rule.name), value, facts.rules_version)
        for rule in facts.rules_of.fields
        if (value := fill(rule.value, facts))
    )


def private(facts: PlanFacts) -> PlanFacts:
    """The facts without what the rules keep out of the CRM."""
    if facts.visit is None or facts.rules_of.privacy.visit_pages:
        return facts
    return replace(facts, visit=None)
