"""What a call comes to in the account (amocrm.md §3.14): each once, on the right card, with the right person."""

from __future__ import annotations

import pytest

from hub.domain.errors import OutcomeUnknown, Rejected
from hub.domain.events import Result
from hub.domain.intents import CallFacts, IntentKind
from hub.domain.phone import Phone
from tests.amocrm.account import problem
from tests.amocrm.story import API, ENDED, LINK, STARTED, YANDEX, Hub, call, intent, lead, log, missed, outbound, task

UNSORTED, COMPLEX, CONTACTS = f"POST {API}/leads/unsorted/sip", f"POST {API}/leads/complex", f"POST {API}/contacts"


def known(hub: Hub, phone: str = "+79001234567") -> int:
    return hub.account.add("contacts", phone, name="Olga")


# --- A stranger -----------------------------------------------------------------------------------


@pytest.mark.parametrize("facts", [call(), missed()])
def test_a_stranger_becomes_one_incoming_lead_with_the_call_on_it(facts: CallFacts) -> None:
    hub = Hub()
    hub.show(lead(facts), log(facts))
    assert hub.account.writes() == [UNSORTED]
    ((item,),) = hub.account.bodies(UNSORTED)
    metadata = item["metadata"]
    assert metadata["phone"] == metadata["from"] == "+79001234567"
    assert (metadata["call_responsible"], metadata["uniq"], metadata["is_call_event_needed"]) == (5, "call-551", True)
    assert metadata["called_at"] == item["created_at"] == int(STARTED.timestamp())
    assert metadata["duration"] == (187 if facts.answered else 0)
    assert [note["params"]["uniq"] for note in hub.account.call_notes()] == ["call-551"]
    assert "skipped" in hub.done["call"]


def test_the_person_who_had_the_call_owns_the_incoming_lead() -> None:
    hub = Hub()
    hub.show(log())
    ((item,),) = hub.account.bodies(UNSORTED)
    assert item["_embedded"]["leads"][0]["responsible_user_id"] == 5
    assert item["_embedded"]["contacts"][0]["responsible_user_id"] == 5


def test_the_source_and_the_line_stand_on_the_lead_from_the_start() -> None:
    hub = Hub()
    hub.show(log(call(source=YANDEX)))
    ((item,),) = hub.account.bodies(UNSORTED)
    assert (item["source_uid"], item["source_name"]) == ("did:74950000001", "Dozvon: +7 495 000-00-01")
    fields = {
        one["field_code"]: one["values"][0]["value"] for one in item["_embedded"]["leads"][0]["custom_fields_values"]
    }
    assert fields == {"UTM_SOURCE": "yandex", "UTM_MEDIUM": "cpc", "UTM_CAMPAIGN": "doors"}
    assert item["_embedded"]["leads"][0]["tags_to_add"] == [{"name": "yandex"}]


def test_a_missed_stranger_is_tagged_and_gets_a_task_for_whom_was_rung_first() -> None:
    hub = Hub()
    facts = missed()
    hub.show(log(facts), task(facts))
    ((item,),) = hub.account.bodies(UNSORTED)
    assert {"name": "missed"} in item["_embedded"]["leads"][0]["tags_to_add"]
    (made,) = hub.account.tasks.values()
    assert made["responsible_user_id"] == 5


def test_a_second_call_of_a_stranger_makes_no_second_incoming_lead() -> None:
    hub = Hub()
    hub.show(log(missed()))
    second = hub.another_call()
    second.show(log(missed(call_id="call-552")))
    assert hub.account.writes().count(UNSORTED) == 1
    (lead_id,) = hub.account.leads
    assert [(note["params"]["uniq"], note["entity_id"]) for note in hub.account.call_notes()] == [
        ("call-551", lead_id),
        ("call-552", lead_id),
    ]


def test_two_calls_that_both_found_nobody_make_one_client() -> None:
    first = Hub()
    second = first.another_call()
    for hub, call_id in ((first, "call-1"), (second, "call-2")):
        hub.perform("find", log(call(call_id=call_id)))
    first.perform("create", log(call(call_id="call-1")))
    second.perform("create", log(call(call_id="call-2")))
    second.perform("call", log(call(call_id="call-2")))
    assert first.account.writes().count(UNSORTED) == 1
    assert len(first.account.call_notes()) == 2


def test_where_incoming_leads_are_off_a_stranger_becomes_contact_and_lead() -> None:
    hub = Hub()
    hub.account.takes_incoming = False
    hub.show(log())
    assert UNSORTED not in hub.account.writes()
    assert hub.account.writes().count(COMPLEX) == 1
    assert len(hub.account.call_notes()) == 1


def test_by_policy_a_stranger_becomes_contact_and_lead_with_the_line_as_source() -> None:
    hub = Hub()
    hub.settings |= {"unknown_caller": "lead", "pipeline_id": "31", "status_id": "50"}
    hub.show(log(call(source=YANDEX)))
    ((item,),) = hub.account.bodies(COMPLEX)
    assert item["_embedded"]["source"] == {"type": "widget", "external_id": "did:74950000001"}
    assert (item["pipeline_id"], item["status_id"], "metadata" in item["_embedded"]) == (31, 50, False)
    (lead_id,) = hub.account.leads
    (note,) = hub.account.call_notes()
    assert (note["kind"], note["entity_id"], note["params"]["uniq"]) == ("leads", lead_id, "call-551")


def test_a_line_is_made_a_source_once() -> None:
    hub = Hub()
    hub.settings["unknown_caller"] = "lead"
    hub.show(log())
    hub.another_call().show(log(call(call_id="c2", client=Phone("+79007654321", "+79007654321"))))
    assert [one["external_id"] for one in hub.account.sources] == ["did:74950000001"]
    assert hub.account.calls("GET /api/v4/sources") == ["GET /api/v4/sources"]


def test_a_lead_goes_without_a_source_when_amocrm_takes_no_more_of_them() -> None:
    hub = Hub()
    hub.settings["unknown_caller"] = "lead"
    hub.account.on(f"POST {API}/sources", problem(400, "limit of 100 sources"))
    hub.show(log())
    ((item,),) = hub.account.bodies(COMPLEX)
    assert "source" not in item["_embedded"]


def test_by_policy_nothing_is_made_of_a_stranger() -> None:
    hub = Hub()
    hub.settings["unknown_caller"] = "nothing"
    facts = missed()
    hub.show(log(facts), task(facts))
    assert hub.account.writes() == []
    assert all("skipped" in hub.done[key] for key in ("create", "call", "task"))


# --- A known client -------------------------------------------------------------------------------


def test_a_known_client_gets_the_call_on_their_card_and_nothing_is_made() -> None:
    hub = Hub()
    contact = known(hub)
    hub.show(lead(), log())
    assert hub.account.writes() == [f"POST {API}/contacts/notes"]
    (note,) = hub.account.call_notes()
    assert (note["entity_id"], note["note_type"], note["created_at"]) == (contact, "call_in", int(STARTED.timestamp()))
    assert note["params"] == {
        "uniq": "call-551",
        "duration": 187,
        "source": "Dozvon",
        "phone": "+79001234567",
        "call_status": 4,
        "call_responsible": 5,
    }
    assert (note["created_by"], note["responsible_user_id"]) == (5, 5)
    assert hub.account.contacts[contact]["responsible_user_id"] == 8


def test_the_open_lead_is_used_again() -> None:
    hub = Hub()
    contact = known(hub)
    hub.account.add_lead(contact, status_id=143)
    open_lead = hub.account.add_lead(contact)
    hub.show(log())
    (note,) = hub.account.call_notes()
    assert (note["kind"], note["entity_id"]) == ("leads", open_lead)


def test_with_several_open_leads_the_call_goes_to_the_one_changed_last() -> None:
    hub = Hub()
    contact = known(hub)
    hub.account.add_lead(contact, updated_at=10)
    newest = hub.account.add_lead(contact, updated_at=99)
    hub.account.add_lead(contact, updated_at=50)
    hub.show(log())
    assert [note["entity_id"] for note in hub.account.call_notes()] == [newest]


def test_a_missed_call_of_a_known_client_is_a_task_for_the_owner_of_the_lead() -> None:
    hub = Hub()
    open_lead = hub.account.add_lead(known(hub))
    facts = missed()
    hub.show(log(facts), task(facts))
    (note,) = hub.account.call_notes()
    assert (note["params"]["duration"], note["params"]["call_status"]) == (0, 6)
    (made,) = hub.account.tasks.values()
    assert (made["entity_type"], made["entity_id"], made["responsible_user_id"]) == ("leads", open_lead, 9)
    assert made["complete_till"] == int(ENDED.timestamp()) + 3600


def test_a_company_is_a_client_too() -> None:
    hub = Hub()
    company = hub.account.add("companies", "+79001234567", name="Doors")
    hub.show(log())
    (note,) = hub.account.call_notes()
    assert (note["kind"], note["entity_id"]) == ("companies", company)


# --- Outbound -------------------------------------------------------------------------------------


def test_an_outbound_call_to_a_known_client_is_logged() -> None:
    hub = Hub()
    known(hub)
    hub.show(log(outbound()))
    assert [note["note_type"] for note in hub.account.call_notes()] == ["call_out"]


@pytest.mark.parametrize(("result", "status"), [(Result.NO_ANSWER, 6), (Result.BUSY, 7), (Result.WRONG_NUMBER, 5)])
def test_an_unanswered_outbound_call_says_why(result: Result, status: int) -> None:
    hub = Hub()
    known(hub)
    hub.show(log(outbound(answered=False, talk_seconds=0, result=result)))
    assert [note["params"]["call_status"] for note in hub.account.call_notes()] == [status]


def test_an_outbound_call_to_an_unknown_number_makes_the_person_and_no_lead() -> None:
    hub = Hub()
    hub.show(log(outbound()))
    assert hub.account.writes() == [CONTACTS, f"POST {API}/contacts/notes"]
    assert hub.account.leads == {}
    (contact,) = hub.account.contacts.values()
    assert contact["responsible_user_id"] == 5


def test_by_policy_an_outbound_call_to_an_unknown_number_is_not_logged() -> None:
    hub = Hub()
    hub.settings["unknown_outbound"] = "nothing"
    hub.show(log(outbound()))
    assert hub.account.writes() == []


# --- The card that rings --------------------------------------------------------------------------


def test_each_rung_employee_gets_a_card_while_it_rings() -> None:
    hub = Hub()
    facts = call(ended_at=None)
    ringing = [intent(IntentKind.SHOW_CARD, facts, about=user) for user in ("5", "8")]
    hub.show(*ringing, lead(facts))
    assert [(card["phone_number"], card["users"]) for card in hub.account.cards] == [
        ("79001234567", [5]),
        ("79001234567", [8]),
    ]
    assert hub.account.writes() == ["POST /api/v2/events"] * 2


# --- A card that went away ------------------------------------------------------------------------


def test_a_card_deleted_meanwhile_does_not_lose_the_call() -> None:
    hub = Hub()
    contact = known(hub)
    hub.perform("find", log())
    hub.perform("create", log())
    del hub.account.contacts[contact]
    other = known(hub)
    hub.perform("call", log())
    assert [note["entity_id"] for note in hub.account.call_notes()] == [other]
    hub.perform("task", task(missed()))
    assert [row["entity_id"] for row in hub.account.tasks.values()] == [other]


def test_a_client_deleted_meanwhile_becomes_a_stranger_again() -> None:
    hub = Hub()
    contact = known(hub)
    hub.perform("find", log())
    hub.perform("create", log())
    del hub.account.contacts[contact]
    assert hub.perform("call", log())["call_logged"] is True
    assert len(hub.account.call_notes()) == 1


def test_a_refusal_that_is_not_about_the_card_stands() -> None:
    hub = Hub()
    known(hub)
    hub.account.on(f"POST {API}/contacts/notes", problem(400, "Too long"))
    with pytest.raises(Rejected, match="Too long"):
        hub.show(log())


@pytest.mark.parametrize("call_", [UNSORTED, COMPLEX, CONTACTS])
def test_an_answer_without_ids_is_an_unknown_outcome(call_: str) -> None:
    hub = Hub()
    hub.settings["unknown_caller"] = "lead" if call_ == COMPLEX else "unsorted"
    hub.account.on(call_, problem(200, "fine"))
    with pytest.raises(OutcomeUnknown):
        hub.show(log(outbound() if call_ == CONTACTS else call()))


def test_the_link_is_on_the_call_from_the_start() -> None:
    hub = Hub()
    known(hub)
    hub.show(log(call(recording_links=(LINK,))))
    assert [note["params"]["link"] for note in hub.account.call_notes()] == [LINK]
