"""From a call to what a CRM should come to show, with the reasons. Pure, and total: every call has an answer."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.call import Call, Outcome
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.party import Employee
from hub.domain.phone import Phone, format_phone
from hub.domain.treatment import LeadOutcome, PersonState
from mapping.facts import KeptRecording, PlanFacts
from mapping.model import RecordingMode
from mapping.orders import Ruling, private, rule_on, why_fields
from mapping.tasks import tasks
from mapping.turns import Turn


@dataclass(frozen=True, slots=True)
class Plan:
    """`nothing_because` says why there is no intent at all; empty when there are some or none is due yet."""

    intents: tuple[Intent, ...]
    nothing_because: str = ""
    ruling: Ruling | None = None
    """What the rules said; None where it did not come to that."""
    turns: tuple[Turn, ...] = ()
    """What the call uses up of turns, by the state in which the hub knows the client."""


def plan(facts: PlanFacts) -> Plan:
    """All intents that the call calls for at this moment; their keys stay the same as the call goes on."""
    call, facts = facts.call, private(facts)
    refusal = _not_for_a_crm(facts)
    if refusal:
        return Plan((), refusal)
    ruling = rule_on(facts)
    if ruling.nothing:
        return Plan((), facts.say("not_written", rule=ruling.rule.name), ruling)
    user_id, extension, why_user = _responsible(facts)
    about = _call_facts(facts, ruling, user_id, extension)
    reasons = (why_user, *ruling.why, *_why_source(facts))
    intents = [*_cards(facts, about, reasons)]
    turns = ruling.turns
    if call.is_over:
        to_do, task_turns = tasks(facts, about)
        intents += [*_at_the_end(facts, about, reasons), *to_do]
        turns += task_turns
    if _creates(about) and intents:
        intents.insert(0, Intent(IntentKind.ENSURE_LEAD, "lead", about, reasons))
    return Plan(tuple(intents), ruling=ruling, turns=turns)


def _not_for_a_crm(facts: PlanFacts) -> str:
    call = facts.call
    if call.direction is Direction.INTERNAL:
        return facts.say("internal_call")
    if call.direction is None:
        return facts.say("direction_unknown")
    if call.client is None:
        return facts.say("hidden_caller")
    if call.client.e164 is None:
        return facts.say("not_a_full_number", number=call.client.raw)
    return ""


def _responsible(facts: PlanFacts) -> tuple[str | None, str | None, Why]:
    """Who the call is logged on: talked last, else rung first, else the default person."""
    call = facts.call
    if call.answered_by is not None:
        return _known_as(facts, call.answered_by, "talked_last")
    if call.first_rung is not None:
        return _known_as(facts, call.first_rung, "rung_first")
    return facts.default_user_id, None, facts.why("user_id", "default_person", facts.say("nobody_rung"))


def _known_as(facts: PlanFacts, extension: str, rule: str) -> tuple[str | None, str | None, Why]:
    employee = facts.employees.get(extension)
    if employee is None or employee.user_id is None:
        return None, extension, facts.why("user_id", rule, facts.say("stranger", extension=extension))
    return employee.user_id, extension, facts.why("user_id", rule, _named(facts, employee))


def _named(facts: PlanFacts, employee: Employee) -> str:
    return facts.say("employee", name=employee.name, extension=employee.extension)


def _creates(about: CallFacts) -> bool:
    return any(treatment.creates for treatment in about.orders.treatments.values())


def _call_facts(facts: PlanFacts, ruling: Ruling, user_id: str | None, extension: str | None) -> CallFacts:
    call = facts.call
    assert call.direction is not None
    return CallFacts(
        call_id=facts.call_id,
        direction=call.direction,
        client=call.client,
        line=call.line,
        started_at=call.started_at,
        answered=call.outcome is Outcome.ANSWERED,
        talk_seconds=call.talk_seconds,
        wait_seconds=call.wait_seconds,
        ended_at=call.ended_at,
        result=call.missed_reason,
        user_id=user_id,
        extension=extension,
        callback=call.callback_id is not None,
        creates_lead=ruling.orders.treatment(PersonState.UNKNOWN).creates,
        source=facts.source,
        party=facts.party,
        recording_links=() if facts.rules_of.recordings is RecordingMode.NONE else facts.recording_links,
        cost=call.cost,
        rating=call.rating,
        visit=facts.visit,
        orders=ruling.orders,
    )


def _why_source(facts: PlanFacts) -> tuple[Why, ...]:
    if facts.source is None:
        return (facts.why("source", "unknown_stays_unknown", facts.say("nothing_explains")),)
    return (facts.why("source", "where_from", facts.source.evidence),)


# --- While it rings --------------------------------------------------------------------------------


def _cards(facts: PlanFacts, about: CallFacts, reasons: tuple[Why, ...]) -> list[Intent]:
    """A card for each rung employee while it rings; taken away again when somebody else talks."""
    call = facts.call
    if call.direction is not Direction.INBOUND and call.callback_id is None:
        return []
    if about.orders.treatment(facts.person).outcome is LeadOutcome.NOTHING:
        return []
    intents = []
    for extension in call.rung:
        employee = facts.employees.get(extension)
        if employee is None or employee.user_id is None:
            continue
        if extension in call.ringing:
            intents.append(_card(facts, IntentKind.SHOW_CARD, employee, about, reasons))
        elif _card_is_over(call, employee, about):
            intents.append(_card(facts, IntentKind.HIDE_CARD, employee, about, reasons))
    return intents


def _card_is_over(call: Call, employee: Employee, about: CallFacts) -> bool:
    """Whether somebody looks at a card in vain.

    The one whom the call is logged on keeps it: the CRM takes it away when the call is logged. So does whoever
    has just hung up, as long as the call went on to nobody else: its end is told a moment later.
    """
    if call.is_over:
        return employee.user_id != about.user_id
    talks = [leg for leg in call.legs if leg.answered_at is not None]
    mine = [leg for leg in talks if leg.extension == employee.extension]
    goes_on = bool(call.ringing) or any(leg.ended_at is None for leg in talks)
    return not mine or (goes_on and all(leg.ended_at is not None for leg in mine))


def _card(facts: PlanFacts, kind: IntentKind, employee: Employee, about: CallFacts, reasons: tuple[Why, ...]) -> Intent:
    assert employee.user_id is not None
    why = facts.why("", str(kind), _named(facts, employee))
    return Intent(kind, f"{kind}:{employee.user_id}", about, (why, *reasons), about=employee.user_id)


# --- When it is over -------------------------------------------------------------------------------


def _at_the_end(facts: PlanFacts, about: CallFacts, reasons: tuple[Why, ...]) -> list[Intent]:
    call = facts.call
    over = facts.why("", "logged_once", facts.say(f"closing_{call.closing}"))
    intents = [Intent(IntentKind.LOG_CALL, "log", about, (over, *reasons))]
    if facts.source is not None and _creates(about):
        intents.append(Intent(IntentKind.SET_SOURCE, "source", about, _why_source(facts)))
    intents += visit_note(facts, about) or _unknown_note(facts, about)
    intents += card_fields(facts, about, reasons)
    intents += _recordings(facts, about)
    if call.transcript:
        why = (facts.why("", "transcript_attached", facts.say("transcript_is_there")),)
        intents.append(Intent(IntentKind.ATTACH_TRANSCRIPT, "transcript", about, why, phrases=call.transcript))
    return intents


def card_fields(facts: PlanFacts, about: CallFacts, reasons: tuple[Why, ...]) -> list[Intent]:
    """What the rules want to stand on the card beside the call, once the call's facts are there."""
    dressed = any(
        one.pipeline or one.stage or one.title or one.user_id or one.outcome is LeadOutcome.CONTACT_DEAL
        for one in about.orders.treatments.values()
    )
    hidden = bool(about.orders.client_name) and _creates(about)
    if not about.orders.fields and not dressed and not hidden:
        return []
    return [Intent(IntentKind.SET_CARD, "card", about, (*reasons, *why_fields(facts)))]


def _recordings(facts: PlanFacts, about: CallFacts) -> list[Intent]:
    if facts.rules_of.recordings is RecordingMode.NONE:
        return []
    kind, rule = IntentKind.ATTACH_RECORDING, "recordings_attached"
    if facts.rules_of.recordings is RecordingMode.LINK:
        kind, rule = IntentKind.LINK_RECORDING, "recordings_linked"
    why = (facts.why("", rule, facts.say("recording_is_there")),)
    return [
        Intent(
            kind, f"recording:{kept.key}", about, why,
            about=kept.key, link=kept.link, title=_recording_title(facts, kept),
        )
        for kept in facts.recordings
    ]  # fmt: skip


def _recording_title(facts: PlanFacts, kept: KeptRecording) -> str:
    """Whose talk it is, for CRMs that show a recording by its link."""
    employee = facts.employees.get(kept.extension or "")
    if employee is not None:
        return facts.say("recording_of", who=_named(facts, employee))
    return facts.say("recording_of", who=kept.extension) if kept.extension else facts.say("recording")


def _unknown_note(facts: PlanFacts, about: CallFacts) -> list[Intent]:
    """An unknown source is written as unknown, so that nobody takes an empty field for an oversight."""
    unknown = facts.unknown
    if unknown is None or facts.source is not None:
        return []
    stranger = unknown.somebody_else > unknown.best
    key, percent = ("unknown_stranger", "") if stranger else ("unknown_visitor", f"{unknown.best:.0%}")
    number = format_phone(Phone(unknown.number, unknown.number))
    text = facts.say(key, line=number, percent=percent)
    why = facts.why("", "unknown_stays_unknown", facts.say("nothing_explains"))
    return [Intent(IntentKind.ADD_NOTE, "unknown_source", about, (why,), text=text)]


def visit_note(facts: PlanFacts, about: CallFacts) -> list[Intent]:
    """What the client looked at before the call, for whoever opens the card."""
    visit = facts.visit
    if visit is None:
        return []
    lines = [facts.say("visit_text", landing=visit.landing_url or "—", referrer=visit.referrer or "—")]
    if facts.source is not None:
        parts = (facts.source.source, facts.source.medium, facts.source.campaign, facts.source.term)
        lines.append(facts.say("visit_source", source=" / ".join(part for part in parts if part)))
    if visit.pages:
        lines.append(facts.say("visit_pages"))
        shown = [" — ".join(part for part in (page.title, page.url) if part) for page in visit.pages]
        lines += [f"{place}. {page}" for place, page in enumerate(shown, 1)]
    why = facts.why("", "visit_told", facts.source.evidence if facts.source else visit.landing_url)
    return [Intent(IntentKind.ADD_NOTE, "visit", about, (why,), text="\n".join(lines))]
