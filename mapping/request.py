"""From a callback request to what a CRM should come to show before there is a call. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from hub.domain.call import Call, Closing, Outcome
from hub.domain.events import Direction
from hub.domain.intents import CallFacts, FormFacts, Intent, IntentKind
from hub.domain.phone import Phone
from mapping.facts import PlanFacts
from mapping.model import Situation
from mapping.orders import client_name, private, rule_on
from mapping.plan import Plan, card_fields, visit_note
from mapping.policy import Chosen
from mapping.tasks import deadline, task_turn, whose_task


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the planner is told of it. `call_for` is when it is made, in words; "" at once.

    `failed` says in words why it has failed, None while it has not, and `failed_at` when.
    """

    client: Phone
    form: FormFacts
    call_for: str = ""
    failed: str | None = None
    failed_at: datetime | None = None


def call_to_come(request: Request) -> Call:
    """What stands for the call in the rules while there is none."""
    at = request.form.sent_at
    return Call(
        key="", direction=Direction.OUTBOUND, client=request.client, line=None, outcome=Outcome.UNANSWERED,
        closing=Closing.STATED, answered_by=None, first_rung=None, group=None, rung=(), ringing=(), legs=(),
        started_at=at, answered_at=None, ended_at=at, wait_seconds=0, talk_seconds=0, recordings=(),
        missed_reason=None, callback_id="asked",
    )  # fmt: skip


def plan_request(request: Request, facts: PlanFacts) -> Plan:
    """The client's card with the request on it, and a task once it has failed.

    `facts.call` is `call_to_come(request)`. No intents when the rules want nothing written of forms.
    """
    facts = private(replace(facts, situation=Situation.FORM))
    ruling = rule_on(facts)
    if ruling.nothing:
        return Plan((), facts.say("not_written", rule=ruling.rule.name), ruling)
    call = facts.call
    about = CallFacts(
        call_id=facts.call_id, direction=Direction.OUTBOUND, client=call.client, line=None,
        started_at=call.started_at, answered=False, talk_seconds=0, wait_seconds=0, ended_at=call.ended_at,
        result=None, user_id=facts.default_user_id, extension=None, callback=True, creates_lead=True,
        source=facts.source, party=facts.party, visit=facts.visit, orders=ruling.orders, form=request.form,
    )  # fmt: skip
    why = facts.why("", "callback_requested", request.form.page or request.form.site or "API")
    intents = [Intent(IntentKind.ENSURE_LEAD, "lead", about, (why, *ruling.why))]
    if facts.source is not None:
        reason = facts.why("source", "where_from", facts.source.evidence)
        intents.append(Intent(IntentKind.SET_SOURCE, "source", about, (reason,)))
    told = facts.why("", "request_told", request.form.page)
    intents.append(Intent(IntentKind.ADD_NOTE, "request", about, (told,), text=_text(request, facts)))
    intents += visit_note(facts, about)
    intents += card_fields(facts, about, ruling.why)
    turns = ruling.turns
    if request.failed is not None and facts.rules_of.tasks.make and not facts.history.open_task_keys:
        chosen = whose_task(facts)
        intents.append(_task(request, facts, about, chosen))
        turns += task_turn(chosen)
    return Plan(tuple(intents), ruling=ruling, turns=turns)


def _text(request: Request, facts: PlanFacts) -> str:
    form = request.form
    when = f" ({request.call_for})" if request.call_for else ""
    lines = [facts.say("request_text", when=when)]
    lines += [
        facts.say(f"request_{name}", **{name: value})
        for name, value in (("name", form.name), ("comment", form.comment), ("site", form.site), ("page", form.page))
        if value
    ]
    return "\n".join(lines)


def _task(request: Request, facts: PlanFacts, about: CallFacts, chosen: Chosen) -> Intent:
    client, rules = client_name(facts), facts.rules_of.tasks
    why = facts.why("", "callback_failed_task", request.failed or "")
    return Intent(
        IntentKind.ADD_TASK,
        "task",
        about,
        (why,),
        title=facts.say("callback_failed_title", client=client),
        text=facts.say("callback_failed_text", client=client, reason=request.failed or ""),
        deadline=deadline(rules, request.failed_at or request.form.sent_at, facts.openings),
        user_id=chosen.user_id,
    )
