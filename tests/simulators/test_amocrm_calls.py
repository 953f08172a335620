"""Calls, call notes and ring-time cards of the simulated account (amocrm.md §3.1, §3.6, §3.11)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import PHONE, Talk, call, phone_field, sip


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=ManualClock()) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


def card_of(talk: Talk, **changes: Any) -> tuple[str, int]:
    (added,) = talk.ok("POST", "calls", [call(**changes)])["_embedded"]["calls"]
    return added["entity_type"], added["entity_id"]


def test_call_of_an_unknown_number_is_400_without_validation_errors(amo: AmoCrmSimulator, talk: Talk) -> None:
    status, body = talk.ask("POST", "calls", [call()])
    assert (status, body["_total_items"], body["_embedded"]) == (400, 0, {"calls": []})
    assert [(one["title"], one["request_id"]) for one in body["errors"]] == [("Entity not found", "c-1")]
    assert "validation-errors" not in body
    assert amo.calls() == amo.offences() == []


def test_mixed_batch_is_200_with_both_lists(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    items = [call(request_id="known"), call(request_id="unknown", phone="+79007654321", uniq="pbx-2")]
    body = talk.ok("POST", "calls", items)
    assert body["_total_items"] == 1
    assert [one["request_id"] for one in body["errors"]] == ["unknown"]
    (added,) = body["_embedded"]["calls"]
    assert (added["entity_type"], added["entity_id"], added["request_id"]) == ("contact", contact, "known")
    assert added["_embedded"]["entity"]["id"] == contact
    assert added["account_id"] == 555


@pytest.mark.parametrize("stored", ["8 (900) 123-45-67", "9001234567", "+7 900 123 45 67", "0079001234567"])
def test_last_ten_digits_decide(amo: AmoCrmSimulator, talk: Talk, stored: str) -> None:
    contact = amo.add_contact(stored)
    assert card_of(talk) == ("contact", contact)


def test_short_number_is_compared_as_a_whole(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact("12345")
    assert card_of(talk, phone="12345") == ("contact", contact)
    assert talk.ask("POST", "calls", [call(phone="2345", uniq="pbx-2")])[0] == 400


def test_one_active_lead_takes_the_call_and_more_or_none_leave_it_to_the_contact(
    amo: AmoCrmSimulator, talk: Talk
) -> None:
    contact = amo.add_contact(PHONE)
    lost = amo.add_entity("leads", {"name": "lost", "status_id": 143})
    amo.link(lost, contact)
    assert card_of(talk, uniq="1") == ("contact", contact)
    first = amo.add_entity("leads", {"name": "first"})
    amo.link(first, contact)
    assert card_of(talk, uniq="2") == ("lead", first)
    second = amo.add_entity("leads", {"name": "second"})
    amo.link(second, contact)
    assert card_of(talk, uniq="3") == ("contact", contact)
    talk.ok("PATCH", f"leads/{second}", {"status_id": 142})
    assert card_of(talk, uniq="4") == ("lead", first)


def test_company_is_found_when_no_contact_has_the_number(amo: AmoCrmSimulator, talk: Talk) -> None:
    company = amo.add_entity("companies", {"name": "Acme", "custom_fields_values": [phone_field(PHONE)]})
    assert card_of(talk) == ("company", company)


def test_deleted_contact_is_not_found(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.delete_entity("contacts", amo.add_contact(PHONE))
    assert talk.ask("POST", "calls", [call()])[0] == 400


def test_contact_that_is_still_unsorted_is_found_only_when_the_account_is_set_so(
    amo: AmoCrmSimulator, talk: Talk
) -> None:
    talk.ok("POST", "leads/unsorted/sip", [sip()])
    assert talk.ask("POST", "calls", [call()])[0] == 400
    amo.settings.calls_match_unsorted = True
    assert card_of(talk)[0] == "lead"


@pytest.mark.parametrize("name", ["link", "call_result", "call_status", "uniq"])
def test_null_is_refused(amo: AmoCrmSimulator, talk: Talk, name: str) -> None:
    amo.add_contact(PHONE)
    assert talk.refused("POST", "calls", [call(**{name: None})]) == [("c-1", "NotNullable", name)]
    assert amo.calls() == []


def test_null_responsible_is_fine(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    assert card_of(talk, call_responsible=None)[0] == "contact"


@pytest.mark.parametrize("name", ["direction", "duration", "source", "phone"])
def test_required_fields_are_required(talk: Talk, name: str) -> None:
    item = {key: value for key, value in call().items() if key != name}
    assert talk.refused("POST", "calls", [item]) == [("c-1", "FieldMissing", name)]


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("direction", "in", "NotSupportedChoice"),
        ("duration", "40", "InvalidType"),
        ("duration", 40.5, "InvalidType"),
        ("created_at", 1_788_000_000.5, "InvalidType"),
        ("created_at", 1_788_000_000_000, "InvalidType"),
        ("call_status", 9, "NotSupportedChoice"),
        ("created_by", 999, "NotSupportedChoice"),
        ("responsible_user_id", 999, "NotSupportedChoice"),
        ("phone", 79001234567, "InvalidType"),
    ],
)
def test_wrong_values_are_refused_by_path(amo: AmoCrmSimulator, talk: Talk, name: str, value: Any, code: str) -> None:
    amo.add_contact(PHONE)
    assert talk.refused("POST", "calls", [call(**{name: value})]) == [("c-1", code, name)]


def test_one_bad_item_keeps_the_whole_batch_out(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    bad = {key: value for key, value in call(duration="x").items() if key != "request_id"}
    assert talk.refused("POST", "calls", [call(), bad]) == [("1", "InvalidType", "duration")]
    assert amo.calls() == []
    assert amo.offences("invalid_request")


def test_object_in_place_of_an_array_is_refused(talk: Talk) -> None:
    status, body = talk.ask("POST", "calls", call())
    assert (status, "validation-errors" in body) == (400, False)
    assert talk.ask("POST", "calls", [])[1]["detail"] == "Request data can not be empty"


def test_same_call_twice_is_kept_twice_and_noted(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    talk.ok("POST", "calls", [call()])
    talk.ok("POST", "calls", [call()])
    assert [one["uniq"] for one in amo.calls()] == ["pbx-1", "pbx-1"]
    assert [one["detail"] for one in amo.offences("call_logged_twice")] == ["pbx-1"]
    assert amo.report()["calls_per_phone"] == {"9001234567": 2}


def test_call_without_a_person_is_credited_to_the_robot(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    card_of(talk, call_responsible=None)
    assert amo.calls()[0]["created_by"] == 0
    assert amo.offences("call_by_robot")


def test_call_is_read_back_as_a_note_and_there_is_no_list_of_calls(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    made = talk.ok("POST", "calls", [call(link="https://hub.example/r/1", created_at=1_788_000_100)])
    (note,) = talk.ok("GET", f"contacts/{contact}/notes?filter[note_type][]=call_in")["_embedded"]["notes"]
    assert note["id"] == made["_embedded"]["calls"][0]["id"]
    assert (note["note_type"], note["created_at"]) == ("call_in", 1_788_000_100)
    assert note["params"]["link"] == "https://hub.example/r/1"
    assert "call_result" not in note["params"]
    assert talk.ask("GET", f"contacts/{contact}/notes?filter[note_type][]=call_out") == (204, None)
    assert talk.ask("GET", "calls")[0] == 405


def call_note(**params: Any) -> dict[str, Any]:
    usual = {"uniq": "pbx-1", "duration": 40, "source": "Hub", "phone": PHONE}
    return {"note_type": "call_in", "params": {**usual, **params}, "request_id": "n-1"}


def test_call_note_goes_where_it_is_put(amo: AmoCrmSimulator, talk: Talk) -> None:
    lead = amo.add_entity("leads", {"name": "L"})
    body = talk.ok("POST", f"leads/{lead}/notes", [call_note(phone="+79990000000")])
    (note,) = body["_embedded"]["notes"]
    assert (note["entity_id"], note["request_id"]) == (lead, "n-1")
    assert amo.calls()[0]["via"] == "notes"
    status, _ = talk.ask("GET", "notes")
    assert status == 404


@pytest.mark.parametrize(
    ("item", "flaw"),
    [
        (call_note(link=None), ("NotNullable", "params.link")),
        (call_note(call_status=None), ("NotNullable", "params.call_status")),
        (call_note(duration="5"), ("InvalidType", "params.duration")),
        ({"note_type": "call_in", "params": {"uniq": "1"}}, ("FieldMissing", "params.duration")),
        ({"note_type": "call", "params": {}}, ("NotSupportedChoice", "note_type")),
        ({"note_type": "common", "params": {}}, ("FieldMissing", "params.text")),
    ],
)
def test_wrong_notes_are_refused(amo: AmoCrmSimulator, talk: Talk, item: dict[str, Any], flaw: tuple[str, str]) -> None:
    contact = amo.add_contact(PHONE)
    found = talk.refused("POST", f"contacts/{contact}/notes", [item])
    assert flaw in [error[1:] for error in found]
    assert amo.notes() == []


def test_note_on_nothing_is_refused(talk: Talk) -> None:
    assert talk.refused("POST", "contacts/77/notes", [call_note()]) == [("n-1", "NotSupportedChoice", "entity_id")]


def test_link_is_added_to_a_call_note_later_unless_the_account_forbids_it(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    note = talk.ok("POST", f"contacts/{contact}/notes", [call_note()])["_embedded"]["notes"][0]["id"]
    path = f"contacts/{contact}/notes/{note}"
    talk.ok("PATCH", path, {"params": {"link": "https://hub.example/r/1"}})
    assert (amo.calls()[0]["link"], amo.calls()[0]["uniq"]) == ("https://hub.example/r/1", "pbx-1")
    amo.settings.call_notes_editable = False
    assert talk.refused("PATCH", path, {"params": {"link": "https://hub.example/r/2"}})[0][2] == "params"


def test_recording_that_browsers_would_block_is_noted(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    card_of(talk, link="http://hub.example/r/1")
    assert amo.offences("recording_not_https")


def test_ring_time_card_is_shown_to_users_and_finds_its_client(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    event = {"type": "phone_call", "phone_number": "79001234567", "users": [504, 505]}
    assert talk.ask("POST", "/api/v2/events", {"add": [event]})[0] == 200
    (card,) = amo.cards()
    assert (card["phone"], card["users"], card["entity_id"]) == ("79001234567", [504, 505], contact)
    assert talk.ask("POST", "/api/v2/events", {"add": [{**event, "users": [999]}]})[0] == 400
    assert talk.ask("POST", "/api/v2/events", {"add": []})[0] == 400
    assert talk.ask("POST", "v2/events", {"add": [event]})[0] == 404
    assert len(amo.cards()) == 1
