"""What a CRM is to show of a request for a callback, before and after it has failed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub.domain.intents import FormFacts, Intent, IntentKind
from hub.domain.party import ClientHistory, Party, Source, VisitStory
from hub.domain.phone import Phone
from hub.domain.treatment import LeadOutcome
from mapping.defaults import BUILT_IN
from mapping.facts import PlanFacts
from mapping.model import PolicyRule, TaskRules
from mapping.request import Request, call_to_come, plan_request

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CLIENT = Phone("+79001234567", "+79001234567")
FORM = FormFacts(AT, name="Ольга", comment="про двери", site="shop.example", page="https://shop.example/p")


def planned(request: Request, **more: object) -> dict[str, Intent]:
    facts = PlanFacts(call=call_to_come(request), call_id="key", locale="en", default_user_id="7")
    return {intent.key: intent for intent in plan_request(request, replace(facts, **more)).intents}  # type: ignore[arg-type]


def test_a_request_is_a_lead_with_what_the_visitor_left() -> None:
    intents = planned(Request(CLIENT, FORM, "tomorrow at 09:00"))
    assert [intent.kind for intent in intents.values()] == [IntentKind.ENSURE_LEAD, IntentKind.ADD_NOTE]
    about = intents["lead"].call
    assert (about.call_id, about.form, about.callback, about.creates_lead) == ("key", FORM, True, True)
    assert (about.user_id, about.ended_at) == ("7", AT)
    lines = intents["request"].text.splitlines()
    assert lines[0] == "A callback was requested (tomorrow at 09:00)."
    assert lines[1:] == ["Name: Ольга", "Comment: про двери", "Site: shop.example", "Page: https://shop.example/p"]


def test_an_empty_form_is_told_in_one_line() -> None:
    assert planned(Request(CLIENT, FormFacts(AT)))["request"].text == "A callback was requested."


def test_the_visit_and_its_source_go_with_it() -> None:
    source = Source("yandex", "cpc", evidence="the visitor asked for this call")
    visit = VisitStory(AT, "https://shop.example/?utm_source=yandex")
    intents = planned(Request(CLIENT, FORM), source=source, visit=visit, party=Party("CONTACT", "5"))
    assert list(intents) == ["lead", "source", "request", "visit"]
    assert intents["lead"].call.source == source
    assert intents["lead"].call.party == Party("CONTACT", "5")


def test_one_that_has_failed_leaves_a_task_within_the_hour() -> None:
    failed = Request(CLIENT, FORM, failed="nobody picked up", failed_at=AT + timedelta(minutes=20))
    task = planned(failed)["task"]
    assert task.kind is IntentKind.ADD_TASK
    assert task.deadline == AT + timedelta(minutes=80)
    assert task.title == "Call back as requested: +7 900 123-45-67"
    assert "nobody picked up" in task.text
    assert planned(replace(failed, failed_at=None))["task"].deadline == AT + timedelta(minutes=60)


def test_no_second_task_and_none_where_the_rules_want_none() -> None:
    failed = Request(CLIENT, FORM, failed="nobody picked up")
    assert "task" not in planned(failed, history=ClientHistory(("12",)))
    assert "task" not in planned(failed, rules=replace(BUILT_IN, tasks=TaskRules(make=False)))


def test_rules_that_want_nothing_of_forms_get_nothing() -> None:
    nothing = replace(BUILT_IN, policy=(PolicyRule("no forms", LeadOutcome.NOTHING),))
    assert planned(Request(CLIENT, FORM), rules=nothing) == {}
