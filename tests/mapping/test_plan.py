"""The planner: what interface §6 promises when nobody has set a rule."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.calls.fold import fold
from hub.domain.call import Call
from hub.domain.events import CallEvent, Cost, Direction, EventKind, Phrase, Side
from hub.domain.intents import Intent, IntentKind
from hub.domain.party import ClientHistory, Employee, PageView, Source, VisitStory
from hub.domain.phone import Phone
from mapping.facts import KeptRecording, PlanFacts
from mapping.plan import Plan, plan
from mapping.words import WORDS
from tests.delivery.story import answers, ends, event, leaves, rings
from tests.delivery.world import START

PEOPLE = {"101": Employee("Anna", "101", "7"), "102": Employee("Boris", "102", "8")}
ANSWERED = (rings("101", 1), answers("101", 5), leaves("101", 65), ends(65, answered_at=5, extension="101"))
MISSED = (rings("101", 1), rings("102", 2), ends(20, answered_at=None, extension="101"))


def planned(*events: CallEvent, **more: object) -> Plan:
    facts = PlanFacts(call=fold(events), call_id="u1", locale="en", employees=PEOPLE)
    return plan(replace(facts, **more))  # type: ignore[arg-type]


def kinds(result: Plan) -> list[str]:
    return [str(intent.kind) for intent in result.intents]


def one(result: Plan, kind: IntentKind) -> Intent:
    (intent,) = [intent for intent in result.intents if intent.kind is kind]
    return intent


def test_ringing_call_shows_a_card_to_each_rung_employee_whom_the_crm_knows() -> None:
    result = planned(rings("101", 1), rings("102", 1), rings("109", 1))
    assert [intent.about for intent in result.intents if intent.kind is IntentKind.SHOW_CARD] == ["7", "8"]
    assert IntentKind.LOG_CALL not in [intent.kind for intent in result.intents]


def test_answer_takes_the_card_from_the_others_only() -> None:
    result = planned(rings("101", 1), rings("102", 1), answers("101", 5), leaves("102", 5))
    assert [intent.about for intent in result.intents if intent.kind is IntentKind.HIDE_CARD] == ["8"]


@pytest.mark.parametrize(
    ("then", "hidden"),
    [
        ((), ["8"]),
        ((rings("109", 70),), ["7", "8"]),
        ((rings("109", 70), leaves("109", 75)), ["8"]),
        ((answers("109", 70),), ["7", "8"]),
    ],
    ids=["hung up", "rings elsewhere", "rang elsewhere in vain", "talks elsewhere"],
)
def test_who_has_just_hung_up_keeps_the_card_until_the_call_goes_on_elsewhere(
    then: tuple[CallEvent, ...], hidden: list[str]
) -> None:
    talk = (rings("101", 1), rings("102", 1), answers("101", 5), leaves("102", 5), leaves("101", 65))
    result = planned(*talk, *then)
    assert [intent.about for intent in result.intents if intent.kind is IntentKind.HIDE_CARD] == hidden


def test_answered_call_of_a_stranger_is_logged_and_becomes_a_lead() -> None:
    result = planned(*ANSWERED)
    assert kinds(result) == ["ensure_lead", "log_call"]
    about = one(result, IntentKind.LOG_CALL).call
    assert (about.user_id, about.answered, about.talk_seconds, about.creates_lead) == ("7", True, 60, True)


def test_missed_call_is_on_who_was_rung_first_and_makes_a_task() -> None:
    result = planned(*MISSED)
    task = one(result, IntentKind.ADD_TASK)
    assert (task.call.user_id, task.title) == ("7", "Call back: +7 900 123-45-67")
    assert task.deadline is not None
    assert task.call.ended_at is not None
    assert task.deadline - task.call.ended_at == timedelta(hours=1)


def test_second_missed_call_makes_no_second_task_and_a_talk_closes_it() -> None:
    assert IntentKind.ADD_TASK not in [i.kind for i in planned(*MISSED, history=ClientHistory(("t1",))).intents]
    closing = planned(*ANSWERED, history=ClientHistory(("t1", "pending:5")))
    assert one(closing, IntentKind.CLOSE_TASK).about == "t1"


def test_call_that_ended_in_the_menu_goes_to_the_default_person() -> None:
    result = planned(ends(20, answered_at=None, extension=None), default_user_id="1")
    assert one(result, IntentKind.LOG_CALL).call.user_id == "1"


def test_extension_that_the_crm_does_not_list_is_still_named() -> None:
    about = one(planned(*ANSWERED, employees={}), IntentKind.LOG_CALL).call
    assert (about.user_id, about.extension) == (None, "101")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"client": None}, "hid the number"),
        ({"client": Phone("0511")}, "0511 is not a full public number"),
        ({"direction": Direction.INTERNAL}, "internal call"),
        ({"direction": None}, "direction is not known"),
    ],
)
def test_what_stays_in_the_hub_says_why(change: dict[str, object], words: str) -> None:
    call: Call = replace(fold(ANSWERED), **change)  # type: ignore[arg-type]
    result = plan(PlanFacts(call=call, call_id="u1", locale="en", employees=PEOPLE))
    assert result.intents == ()
    assert words in result.nothing_because


def test_outbound_call_is_logged_and_creates_nothing() -> None:
    events = [replace(event, direction=Direction.OUTBOUND) for event in ANSWERED]
    result = planned(*events)
    assert kinds(result) == ["log_call"]
    assert not one(result, IntentKind.LOG_CALL).call.creates_lead


def test_known_source_is_set_and_an_unknown_one_is_said_to_be_unknown() -> None:
    source = Source("billboard", "offline", evidence="static number")
    assert one(planned(*ANSWERED, source=source), IntentKind.SET_SOURCE).call.source == source
    whys = {why.field: why.rule for why in one(planned(*ANSWERED), IntentKind.LOG_CALL).why}
    assert whys["source"] == "unknown stays unknown"


def test_kept_recording_is_attached_only_when_the_call_is_over() -> None:
    kept = (KeptRecording("5", "http://hub.example/r/x", "101"),)
    assert "attach_recording" not in kinds(planned(rings("101", 1), recordings=kept))
    assert one(planned(*ANSWERED, recordings=kept), IntentKind.ATTACH_RECORDING).link == "http://hub.example/r/x"


def test_keys_stay_the_same_as_the_call_goes_on() -> None:
    early = {intent.key for intent in planned(rings("101", 1)).intents}
    late = {intent.key for intent in planned(*ANSWERED).intents}
    assert early & late == {"lead"}
    assert "show_card:7" in early


def test_every_sentence_is_spoken_in_both_languages_with_the_same_places() -> None:
    for key, sentences in WORDS.items():
        assert set(sentences) == {"ru", "en"}, key
        places = [{part.split("}")[0] for part in text.split("{")[1:]} for text in sentences.values()]
        assert places[0] == places[1], key


def test_cost_rating_and_visit_go_with_the_call() -> None:
    visit = VisitStory(START, "https://shop.example/")
    rated = event(EventKind.REMARK, 66, cost=Cost("3.60", "RUB"), rating=4)
    about = one(planned(*ANSWERED, rated, visit=visit), IntentKind.LOG_CALL).call
    assert (about.cost, about.rating, about.visit) == (Cost("3.60", "RUB"), 4, visit)


def test_a_transcript_is_attached_when_the_pbx_has_sent_it() -> None:
    said = event(EventKind.REMARK, 90, transcript=(Phrase(Side.CLIENT, 0, 2, "Hello"),))
    assert one(planned(*ANSWERED, said), IntentKind.ATTACH_TRANSCRIPT).phrases == said.transcript
    assert IntentKind.ATTACH_TRANSCRIPT not in [intent.kind for intent in planned(*ANSWERED).intents]


@pytest.mark.parametrize(
    ("extension", "title"),
    [("101", "Recording: Anna, extension 101"), ("109", "Recording: 109"), (None, "Recording")],
)
def test_a_recording_says_whose_talk_it_is(extension: str | None, title: str) -> None:
    kept = KeptRecording("5", "https://hub.example/r/x", extension)
    assert one(planned(*ANSWERED, recordings=(kept,)), IntentKind.ATTACH_RECORDING).title == title


def test_the_visit_is_told_page_by_page() -> None:
    pages = (PageView(START, "https://shop.example/", "Doors"), PageView(START, "https://shop.example/steel"))
    visit = VisitStory(START, "https://shop.example/", "", pages)
    words = one(planned(*ANSWERED, visit=visit), IntentKind.ADD_NOTE).text
    assert words.endswith("1. Doors — https://shop.example/\n2. https://shop.example/steel")
