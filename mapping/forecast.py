"""What a plan comes to in a CRM, in words that can be compared: what a dry run shows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hub.domain.intents import Intent, IntentKind, Why
from hub.domain.treatment import LeadOutcome, PersonState, Treatment
from mapping.facts import PlanFacts
from mapping.orders import Ruling, rule_on
from mapping.people import user_name
from mapping.plan import Plan, plan
from mapping.turns import Turn


@dataclass(frozen=True, slots=True)
class CrmWays:
    """How a CRM brings outcomes about. `instead`: what it makes in place of an outcome, in the mode that it is in.

    `lead_is_deal`: its deals are its leads. `needs_person`: it keeps no call without a card, so somebody unknown
    becomes a contact where the rules only want the call logged.
    """

    instead: Mapping[LeadOutcome, LeadOutcome] = field(default_factory=dict)
    lead_is_deal: bool = False
    needs_person: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that would be in the CRM: `act` is created, changed or left; `what` and its particulars.

    `parts` has the particulars one by one: pipeline, stage, responsible (the CRM's user), title.
    """

    act: str
    what: str
    words: str = ""
    parts: Mapping[str, str] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the rules make of one call: the situation, the rule that matched, the effects, every reason.

    `becomes` is what the client is to the CRM afterwards, None when nothing is made of them; `turns` are used up.
    """

    situation: str
    rule: str
    effects: tuple[Effect, ...]
    why: tuple[Why, ...]
    becomes: PersonState | None = None
    turns: tuple[Turn, ...] = ()


def forecast(facts: PlanFacts, ways: CrmWays = CrmWays(), planned: Plan | None = None) -> Forecast:
    """What a CRM would come to show of this call, for the client as `facts.person` says.

    `planned` is given where it is no call but a request for one (`mapping.request.plan_request`).
    """
    planned = planned or plan(facts)
    ruling = planned.ruling or rule_on(facts)
    why = tuple(dict.fromkeys(line for intent in planned.intents for line in intent.why))
    seen = _Seen(facts, ways, ruling.orders.treatment(facts.person))
    effects = tuple(_effects(planned, ruling, seen))
    becomes = seen.becomes() if planned.intents else None
    return Forecast(str(ruling.situation), ruling.rule.name, effects, why, becomes, planned.turns)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The call, how its CRM does things, and what the rules say of this client."""

    facts: PlanFacts
    ways: CrmWays
    treatment: Treatment

    @property
    def makes(self) -> bool:
        return self.treatment.makes(self.facts.person)

    @property
    def outcome(self) -> LeadOutcome:
        return self.ways.instead.get(self.treatment.outcome, self.treatment.outcome)

    @property
    def only_a_contact(self) -> bool:
        """Whether somebody unknown becomes a contact so that the call can be kept."""
        is_unknown = self.facts.person is PersonState.UNKNOWN
        return self.ways.needs_person and is_unknown and self.outcome is LeadOutcome.ACTIVITY_ONLY

    @property
    def has_card(self) -> bool:
        """Whether there is a card in the end, on which a task or a note can stand."""
        return self.facts.person is not PersonState.UNKNOWN or self.makes or self.only_a_contact

    def becomes(self) -> PersonState | None:
        """What the client is afterwards; None when nothing is made of them."""
        if self.only_a_contact:
            return PersonState.CONTACT
        if not self.makes:
            return None
        is_lead = self.outcome is LeadOutcome.LEAD and not self.ways.lead_is_deal
        return (
            PersonState.LEAD if is_lead and self.facts.person is PersonState.UNKNOWN else PersonState.CONTACT_WITH_DEAL
        )

    def new_cards(self) -> frozenset[str]:
        """The kinds of cards that the call makes."""
        if self.only_a_contact:
            return frozenset({"contact"})
        if not self.makes:
            return frozenset()
        has_card = self.facts.person in (PersonState.CONTACT, PersonState.CONTACT_WITH_DEAL)
        person = frozenset() if has_card else frozenset({"contact"})
        if self.ways.lead_is_deal:
            return person | {"lead", "deal"}
        return frozenset({"lead"}) if self.outcome is LeadOutcome.LEAD else person | {"deal"}

    def old_cards(self) -> frozenset[str]:
        """The kinds of cards that the call is put on, of a client who has some."""
        match self.facts.person:
            case PersonState.LEAD:
                return frozenset({"lead", "deal"}) if self.ways.lead_is_deal else frozenset({"lead"})
            case PersonState.CONTACT_WITH_DEAL if self.ways.lead_is_deal:
                return frozenset({"contact", "lead", "deal"})
            case PersonState.UNKNOWN:
                return frozenset()
        return frozenset({"contact"})


def _effects(planned: Plan, ruling: Ruling, seen: _Seen) -> Iterator[Effect]:
    if planned.nothing_because:
        yield Effect("left", "nothing", planned.nothing_because)
    elif seen.treatment.outcome is LeadOutcome.NOTHING:
        yield Effect("left", "nothing", ruling.rule.name)
        return
    for intent in planned.intents:
        yield from _of(intent, seen)


def _of(intent: Intent, seen: _Seen) -> Iterator[Effect]:
    match intent.kind:
        case IntentKind.ENSURE_LEAD:
            yield from _made(intent, seen)
        case IntentKind.LOG_CALL:
            yield from _logged(intent, seen)
        case IntentKind.ADD_TASK:
            yield _task(intent, seen)
        case IntentKind.ADD_NOTE if seen.has_card:
            yield Effect("created", "note")
        case IntentKind.ATTACH_RECORDING | IntentKind.LINK_RECORDING:
            yield Effect("changed", str(intent.kind))
        case IntentKind.CLOSE_TASK:
            yield Effect("changed", "task_closed")
        case IntentKind.SET_CARD:
            yield from _fields(intent, seen)


def _task(intent: Intent, seen: _Seen) -> Effect:
    """A task hangs on a card: without one there is nothing to make it on."""
    if not seen.has_card:
        return Effect("left", "task", intent.title)
    who = intent.user_id or seen.facts.owner_user_id or intent.call.user_id
    return Effect("created", "task", intent.title, _stated(responsible=who, title=intent.title))


def _only_contact(intent: Intent, seen: _Seen) -> Effect:
    who = seen.treatment.user_id or intent.call.user_id
    return Effect("created", "contact", user_name(seen.facts, who) or "", _stated(responsible=who))


def _logged(intent: Intent, seen: _Seen) -> Iterator[Effect]:
    if seen.only_a_contact:
        yield _only_contact(intent, seen)
    name = user_name(seen.facts, intent.call.user_id) or intent.call.extension or ""
    yield Effect("created", "call", name, _stated(responsible=intent.call.user_id))


def _fields(intent: Intent, seen: _Seen) -> Iterator[Effect]:
    new, old = seen.new_cards(), seen.old_cards()
    for one in intent.call.orders.fields:
        if one.entity in new or (one.always and one.entity in old):
            yield Effect("changed", f"{one.entity}.{one.field}", one.value)


def _made(intent: Intent, seen: _Seen) -> Iterator[Effect]:
    facts, treatment = seen.facts, seen.treatment
    if not seen.makes:
        asked_for = intent.call.form is not None and seen.only_a_contact
        yield _only_contact(intent, seen) if asked_for else Effect("left", "card", str(facts.person))
        return
    owner = facts.owner_user_id if facts.person is not PersonState.UNKNOWN else None
    who = (owner if treatment.owner_first else None) or treatment.user_id or owner or intent.call.user_id
    parts = (treatment.pipeline, treatment.stage, user_name(facts, who), treatment.title)
    yield Effect(
        "created",
        _what(seen),
        " · ".join(part for part in parts if part),
        _stated(pipeline=treatment.pipeline, stage=treatment.stage, responsible=who, title=treatment.title),
    )


def _what(seen: _Seen) -> str:
    """The outcome; a known client's contact is there, so that only the deal is new."""
    if seen.outcome is LeadOutcome.CONTACT_DEAL and "contact" not in seen.new_cards():
        return "deal"
    return str(seen.outcome)


def _stated(**parts: str | None) -> dict[str, str]:
    return {name: part for name, part in parts.items() if part}


def same(one: Forecast, other: Forecast) -> bool:
    """Whether two rule books come to the same in the CRM, whichever rule said so."""
    return one.effects == other.effects
