"""Whether it happened: found by our keys, and never taken from somebody else's row."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.bitrix24.crm import Bitrix24Crm
from connectors.bitrix24.translate_cards import marker, short_key
from connectors.contract import Absent, Found, Step, StepResult, Unclear
from hub.domain.errors import Throttled, Unreachable
from hub.domain.intents import IntentKind
from tests.bitrix24.portal import (
    CALL_ID,
    FINISHED,
    KNOWN_CLIENT,
    NOW,
    FakePortal,
    facts,
    fixture,
    intent,
    refusal,
    reply,
    step,
)

CRM = Bitrix24Crm()
STATISTICS, ACTIVITIES, COMMENTS = "voximplant.statistic.get", "crm.activity.list", "crm.timeline.comment.list"
OURS, OF_OTHERS = fixture("statistic__ours.json"), fixture("statistic__of_others.json")

REGISTER = step("register", intent(IntentKind.LOG_CALL))
FINISH = step("finish", intent(IntentKind.LOG_CALL))
RECORD = step(f"record:{short_key('9')}", intent(IntentKind.ATTACH_RECORDING, about="9"), finish=FINISHED)
TASK = step("task", intent(IntentKind.ADD_TASK, key="task"), finish=FINISHED)
NOTE = step("note:n", intent(IntentKind.ADD_NOTE, key="n"))


def test_a_finished_call_is_found_by_our_own_id() -> None:
    portal = FakePortal().on(STATISTICS, OURS)
    found = CRM.look_up(REGISTER, portal.door)
    assert found == Found({"call_id": CALL_ID, "created": [], "entity_type": "LEAD", "entity_id": "5102"})
    (params,) = portal.params(STATISTICS)
    assert (params["FILTER"], params["SORT"], params["ORDER"]) == ({"EXTERNAL_CALL_ID": "call-551"}, "ID", "DESC")
    assert not portal.http.asked[0].write


def test_a_finish_is_found_by_the_portals_id() -> None:
    portal = FakePortal().on(STATISTICS, OURS)
    assert CRM.look_up(FINISH, portal.door) == Found(FINISHED)
    assert portal.params(STATISTICS)[0]["FILTER"] == {"CALL_ID": CALL_ID}


def test_a_recording_is_found_by_its_file() -> None:
    assert CRM.look_up(RECORD, FakePortal().on(STATISTICS, OURS).door) == Found({"file_id": "8123"})


@pytest.mark.parametrize("looked_up", [REGISTER, FINISH, RECORD])
@pytest.mark.parametrize("answer", [OF_OTHERS, reply([]), reply(None), reply([{}])])
def test_an_ignored_filter_never_lends_us_another_call(looked_up: Step, answer: object) -> None:
    portal = FakePortal().on(STATISTICS, answer)  # type: ignore[arg-type]
    assert CRM.look_up(looked_up, portal.door) == Absent()


@pytest.mark.parametrize("file_id", [None, 0, "", "0"])
def test_a_call_without_a_file_has_no_recording(file_id: object) -> None:
    portal = FakePortal().on(STATISTICS, reply([{"ID": "1", "CALL_ID": CALL_ID, "RECORD_FILE_ID": file_id}]))
    assert CRM.look_up(RECORD, portal.door) == Absent()


def test_another_recordings_file_is_not_this_ones() -> None:
    other: StepResult = {"file_id": "8123"}
    looked_up = replace(RECORD, done={**RECORD.done, f"record:{short_key('8')}": other})
    assert CRM.look_up(looked_up, FakePortal().on(STATISTICS, OURS).door) == Absent()


@pytest.mark.parametrize(("age", "is_unclear"), [(59, True), (61, False)])
def test_an_old_call_waits_a_minute_before_it_is_registered_again(age: int, is_unclear: bool) -> None:
    old = intent(IntentKind.LOG_CALL, facts(started_at=NOW - timedelta(minutes=31)))
    looked_up = Step("register", old, {}, NOW - timedelta(seconds=age))
    found = CRM.look_up(looked_up, FakePortal().on(STATISTICS, reply([])).door)
    assert isinstance(found, Unclear if is_unclear else Absent)


def test_a_fresh_call_is_registered_again_at_once() -> None:
    fresh = Step("register", intent(IntentKind.LOG_CALL), {}, NOW)
    assert CRM.look_up(fresh, FakePortal().on(STATISTICS, reply([])).door) == Absent()


@pytest.mark.parametrize("key", ["source", "show:42", "hide:42", "close_task:1"])
def test_what_may_be_repeated_is_not_looked_up(key: str) -> None:
    portal = FakePortal()
    assert CRM.look_up(step(key, intent(IntentKind.SET_SOURCE)), portal.door) == Absent()
    assert portal.http.asked == []


@pytest.mark.parametrize("looked_up", [REGISTER, FINISH, RECORD])
def test_a_portal_that_may_not_tell_leaves_it_unclear(looked_up: Step) -> None:
    portal = FakePortal().on(STATISTICS, refusal("Access denied!", "ACCESS_DENIED", 403))
    assert CRM.look_up(looked_up, portal.door) == Unclear("Bitrix24: Access denied! (access_denied)")


@pytest.mark.parametrize("trouble", [Unreachable("down"), Throttled("fast")])
def test_a_portal_that_cannot_be_asked_proves_nothing(trouble: Unreachable | Throttled) -> None:
    with pytest.raises(type(trouble)):
        CRM.look_up(FINISH, FakePortal().on(STATISTICS, trouble).door)


# --- By our marker --------------------------------------------------------------------------------


def row(number: int, words: object = "", created: str = "2026-08-29T10:04:00+03:00") -> dict[str, object]:
    return {"ID": str(number), "DESCRIPTION": words, "COMMENT": words, "CREATED": created}


def test_a_task_is_found_on_the_card_by_our_marker() -> None:
    rows = [row(3, "a person's own"), row(2, f"Missed\n{marker(TASK.intent)}"), row(1, None)]
    portal = FakePortal().on(ACTIVITIES, reply(rows))
    assert CRM.look_up(TASK, portal.door) == Found({"task_id": "2"})
    (params,) = portal.params(ACTIVITIES)
    assert params["filter"] == {"OWNER_TYPE_ID": 1, "OWNER_ID": 5102}
    assert "DESCRIPTION" in params["select"]


def test_a_note_is_found_on_the_card_by_our_marker() -> None:
    looked_up = replace(NOTE, done={"register": KNOWN_CLIENT})
    portal = FakePortal().on(COMMENTS, reply([row(7, marker(NOTE.intent))]))
    assert CRM.look_up(looked_up, portal.door) == Found({"comment_id": "7"})
    assert portal.params(COMMENTS)[0]["filter"] == {"ENTITY_TYPE": "contact", "ENTITY_ID": 871}


def test_another_calls_marker_is_not_ours() -> None:
    theirs = intent(IntentKind.ADD_TASK, facts(call_id="call-5510"), key="task")
    assert CRM.look_up(TASK, FakePortal().on(ACTIVITIES, reply([row(1, marker(theirs))])).door) == Absent()


def test_all_pages_are_searched() -> None:
    portal = FakePortal().on(
        ACTIVITIES, reply([row(9)], next=50, total=51), reply([row(1, marker(TASK.intent))], total=51)
    )
    assert CRM.look_up(TASK, portal.door) == Found({"task_id": "1"})
    assert [params["start"] for params in portal.params(ACTIVITIES)] == [0, 50]


def test_the_search_stops_at_rows_from_long_before() -> None:
    portal = FakePortal().on(ACTIVITIES, reply([row(9, created="2026-08-29T08:00:00+03:00")], next=50))
    assert CRM.look_up(TASK, portal.door) == Absent()
    assert len(portal.http.asked) == 1


@pytest.mark.parametrize("created", ["2026-08-29T10:04:00+03:00", "2026-08-29T08:00:00", "long ago", ""])
def test_a_card_that_is_too_long_to_search_stays_unclear(created: str) -> None:
    portal = FakePortal()
    pages = [reply([row(9, created=created)], next=50 * number) for number in range(1, 40)]
    portal.on(ACTIVITIES, *pages)
    assert isinstance(CRM.look_up(TASK, portal.door), Unclear)
    assert len(portal.http.asked) == 20


def test_a_page_number_that_does_not_grow_ends_the_search() -> None:
    portal = FakePortal().on(ACTIVITIES, reply([], next=0))
    assert CRM.look_up(replace(TASK, first_sent_at=None), portal.door) == Absent()
    assert len(portal.http.asked) == 1


def test_a_call_on_no_card_has_no_task_there() -> None:
    portal = FakePortal()
    nowhere: StepResult = {"call_id": CALL_ID, "entity_type": None}
    assert CRM.look_up(replace(TASK, done={"register": nowhere}), portal.door) == Absent()
    assert portal.http.asked == []
