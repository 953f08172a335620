"""Tasks for missed calls: who gets one, by when, and when it is closed. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.domain.call import Outcome
from hub.domain.intents import CallFacts, Intent, IntentKind, Why
from hub.domain.party import TASK_ON_ITS_WAY
from hub.domain.phone import format_phone
from mapping.catalogue import fill
from mapping.facts import PlanFacts
from mapping.model import TaskRules
from mapping.orders import client_name
from mapping.people import said_of
from mapping.policy import Chosen, choose
from mapping.situation import situations
from mapping.turns import TASKS, Turn


def tasks(facts: PlanFacts, about: CallFacts) -> tuple[list[Intent], tuple[Turn, ...]]:
    """What an ended call means for tasks: a talk closes those that are open, a missed call makes one.

    With the turn that the new task uses up.
    """
    rules, open_tasks = facts.rules_of.tasks, facts.history.open_task_keys
    if facts.call.outcome is Outcome.ANSWERED:
        if not rules.close_on_contact:
            return [], ()
        why = (facts.why("", "task_closed_by_talk", facts.say("answered_call")),)
        made = [key for key in open_tasks if not key.startswith(TASK_ON_ITS_WAY)]
        return [Intent(IntentKind.CLOSE_TASK, f"close_task:{key}", about, why, about=key) for key in made], ()
    if not rules.make or open_tasks or situations(facts)[0] not in rules.situation:
        return [], ()
    chosen = whose_task(facts)
    return [_missed_task(facts, about, chosen)], task_turn(chosen)


def whose_task(facts: PlanFacts) -> Chosen:
    """Whom the rules name for a task; nobody leaves it to the client's owner, else to whoever had the call."""
    rules = facts.rules_of.tasks
    return choose(rules.who, rules.users, facts, facts.owner_user_id, TASKS)


def task_turn(chosen: Chosen) -> tuple[Turn, ...]:
    return (Turn(TASKS, chosen.user_id),) if chosen.in_turn and chosen.user_id else ()


def _missed_task(facts: PlanFacts, about: CallFacts, chosen: Chosen) -> Intent:
    call, rules = facts.call, facts.rules_of.tasks
    values = {"client": client_name(facts), "line": format_phone(call.line) if call.line else "—"}
    for_whom = (facts.why("responsible", "task_for", said_of(facts, chosen)),) if chosen.word else ()
    return Intent(
        IntentKind.ADD_TASK,
        "task",
        about,
        (facts.why("", "one_task_per_client", facts.say("no_open_task")), _why_deadline(facts), *for_whom),
        title=fill(rules.title, facts) or facts.say("missed_title", **values),
        text=fill(rules.text, facts) or facts.say("missed_text", **values),
        deadline=deadline(rules, call.ended_at or call.started_at, facts.openings),
        user_id=chosen.user_id,
    )


def _why_deadline(facts: PlanFacts) -> Why:
    rules = facts.rules_of.tasks
    if rules == TaskRules():
        return facts.why("deadline", "within_an_hour", facts.say("missed_call"))
    key = "within_working_minutes" if rules.working_hours else "within_minutes"
    rule = facts.say(key, minutes=str(rules.within_minutes))
    return Why("deadline", rule, facts.say("missed_call"), facts.rules_version)


def deadline(rules: TaskRules, ended_at: datetime, openings: tuple[tuple[datetime, datetime], ...]) -> datetime:
    """When the task is due. With working hours only open time counts; without any opening, all time does."""
    left = timedelta(minutes=rules.within_minutes)
    if rules.working_hours:
        for opens, closes in openings:
            begins = max(opens, ended_at)
            if closes - begins >= left:
                return begins + left
            left -= max(closes - begins, timedelta())
    return ended_at + timedelta(minutes=rules.within_minutes)
