"""Plans under rules: who, which card, which fields, which tasks, what is kept out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.calls.fold import fold
from hub.domain.events import CallEvent
from hub.domain.intents import Intent, IntentKind
from hub.domain.party import ClientHistory, PageView, Source, VisitStory
from hub.domain.treatment import LeadOutcome, PersonState, Treatment
from mapping.catalogue import CATALOGUE, Kind, fill, kind_of
from mapping.facts import KeptRecording, PlanFacts
from mapping.model import FieldRule, PolicyRule, Privacy, RecordingMode, Rules, Situation, SourceRule, TaskRules, Who
from mapping.plan import Plan, plan
from mapping.tasks import deadline
from mapping.turns import Queue
from tests.delivery.story import rings
from tests.mapping.test_plan import ANSWERED, MISSED, PEOPLE

UNKNOWN, CONTACT = (PersonState.UNKNOWN,), (PersonState.CONTACT,)
SOURCE = Source("yandex", "cpc", "doors", "ad7", "oak doors", evidence="held the number")
START = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
VISIT = VisitStory(
    START, "https://shop.example/doors", "https://ya.example/", (PageView(START, "https://shop.example/doors"),)
)


def told(*events: CallEvent, rules: Rules, **more: Any) -> PlanFacts:
    facts = PlanFacts(call=fold(events), call_id="u1", locale="en", employees=PEOPLE, rules=rules, rules_version=4)
    return replace(facts, **more)


def book(*policy: PolicyRule, **more: Any) -> Rules:
    return Rules(policy or (PolicyRule("all", LeadOutcome.LEAD, person=UNKNOWN),), **more)


def one(planned: Plan, kind: IntentKind) -> Intent:
    (intent,) = [intent for intent in planned.intents if intent.kind is kind]
    return intent


def kinds(planned: Plan) -> set[str]:
    return {str(intent.kind) for intent in planned.intents}


def treatment(facts: PlanFacts, state: PersonState = PersonState.UNKNOWN) -> Treatment:
    return plan(facts).intents[0].call.orders.treatment(state)


# --- What becomes of the client -------------------------------------------------------------------------


def test_every_reason_names_its_rule_and_the_version() -> None:
    planned = plan(told(*ANSWERED, rules=book(PolicyRule("new ones", LeadOutcome.LEAD, person=UNKNOWN))))
    why = {line.field: line for line in one(planned, IntentKind.LOG_CALL).why}
    assert (why["creates_lead"].rule, why["creates_lead"].fact) == ("new ones", "inbound, answered; client: unknown")
    assert {line.rules_version for intent in planned.intents for line in intent.why} == {4}


def test_a_call_that_no_rule_fits_is_only_logged_and_says_so() -> None:
    rules = book(PolicyRule("forms", LeadOutcome.LEAD, source=("unknown",), line=("0",)))
    planned = plan(told(*ANSWERED, rules=rules))
    assert kinds(planned) == {"log_call"}
    assert "no rule fits" in {line.rule for line in one(planned, IntentKind.LOG_CALL).why}


def test_each_state_of_the_client_gets_its_own_answer() -> None:
    rules = book(
        PolicyRule("new", LeadOutcome.LEAD, person=UNKNOWN, stage="NEW"),
        PolicyRule("again", LeadOutcome.CONTACT_DEAL, person=CONTACT, pipeline="5", title="{client.phone} again"),
    )
    facts = told(*ANSWERED, rules=rules)
    assert treatment(facts) == Treatment(LeadOutcome.LEAD, "new", stage="NEW")
    again = treatment(facts, PersonState.CONTACT)
    assert (again.outcome, again.pipeline, again.title) == ("contact_deal", "5", "+7 900 123-45-67 again")
    assert treatment(facts, PersonState.LEAD) == Treatment()
    assert "ensure_lead" in kinds(plan(facts))


def test_a_known_client_whom_the_rules_leave_out_is_left_to_the_crm_to_tell_and_shown_to_nobody() -> None:
    rules = book(PolicyRule("partners", LeadOutcome.NOTHING, person=CONTACT), PolicyRule("all", LeadOutcome.LEAD))
    planned = plan(told(*ANSWERED, rules=rules, person=PersonState.CONTACT))
    assert one(planned, IntentKind.LOG_CALL).call.orders.treatment(PersonState.CONTACT).outcome == "nothing"
    assert "show_card" in kinds(plan(told(rings("101", 1), rules=rules)))
    assert "show_card" not in kinds(plan(told(rings("101", 1), rules=rules, person=PersonState.CONTACT)))
    everybody = book(PolicyRule("off", LeadOutcome.NOTHING))
    planned = plan(told(*ANSWERED, rules=everybody, person=PersonState.CONTACT))
    assert (planned.intents, planned.nothing_because) == ((), "rule “off”: not written to the CRM")


def test_that_nobody_is_known_is_left_to_the_crm_to_say() -> None:
    strangers = book(PolicyRule("strangers", LeadOutcome.NOTHING, person=UNKNOWN))
    assert "log_call" in kinds(plan(told(*ANSWERED, rules=strangers)))
    everybody = book(PolicyRule("off", LeadOutcome.NOTHING))
    assert plan(told(*ANSWERED, rules=everybody)).intents == ()


def test_a_ringing_call_is_undecided_while_its_end_matters() -> None:
    rules = book(
        PolicyRule("talked", LeadOutcome.LEAD, situation=(Situation.INBOUND_ANSWERED,), person=UNKNOWN),
    )
    ringing = plan(told(rings("101", 1), rules=rules))
    about = one(ringing, IntentKind.SHOW_CARD).call
    assert (about.orders.undecided, about.creates_lead, kinds(ringing)) == (True, False, {"show_card"})
    assert plan(told(*ANSWERED, rules=rules)).intents[0].call.creates_lead
    assert not plan(told(*MISSED, rules=rules)).intents[0].call.creates_lead


# --- Who ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "users", "more", "user_id"),
    [
        ((Who.ANSWERED_BY,), (), {}, "7"),
        ((Who.RUNG_FIRST,), (), {}, "7"),
        ((Who.FIXED,), ("9",), {}, "9"),
        ((Who.FIXED,), (), {}, None),
        ((Who.ROUND_ROBIN,), ("8", "9"), {"queues": {"rule:all": Queue(("8",))}}, "9"),
        ((Who.ROUND_ROBIN,), (), {}, None),
        ((Who.ON_DUTY,), (), {"on_duty": ("5", "6"), "queues": {"rule:all": Queue(("6", "5"))}}, "6"),
        ((Who.ON_DUTY, Who.FIXED), ("9",), {}, "9"),
        ((Who.OWNER, Who.FIXED), ("9",), {"owner_user_id": "3"}, "9"),
        ((Who.ANSWERED_BY,), (), {"employees": {}}, None),
        ((), (), {}, None),
    ],
)
def test_the_first_word_that_names_somebody_is_taken(
    who: tuple[Who, ...], users: tuple[str, ...], more: dict[str, Any], user_id: str | None
) -> None:
    rules = book(PolicyRule("all", LeadOutcome.LEAD, responsible=who, users=users))
    assert treatment(told(*ANSWERED, rules=rules, **more)).user_id == user_id


def test_an_owner_is_only_taken_for_whom_the_crm_knows() -> None:
    facts = told(
        *ANSWERED, rules=book(PolicyRule("all", LeadOutcome.LEAD, responsible=(Who.OWNER,))), owner_user_id="3"
    )
    assert (treatment(facts).user_id, treatment(facts, PersonState.CONTACT).user_id) == (None, "3")


# --- What stands on the card ----------------------------------------------------------------------------


def test_fields_are_filled_with_what_is_known_and_say_why() -> None:
    rules = book(
        fields=(
            FieldRule("landing", "lead", "UF_LANDING", "{visit.landing}", always=True),
            FieldRule("ad", "contact", "UF_AD", "{source.source}/{source.campaign}"),
            FieldRule("group", "lead", "UF_GROUP", "{call.group}"),
        )
    )
    card = one(plan(told(*ANSWERED, rules=rules, source=SOURCE, visit=VISIT)), IntentKind.SET_CARD)
    assert [(f.entity, f.field, f.value, f.always) for f in card.call.orders.fields] == [
        ("lead", "UF_LANDING", "https://shop.example/doors", True),
        ("contact", "UF_AD", "yandex/doors", False),
    ]
    why = {line.field: line.rule for line in card.why}
    assert (why["lead.UF_LANDING"], why["contact.UF_AD"]) == ("field “landing”", "field “ad”")
    assert "set_card" not in kinds(plan(told(rings("101", 1), rules=rules, visit=VISIT)))


def test_a_touch_becomes_a_source_of_the_crm() -> None:
    rules = book(sources=(SourceRule("Direct", ("yandex/cpc",), "ADVERTISING"),))
    planned = plan(told(*ANSWERED, rules=rules, source=SOURCE))
    assert planned.intents[0].call.orders.crm_source == "ADVERTISING"
    assert ("crm_source", "the CRM's source: Direct") in {(w.field, w.rule) for w in planned.intents[0].why}
    assert plan(told(*ANSWERED, rules=rules)).intents[0].call.orders.crm_source is None


def test_every_fact_of_the_catalogue_can_be_read_with_and_without_what_it_is_about() -> None:
    full = told(
        *ANSWERED, rules=book(), source=SOURCE, visit=VISIT, client_name="Olga", recording_links=("https://hub/r/x",)
    )
    empty = replace(
        told(*MISSED, rules=book(), employees={}),
        call=replace(fold(MISSED), client=None, line=None, direction=None, first_rung=None),
    )
    kinds_of = {Kind.TEXT: str, Kind.NUMBER: int, Kind.MOMENT: datetime, Kind.FLAG: bool}
    for name, fact in CATALOGUE.items():
        value = fact.read(full)
        assert value is None or isinstance(value, kinds_of[fact.kind]), name
        assert kind_of(f" {{{name}}} ") is fact.kind
        assert isinstance(fill(f"{{{name}}}", empty), str)
        assert fact.ru
        assert fact.en
    assert kind_of("{call.talk_seconds} s") is Kind.TEXT
    shown = fill("{call.answered}{call.started_at}{nobody.knows}{call.employee}{client.phone}", full)
    assert shown == "12026-09-01T09:00:00+00:00Anna+7 900 123-45-67"


# --- Recordings and privacy -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "kind", "links"),
    [
        (RecordingMode.ATTACH, "attach_recording", 1),
        (RecordingMode.LINK, "link_recording", 1),
        (RecordingMode.NONE, None, 0),
    ],
)
def test_recordings_go_as_files_as_links_or_not_at_all(mode: RecordingMode, kind: str | None, links: int) -> None:
    kept = (KeptRecording("5", "https://hub.example/r/x", "101"),)
    planned = plan(told(*ANSWERED, rules=book(recordings=mode), recordings=kept, recording_links=(kept[0].link,)))
    assert kinds(planned) & {"attach_recording", "link_recording"} == ({kind} if kind else set())
    assert len(planned.intents[0].call.recording_links) == links


def test_privacy_keeps_numbers_and_pages_out_of_texts() -> None:
    rules = book(privacy=Privacy(mask_phones=True, visit_pages=False))
    planned = plan(told(*MISSED, rules=rules, visit=VISIT, source=SOURCE))
    assert one(planned, IntentKind.ADD_TASK).title == "Call back: +7900*****67"
    assert planned.intents[0].call.orders.client_name == "+7900*****67"
    assert "add_note" not in kinds(planned)
    assert fill("{client.phone}", told(*MISSED, rules=rules)) == "+7900*****67"
    assert "add_note" in kinds(plan(told(*MISSED, rules=book(), visit=VISIT, source=SOURCE)))


# --- Tasks ----------------------------------------------------------------------------------------------


def test_tasks_follow_their_rules() -> None:
    tasks = TaskRules(
        who=(Who.FIXED,), users=("9",), within_minutes=15, title="Ring {client.phone}", text="{call.line}"
    )
    task = one(plan(told(*MISSED, rules=book(tasks=tasks))), IntentKind.ADD_TASK)
    assert (task.user_id, task.title, task.text) == ("9", "Ring +7 900 123-45-67", "+7 495 000-00-01")
    why = {line.field: (line.rule, line.fact) for line in task.why}
    assert why["deadline"] == ("within 15 min", "missed call")
    assert why["responsible"] == ("whose task it is", "always the same")


def test_no_task_where_the_rules_want_none() -> None:
    assert "add_task" not in kinds(plan(told(*MISSED, rules=book(tasks=TaskRules(make=False)))))
    only_repeats = TaskRules(situation=(Situation.REPEAT_MISSED,))
    assert "add_task" not in kinds(plan(told(*MISSED, rules=book(tasks=only_repeats))))
    assert "add_task" in kinds(plan(told(*MISSED, rules=book(tasks=only_repeats), after_missed=True)))
    kept = TaskRules(close_on_contact=False)
    open_task = ClientHistory(("t1",))
    assert "close_task" not in kinds(plan(told(*ANSWERED, rules=book(tasks=kept), history=open_task)))


def test_a_deadline_in_working_hours_runs_only_while_somebody_works() -> None:
    def hour(day: int, at: int) -> datetime:
        return START.replace(day=day, hour=at)

    week = ((hour(1, 9), hour(1, 18)), (hour(2, 9), hour(2, 18)))
    rules = TaskRules(within_minutes=60, working_hours=True)
    assert deadline(rules, hour(1, 10), week) == hour(1, 11)
    assert deadline(rules, hour(1, 17) + timedelta(minutes=30), week) == hour(2, 9) + timedelta(minutes=30)
    assert deadline(rules, hour(1, 20), week) == hour(2, 10)
    assert deadline(rules, hour(1, 20), ()) == hour(1, 21)
    task = one(plan(told(*MISSED, rules=book(tasks=rules), openings=week)), IntentKind.ADD_TASK)
    assert {line.rule for line in task.why} >= {"within 60 min of working hours"}
