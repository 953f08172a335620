"""From a call to what a CRM should come to show, with the reasons. Pure, and total: every call has an answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hub.domain.call import Call, Outcome
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.party import TASK_ON_ITS_WAY, Employee
from hub.domain.phone import format_phone
from mapping.facts import PlanFacts
from mapping.words import say

MISSED_TASK_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """`nothing_because` says why there is no intent at all; empty when there are some or none is due yet."""

    intents: tuple[Intent, ...]
    nothing_because: str = ""


def plan(facts: PlanFacts) -> Plan:
    """All intents that the call calls for at this moment; their keys stay the same as the call goes on."""
    call = facts.call
    refusal = _not_for_a_crm(call)
    if refusal:
        return Plan((), refusal)
    user_id, extension, why_user = _responsible(facts)
    about = _call_facts(facts, user_id, extension)
    reasons = (why_user, *_why_lead(about), *_why_source(facts))
    intents = [*_cards(facts, about, reasons)]
    if call.is_over:
        intents += _at_the_end(facts, about, reasons)
    if about.creates_lead and intents:
        intents.insert(0, Intent(IntentKind.ENSURE_LEAD, "lead", about, reasons))
    return Plan(tuple(intents))


def _not_for_a_crm(call: Call) -> str:
    if call.direction is Direction.INTERNAL:
        return "internal call: kept in the hub, not written to a CRM"
    if call.direction is None:
        return "the direction is not known yet"
    if call.client is None:
        return "the caller hid the number: kept in the hub, not written to a CRM"
    if call.client.e164 is None:
        return f"{call.client.raw} is not a full public number: kept in the hub, not written to a CRM"
    return ""


def _responsible(facts: PlanFacts) -> tuple[str | None, str | None, Why]:
    """Who the call is logged on: talked last, else rung first, else the default person."""
    call = facts.call
    if call.answered_by is not None:
        return _known_as(facts, call.answered_by, "talked with the client last")
    if call.first_rung is not None:
        return _known_as(facts, call.first_rung, "rung first, nobody talked")
    return facts.default_user_id, None, Why("user_id", "default person", "nobody was rung")


def _known_as(facts: PlanFacts, extension: str, rule: str) -> tuple[str | None, str | None, Why]:
    employee = facts.employees.get(extension)
    if employee is None or employee.user_id is None:
        fact = f"extension {extension}, whom the CRM is not known to list"
        return None, extension, Why("user_id", rule, fact)
    return employee.user_id, extension, Why("user_id", rule, f"{employee.name}, extension {extension}")


def _call_facts(facts: PlanFacts, user_id: str | None, extension: str | None) -> CallFacts:
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
        creates_lead=call.direction is Direction.INBOUND,
        source=facts.source,
        recording_links=facts.recording_links,
    )


def _why_lead(about: CallFacts) -> tuple[Why, ...]:
    if about.creates_lead:
        return (Why("creates_lead", "an unknown caller becomes one lead", "inbound call"),)
    return (Why("creates_lead", "outbound calls create nothing", "outbound call"),)


def _why_source(facts: PlanFacts) -> tuple[Why, ...]:
    if facts.source is None:
        return (Why("source", "unknown stays unknown", "no visit and no static number explains this call"),)
    return (Why("source", "where the client came from", facts.source.evidence),)


# --- While it rings --------------------------------------------------------------------------------


def _cards(facts: PlanFacts, about: CallFacts, reasons: tuple[Why, ...]) -> list[Intent]:
    """A card for each rung employee while it rings; taken away again when somebody else talks."""
    call = facts.call
    if call.direction is not Direction.INBOUND:
        return []
    intents = []
    for extension in call.rung:
        employee = facts.employees.get(extension)
        if employee is None or employee.user_id is None:
            continue
        if extension in call.ringing:
            intents.append(_card(IntentKind.SHOW_CARD, employee, about, reasons, "rings now"))
        elif _card_is_over(call, employee, about):
            intents.append(_card(IntentKind.HIDE_CARD, employee, about, reasons, "rings no more and does not talk"))
    return intents


def _card_is_over(call: Call, employee: Employee, about: CallFacts) -> bool:
    """The one whom the call is logged on keeps the card: the CRM takes it away when the call is logged."""
    if call.is_over:
        return employee.user_id != about.user_id
    return not any(
        leg.extension == employee.extension and leg.answered_at is not None and leg.ended_at is None
        for leg in call.legs
    )


def _card(kind: IntentKind, employee: Employee, about: CallFacts, reasons: tuple[Why, ...], rule: str) -> Intent:
    assert employee.user_id is not None
    why = Why("", rule, f"{employee.name}, extension {employee.extension}")
    return Intent(kind, f"{kind}:{employee.user_id}", about, (why, *reasons), about=employee.user_id)


# --- When it is over -------------------------------------------------------------------------------


def _at_the_end(facts: PlanFacts, about: CallFacts, reasons: tuple[Why, ...]) -> list[Intent]:
    call = facts.call
    over = Why("", "every call that is over is logged once", f"{call.outcome}, {call.closing}")
    intents = [Intent(IntentKind.LOG_CALL, "log", about, (over, *reasons))]
    if facts.source is not None and about.creates_lead:
        intents.append(Intent(IntentKind.SET_SOURCE, "source", about, _why_source(facts)))
    intents += [
        Intent(
            IntentKind.ATTACH_RECORDING,
            f"recording:{kept.key}",
            about,
            (Why("", "recordings are attached when they are there", f"recording {kept.key}"),),
            about=kept.key,
            link=kept.link,
        )
        for kept in facts.recordings
    ]
    return intents + _tasks(facts, about)


def _tasks(facts: PlanFacts, about: CallFacts) -> list[Intent]:
    call, open_tasks = facts.call, facts.history.open_task_keys
    if call.outcome is Outcome.ANSWERED:
        why = (Why("", "a task is closed when somebody has talked to the client", "answered call"),)
        made = [key for key in open_tasks if not key.startswith(TASK_ON_ITS_WAY)]
        return [Intent(IntentKind.CLOSE_TASK, f"close_task:{key}", about, why, about=key) for key in made]
    if call.outcome is not Outcome.MISSED or open_tasks:
        return []
    return [_missed_task(facts, about)]


def _missed_task(facts: PlanFacts, about: CallFacts) -> Intent:
    call = facts.call
    assert call.client is not None
    ended_at = call.ended_at or call.started_at
    values = {"client": format_phone(call.client), "line": format_phone(call.line) if call.line else "—"}
    return Intent(
        IntentKind.ADD_TASK,
        "task",
        about,
        (
            Why("", "missed calls of one client make one task", "missed call, no open task for this client"),
            Why("deadline", "within an hour", f"ended at {ended_at.isoformat()}"),
        ),
        title=say("missed_title", facts.locale, **values),
        text=say("missed_text", facts.locale, **values),
        deadline=ended_at + MISSED_TASK_WITHIN,
    )
