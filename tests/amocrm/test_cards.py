"""Source, tasks, notes and recordings: what hangs on the client's card."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.errors import Rejected
from hub.domain.intents import CallFacts, IntentKind
from hub.domain.party import Source
from tests.amocrm.account import problem
from tests.amocrm.story import API, LINK, YANDEX, Hub, call, intent, log, missed, record, source, task

SECOND = "https://hub.example/r/77aa"


def with_stranger(facts: CallFacts | None = None) -> Hub:
    hub = Hub()
    hub.show(log(facts))
    return hub


def with_client(facts: CallFacts | None = None) -> Hub:
    hub = Hub()
    hub.account.add("contacts", "+79001234567")
    hub.show(log(facts))
    return hub


def fields_of(hub: Hub) -> dict[str, str]:
    (lead,) = hub.account.leads.values()
    return {one["field_code"]: one["values"][0]["value"] for one in lead.get("custom_fields_values") or ()}


def tags_of(hub: Hub) -> set[str]:
    (lead,) = hub.account.leads.values()
    return {tag["name"] for tag in lead.get("tags_to_add", ())}


# --- Source ---------------------------------------------------------------------------------------


def test_a_source_that_becomes_known_later_is_written_on_the_lead_that_is_there() -> None:
    hub = with_stranger()
    late = call(source=YANDEX)
    assert "updated" in hub.perform("source", source(late))
    assert fields_of(hub) == {"UTM_SOURCE": "yandex", "UTM_MEDIUM": "cpc", "UTM_CAMPAIGN": "doors"}
    assert tags_of(hub) == {"yandex"}
    assert len(hub.account.leads) == 1


def test_a_source_that_was_there_at_creation_is_not_written_again() -> None:
    facts = call(source=YANDEX)
    hub = with_stranger(facts)
    before = len(hub.account.asked)
    assert "skipped" in hub.perform("source", source(facts))
    assert len(hub.account.asked) == before


def test_a_better_source_takes_the_place_of_the_first_one() -> None:
    hub = with_stranger(call(source=YANDEX))
    hub.perform("source", source(call(source=Source("google", "organic"))))
    assert fields_of(hub) == {"UTM_SOURCE": "google", "UTM_MEDIUM": "organic", "UTM_CAMPAIGN": ""}
    assert tags_of(hub) == {"google"}


def test_a_known_client_keeps_their_source() -> None:
    hub = with_client()
    assert "skipped" in hub.perform("source", source(call(source=YANDEX)))
    assert not hub.account.calls(f"PATCH {API}/leads")


def test_codes_that_the_account_lacks_are_not_sent() -> None:
    hub = with_stranger()
    hub.account.codes = ("UTM_SOURCE",)
    hub.perform("source", source(call(source=YANDEX)))
    assert fields_of(hub) == {"UTM_SOURCE": "yandex"}


def test_definitions_are_read_once_for_many_calls() -> None:
    hub = Hub()
    for number in range(3):
        hub.another_call().show(log(call(call_id=f"c{number}", source=YANDEX)))
        hub.account.unsorted.clear()
    assert len(hub.account.calls(f"GET {API}/leads/custom_fields")) == 1


def test_a_lead_deleted_meanwhile_is_said_and_fails_nothing() -> None:
    hub = with_stranger()
    hub.account.leads.clear()
    assert "missing" in hub.perform("source", source(call(source=YANDEX)))


def test_an_unknown_source_is_not_invented() -> None:
    assert "skipped" in with_stranger().perform("source", source(call()))


# --- Tasks ----------------------------------------------------------------------------------------


def test_an_open_task_of_ours_is_not_doubled() -> None:
    hub = with_client(missed())
    first = hub.perform("task", task(missed()))
    second = hub.another_call()
    facts = missed(call_id="call-552")
    second.show(log(facts), task(facts))
    assert second.done["task"] == {"task_id": first["task_id"], "already": True}
    assert len(hub.account.tasks) == 1


def test_a_task_that_a_person_made_does_not_stand_in_for_ours() -> None:
    hub = with_client(missed())
    (contact,) = hub.account.contacts
    hub.account.add("tasks", text="Congratulate", entity_type="contacts", entity_id=contact)
    hub.perform("task", task(missed()))
    assert len(hub.account.tasks) == 2


def test_a_task_is_closed_and_one_that_is_gone_is_as_good() -> None:
    hub = with_client(missed())
    task_id = str(hub.perform("task", task(missed()))["task_id"])
    closing = intent(IntentKind.CLOSE_TASK, call(), about=task_id)
    assert hub.perform(f"close_task:{task_id}", closing) == {"closed": True}
    (row,) = hub.account.tasks.values()
    assert (row["is_completed"], row["result"]) == (True, {"text": "Somebody has talked to the client."})
    gone = replace(closing, about="999999")
    assert hub.perform("close_task:999999", gone) == {"closed": False}


def test_a_closed_task_does_not_keep_a_new_one_away() -> None:
    hub = with_client(missed())
    task_id = str(hub.perform("task", task(missed()))["task_id"])
    hub.perform(f"close_task:{task_id}", intent(IntentKind.CLOSE_TASK, call(), about=task_id))
    second = hub.another_call()
    facts = missed(call_id="call-552")
    second.show(log(facts), task(facts))
    assert second.done["task"]["task_id"] != task_id


def test_the_own_kind_of_task_is_taken_when_it_is_set() -> None:
    hub = with_client(missed())
    hub.settings["task_type_id"] = "77"
    hub.perform("task", task(missed()))
    assert [row["task_type_id"] for row in hub.account.tasks.values()] == [77]


def test_a_note_stands_on_the_clients_card() -> None:
    hub = with_client()
    hub.perform("note:n", intent(IntentKind.ADD_NOTE, title="From the form", text="call me"))
    (note,) = (note for note in hub.account.notes if note["note_type"] == "common")
    assert note["params"]["text"].startswith("From the form\ncall me\n(dozvon:call-551:")


# --- Recordings -----------------------------------------------------------------------------------


@pytest.mark.parametrize("prepare", [with_client, with_stranger])
def test_a_link_that_was_known_at_once_is_not_written_again(prepare: object) -> None:
    facts = call(recording_links=(LINK,))
    hub = prepare(facts)  # type: ignore[operator]
    before = len(hub.account.asked)
    assert "skipped" in hub.perform("record:1", record(facts))
    assert len(hub.account.asked) == before


@pytest.mark.parametrize("prepare", [with_client, with_stranger])
def test_a_link_that_comes_later_is_written_into_the_calls_note(prepare: object) -> None:
    hub = prepare()  # type: ignore[operator]
    assert hub.perform("record:1", record(call(recording_links=(LINK,))))["changed"] is True
    (note,) = hub.account.call_notes()
    assert (note["params"]["link"], note["params"]["uniq"], note["params"]["duration"]) == (LINK, "call-551", 187)


def test_where_a_call_note_cannot_be_changed_the_link_comes_as_a_note() -> None:
    hub = with_client()
    hub.account.patches_call_notes = False
    assert hub.perform("record:1", record(call(recording_links=(LINK,))))["changed"] is False
    (note,) = (note for note in hub.account.notes if note["note_type"] == "common")
    assert LINK in note["params"]["text"]
    assert len(hub.account.call_notes()) == 1


def test_a_second_recording_comes_as_a_note_and_the_first_stays() -> None:
    facts = call(recording_links=(LINK, SECOND))
    hub = with_client(facts)
    hub.perform("record:2", record(facts, SECOND, about="2"))
    assert [note["params"]["link"] for note in hub.account.call_notes()] == [LINK]
    assert [SECOND in note["params"]["text"] for note in hub.account.notes if note["note_type"] == "common"] == [True]


def test_a_lost_answer_about_a_link_is_not_taken_for_a_refusal() -> None:
    hub = with_client()
    (contact,) = hub.account.contacts
    (note,) = hub.account.call_notes()
    hub.account.on(f"PATCH {API}/contacts/{contact}/notes/{note['id']}", problem(502))
    with pytest.raises(Exception, match="502"):
        hub.perform("record:1", record(call(recording_links=(LINK,))))
    assert len(hub.account.notes) == 1


def test_a_recording_of_a_call_that_was_not_written_has_nowhere_to_go() -> None:
    hub = Hub()
    hub.settings["unknown_caller"] = "nothing"
    hub.show(log())
    assert "skipped" in hub.perform("record:1", record(call(recording_links=(LINK,))))


def test_a_task_that_is_refused_is_refused() -> None:
    hub = with_client(missed())
    hub.account.on(f"POST {API}/tasks", problem(400, "Too far ahead"))
    with pytest.raises(Rejected, match="Too far ahead"):
        hub.perform("task", task(missed()))
