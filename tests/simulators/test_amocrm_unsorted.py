"""Incoming leads and `leads/complex` of the simulated account (amocrm.md §3.2–§3.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import KEY, PHONE, Talk, phone_field, sip

FORM = {
    "form_id": "cb",
    "form_name": "Call me back",
    "form_page": "https://shop.example/p",
    "form_sent_at": 1_788_000_000,
}


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=ManualClock()) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


def put(talk: Talk, item: dict[str, Any], category: str = "sip") -> dict[str, Any]:
    (made,) = talk.ok("POST", f"leads/unsorted/{category}", [item])["_embedded"]["unsorted"]
    return dict(made)


def test_incoming_lead_is_a_lead_at_once_in_the_status_of_type_one(amo: AmoCrmSimulator, talk: Talk) -> None:
    made = put(talk, sip())
    assert (made["request_id"], made["account_id"]) == ("u-1", 555)
    (lead,) = amo.leads()
    assert [one["id"] for one in made["_embedded"]["leads"]] == [lead["id"]]
    assert (lead["pipeline_id"], lead["status_id"], lead["name"]) == (31, 3101, "Missed call")
    (contact,) = amo.contacts()
    assert contact["is_unsorted"] is True
    assert [one["id"] for one in lead["_embedded"]["contacts"]] == [contact["id"]]
    assert amo.report()["unsorted_per_phone"] == {KEY: 1}


def test_call_note_comes_only_when_it_is_asked_for(amo: AmoCrmSimulator, talk: Talk) -> None:
    put(talk, sip())
    assert amo.calls() == []
    put(talk, sip("+79007654321", uniq="pbx-2", is_call_event_needed=True, call_responsible=504))
    (call,) = amo.calls()
    assert (call["via"], call["phone"], call["entity_type"], call["uniq"]) == (
        "unsorted",
        "+79007654321",
        "lead",
        "pbx-2",
    )


@pytest.mark.parametrize("name", ["source_uid", "source_name", "metadata"])
def test_envelope_has_required_fields(talk: Talk, name: str) -> None:
    item = {key: value for key, value in sip().items() if key != name}
    assert talk.refused("POST", "leads/unsorted/sip", [item]) == [("u-1", "FieldMissing", name)]


def test_form_needs_its_own_metadata(amo: AmoCrmSimulator, talk: Talk) -> None:
    envelope = {**sip(), "metadata": FORM}
    assert put(talk, envelope, "forms")["uid"]
    assert amo.unsorted()[0]["category"] == "forms"
    flaws = talk.refused("POST", "leads/unsorted/forms", [sip()])
    assert ("u-1", "FieldMissing", "metadata.form_id") in flaws


def test_pipeline_without_incoming_leads_refuses(amo: AmoCrmSimulator, talk: Talk) -> None:
    for number in (32, 77):
        flaws = talk.refused("POST", "leads/unsorted/sip", [{**sip(), "pipeline_id": number}])
        assert flaws == [("u-1", "NotSupportedChoice", "pipeline_id")]
    assert amo.leads() == []


def test_unknown_tracking_field_refuses_the_whole_batch_by_path(amo: AmoCrmSimulator, talk: Talk) -> None:
    bad = sip("+79007654321")
    bad["request_id"] = "u-2"
    bad["_embedded"]["leads"][0]["custom_fields_values"] = [{"field_code": "UTM_NOPE", "values": [{"value": "x"}]}]
    flaws = talk.refused("POST", "leads/unsorted/sip", [sip(), bad])
    path = "_embedded.leads.0.custom_fields_values.0.field_code"
    assert flaws == [("u-2", "NotSupportedChoice", path)]
    assert amo.unsorted() == []


def test_accept_moves_the_lead_and_frees_the_contact(amo: AmoCrmSimulator, talk: Talk) -> None:
    uid = put(talk, sip())["uid"]
    body = talk.ok("POST", f"leads/unsorted/{uid}/accept", {"user_id": 504, "status_id": 3103})
    assert (body["uid"], body["category"], body["pipeline_id"]) == (uid, "sip", 31)
    (lead,), (contact,) = amo.leads(), amo.contacts()
    assert (lead["status_id"], lead["responsible_user_id"]) == (3103, 504)
    assert (contact["is_unsorted"], contact["responsible_user_id"]) == (False, 504)
    assert talk.ask("GET", "leads/unsorted")[0] == 204
    assert talk.ask("POST", f"leads/unsorted/{uid}/accept", {})[0] == 404


def test_accept_without_a_body_takes_the_first_normal_status(amo: AmoCrmSimulator, talk: Talk) -> None:
    uid = put(talk, sip())["uid"]
    talk.ok("POST", f"leads/unsorted/{uid}/accept")
    assert amo.leads()[0]["status_id"] == 3102


@pytest.mark.parametrize("body", [{"user_id": 999}, {"status_id": 3101}, {"status_id": 77}])
def test_accept_refuses_unknown_people_and_statuses(amo: AmoCrmSimulator, talk: Talk, body: dict[str, int]) -> None:
    uid = put(talk, sip())["uid"]
    assert talk.ask("POST", f"leads/unsorted/{uid}/accept", body)[0] == 400
    assert amo.unsorted()[0]["is_open"]


def test_decline_takes_lead_and_new_contact_away(amo: AmoCrmSimulator, talk: Talk) -> None:
    uid = put(talk, sip())["uid"]
    assert talk.ok("DELETE", f"leads/unsorted/{uid}/decline", {"user_id": 504})["uid"] == uid
    assert talk.ask("GET", "leads") == talk.ask("GET", "contacts") == (204, None)
    assert amo.unsorted()[0]["state"] == "decline"


def test_calls_and_forms_cannot_be_linked(talk: Talk) -> None:
    uid = put(talk, sip())["uid"]
    body = {"link": {"entity_type": "leads", "entity_id": 1}, "user_id": 504}
    assert talk.ask("POST", f"leads/unsorted/{uid}/link", body)[0] == 400


def test_incoming_leads_are_listed_by_uid_and_category_and_summed_up(talk: Talk) -> None:
    uid = put(talk, sip())["uid"]
    put(talk, {**sip("+79007654321"), "metadata": FORM}, "forms")
    (found,) = talk.ok("GET", f"leads/unsorted?filter[uid][]={uid}")["_embedded"]["unsorted"]
    assert (found["uid"], found["metadata"]["uniq"], found["source_uid"]) == (uid, "pbx-1", "did:74950001122")
    forms = talk.ok("GET", "leads/unsorted?filter[category][]=forms")["_embedded"]["unsorted"]
    assert [one["category"] for one in forms] == ["forms"]
    assert talk.ok("GET", f"leads/unsorted/{uid}")["uid"] == uid
    talk.ok("POST", f"leads/unsorted/{uid}/accept")
    summary = talk.ok("GET", "leads/unsorted/summary")
    assert (summary["total"], summary["accepted"], summary["declined"]) == (2, 1, 0)
    assert summary["categories"]["sip"] == {"total": 1}


def test_second_open_incoming_lead_of_one_number_is_noted(amo: AmoCrmSimulator, talk: Talk) -> None:
    uid = put(talk, sip("+79001234567"))["uid"]
    put(talk, sip("8 900 123-45-67", uniq="pbx-2"))
    assert len(amo.offences("incoming_lead_doubled")) == 1
    assert amo.report()["unsorted_per_phone"] == {KEY: 2}
    assert talk.ask("GET", f"leads/unsorted/{uid}")[0] == 200


def whole_lead(**changes: Any) -> dict[str, Any]:
    contact = {"name": "Ivan", "custom_fields_values": [phone_field(PHONE)]}
    return {"name": "Call", "request_id": "r-1", "_embedded": {"contacts": [contact]}, **changes}


def test_complex_answers_a_bare_array_and_always_makes_new_contacts(amo: AmoCrmSimulator, talk: Talk) -> None:
    old = amo.add_contact(PHONE)
    (made,) = talk.ok("POST", "leads/complex", [whole_lead()])
    (lead,) = amo.leads()
    assert (made["id"], made["request_id"], made["merged"], made["company_id"]) == (lead["id"], ["r-1"], False, None)
    assert made["contact_id"] != old
    assert lead["status_id"] == 3102
    assert amo.offences("contact_doubled")


def test_complex_merges_only_with_duplicate_control_and_a_widget(amo: AmoCrmSimulator, talk: Talk) -> None:
    (first,) = talk.ok("POST", "leads/complex", [whole_lead()])
    amo.settings.duplicate_control = True
    (second,) = talk.ok("POST", "leads/complex", [whole_lead()])
    assert (second["merged"], second["id"] == first["id"]) == (False, False)
    talk.ok("PATCH", f"leads/{second['id']}", {"status_id": 143})
    amo.integration.has_widget = True
    (third,) = talk.ok("POST", "leads/complex", [whole_lead(name="again")])
    assert (third["merged"], third["id"], third["contact_id"]) == (True, first["id"], first["contact_id"])
    assert len(amo.leads()) == 2


def test_complex_with_metadata_is_an_incoming_lead(amo: AmoCrmSimulator, talk: Talk) -> None:
    item = whole_lead()
    item["_embedded"]["metadata"] = {**sip()["metadata"], "category": "sip"}
    talk.ok("POST", "leads/complex", [item])
    assert (amo.leads()[0]["status_id"], amo.unsorted()[0]["category"]) == (3101, "sip")
    item["_embedded"]["metadata"] = {"category": "mail"}
    assert talk.refused("POST", "leads/complex", [item])[0][2] == "_embedded.metadata.category"


def test_complex_takes_fifty_leads_with_one_contact_and_forty_values_each(amo: AmoCrmSimulator, talk: Talk) -> None:
    assert talk.ask("POST", "leads/complex", [whole_lead() for _ in range(51)])[0] == 400
    two = whole_lead(_embedded={"contacts": [{"name": "a"}, {"name": "b"}]})
    assert talk.refused("POST", "leads/complex", [two])[0][2] == "_embedded.contacts"
    many = whole_lead(custom_fields_values=[{"field_code": "YCLID", "values": [{"value": "1"}]}] * 41)
    assert talk.refused("POST", "leads/complex", [many])[0][2] == "custom_fields_values"
    assert amo.leads() == []
