"""Contacts and leads of the simulated account: shapes, lists, searches, refusals (amocrm.md §0, §3.7, §4.2–§4.4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock, User
from tests.simulators.amocrm_talk import PHONE, Talk, phone_field

DENIED = User(507, "Глеб Носов", "gleb@acme.example", rights={"contacts.view": "D", "leads.add": "D"})
ADMIN = User(503, "Ольга Смирнова", "olga@acme.example", is_admin=True)
ANNA = User(504, "Анна Лебедева", "anna@acme.example", phone="101")


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=ManualClock(), users=(ADMIN, ANNA, DENIED)) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


def hits(talk: Talk, query: str) -> list[int]:
    body = talk.ask("GET", f"contacts?query={query}")[1]
    return [one["id"] for one in body["_embedded"]["contacts"]] if body else []


def test_empty_lists_and_missing_entities_are_204_without_a_body(talk: Talk) -> None:
    for path in ("contacts", "leads?page=1", "companies", "tasks", "sources", "webhooks", "leads/tags", "contacts/77"):
        answer = talk.raw("GET", path)
        assert (path, answer.status, answer.data) == (path, 204, b"")
        assert "Content-Type" not in answer.headers
    assert talk.ask("GET", "leads/pipelines/77")[0] == 404


def test_media_types_tell_success_from_problems(talk: Talk) -> None:
    fine, wrong = talk.raw("GET", "account"), talk.raw("GET", "nothing")
    assert (fine.status, fine.headers["Content-Type"]) == (200, "application/hal+json")
    assert (wrong.status, wrong.headers["Content-Type"]) == (404, "application/problem+json")
    assert fine.headers["X-Request-Id"] != wrong.headers["X-Request-Id"]
    assert talk.ask("PUT", "contacts", [{}])[0] == 405


def test_pages_end_without_next_or_with_a_dangling_one(amo: AmoCrmSimulator, talk: Talk) -> None:
    for number in range(4):
        amo.add_contact(f"+7900123450{number}")
    first = talk.ok("GET", "contacts?limit=2")
    assert "page=2" in first["_links"]["next"]["href"]
    assert "_total_items" not in first
    last = talk.ok("GET", "contacts?limit=2&page=2")
    assert "next" not in last["_links"]
    amo.settings.dangling_next = True
    assert "next" in talk.ok("GET", "contacts?limit=2&page=2")["_links"]
    assert talk.ask("GET", "contacts?limit=2&page=3")[0] == 204


def test_limits_of_a_page_are_422(talk: Talk) -> None:
    status, body = talk.ask("GET", "contacts?limit=251")
    assert (status, body["detail"]) == (422, "Limit 250 per page")
    assert talk.ask("GET", "events?limit=101")[0] == 422
    assert talk.ask("POST", "contacts", [{"name": "x"}] * 251)[0] == 422


def test_query_is_imprecise_and_blind_to_prefixes(amo: AmoCrmSimulator, talk: Talk) -> None:
    by_phone = amo.add_contact("8 (900) 123-45-67", "Ivan")
    by_name = amo.add_contact("+79007654321", "Order 9001234567")
    assert hits(talk, "9001234567") == [by_phone, by_name]
    assert hits(talk, "%2B79001234567") == []
    assert hits(talk, "89001234567") == [by_phone]
    assert hits(talk, "ivan") == [by_phone]
    amo.settings.query_last_digits = 7
    assert hits(talk, "4951234567") == [by_phone, by_name]


def test_contact_is_made_read_and_echoes_its_request_id(amo: AmoCrmSimulator, talk: Talk) -> None:
    fields = [phone_field(PHONE), {"field_code": "POSITION", "values": [{"value": "Director"}]}]
    items = [{"name": "Ivan", "custom_fields_values": fields, "request_id": "a"}, {"first_name": "P", "last_name": "Q"}]
    made = talk.ok("POST", "contacts", items)["_embedded"]["contacts"]
    assert [one["request_id"] for one in made] == ["a", "1"]
    read = talk.ok("GET", f"contacts/{made[0]['id']}?with=leads")
    phone, position = read["custom_fields_values"]
    assert (phone["field_code"], phone["field_type"]) == ("PHONE", "multitext")
    assert (phone["values"][0]["value"], phone["values"][0]["enum_code"]) == (PHONE, "WORK")
    assert position["values"] == [{"value": "Director"}]
    assert read["_embedded"]["leads"] == []
    assert talk.ok("GET", f"contacts/{made[1]['id']}")["name"] == "P Q"


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"responsible_user_id": 999}, "NotSupportedChoice", "responsible_user_id"),
        ({"name": 5}, "InvalidType", "name"),
        ({"name": None}, "NotNullable", "name"),
        ({"account_id": 555}, "NotSupportedChoice", "account_id"),
        ({"tags_to_add": [{"id": 77}]}, "NotSupportedChoice", "tags_to_add.0.id"),
        (
            {"custom_fields_values": [{"field_id": 1, "values": []}]},
            "NotSupportedChoice",
            "custom_fields_values.0.field_id",
        ),
        ({"custom_fields_values": {}}, "InvalidType", "custom_fields_values"),
        ({"custom_fields_values": [{"field_code": "PHONE"}]}, "FieldMissing", "custom_fields_values.0.values"),
        (
            {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": PHONE, "enum_code": "MY"}]}]},
            "NotSupportedChoice",
            "custom_fields_values.0.values.0.enum_code",
        ),
        (
            {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": 79001234567}]}]},
            "InvalidType",
            "custom_fields_values.0.values.0.value",
        ),
    ],
)
def test_wrong_contacts_are_refused_by_path(
    amo: AmoCrmSimulator, talk: Talk, change: dict[str, Any], code: str, path: str
) -> None:
    item = {"name": "Ivan", "request_id": "a", **change}
    assert talk.refused("POST", "contacts", [{"name": "fine"}, item]) == [("a", code, path)]
    assert amo.contacts() == []


def test_fired_person_can_own_nothing(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.fire(504)
    contact = amo.add_contact(PHONE)
    assert talk.refused("PATCH", f"contacts/{contact}", {"responsible_user_id": 504})[0][2] == "responsible_user_id"
    assert Talk(amo, amo.token_of(504)).ask("GET", "account")[0] == 401


def test_phone_field_is_replaced_as_a_whole(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    talk.ok("PATCH", f"contacts/{contact}", {"custom_fields_values": [phone_field(PHONE, "+79007654321")]})
    assert amo.offences("phone_lost") == []
    talk.ok("PATCH", f"contacts/{contact}", {"custom_fields_values": [phone_field("+79007654321")]})
    (field,) = amo.contacts()[0]["custom_fields_values"]
    assert [one["value"] for one in field["values"]] == ["+79007654321"]
    assert amo.offences("phone_lost")
    talk.ok("PATCH", "contacts", [{"id": contact, "custom_fields_values": [{"field_code": "PHONE", "values": None}]}])
    assert amo.contacts()[0]["custom_fields_values"] is None


def test_patch_answers_updated_at_and_wants_one_object_for_one_entity(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    assert talk.ok("PATCH", f"contacts/{contact}", {"name": "New"})["updated_at"] == 1_788_000_000
    assert talk.ask("PATCH", f"contacts/{contact}", [{"name": "New"}])[0] == 400
    assert talk.ask("PATCH", "contacts/77", {"name": "New"})[0] == 204
    assert talk.refused("PATCH", "contacts", [{"id": 77, "name": "x"}])[0][1:] == ("NotSupportedChoice", "id")


def test_tracking_fields_take_strings_and_unknown_codes_fail(amo: AmoCrmSimulator, talk: Talk) -> None:
    listed = talk.ok("GET", "leads/custom_fields?filter[type][0]=tracking_data&limit=250")
    codes = {one["code"] for one in listed["_embedded"]["custom_fields"]}
    assert {"UTM_SOURCE", "YCLID", "_YM_UID"} <= codes
    assert listed["_total_items"] == len(codes) == 19
    field = {"field_code": "UTM_SOURCE", "values": [{"value": "yandex"}]}
    talk.ok("POST", "leads", [{"name": "L", "custom_fields_values": [field]}])
    unknown = {**field, "field_code": "UTM_NOPE"}
    flaws = talk.refused("POST", "leads", [{"name": "L", "custom_fields_values": [unknown]}])
    assert flaws == [("0", "NotSupportedChoice", "custom_fields_values.0.field_code")]
    number = {**field, "values": [{"value": 5}]}
    assert talk.refused("POST", "leads", [{"custom_fields_values": [number]}])[0][1] == "InvalidType"


def test_select_takes_an_enum_or_its_exact_text(amo: AmoCrmSimulator, talk: Talk) -> None:
    field = amo.add_field("leads", "Channel", None, "select", enums=("Phone", "Site"))
    definition = talk.ok("GET", f"leads/custom_fields/{field}")
    enum = definition["enums"][1]["id"]
    for value in ({"enum_id": enum}, {"value": "Site"}):
        talk.ok("POST", "leads", [{"custom_fields_values": [{"field_id": field, "values": [value]}]}])
    assert {lead["custom_fields_values"][0]["values"][0]["value"] for lead in amo.leads()} == {"Site"}
    wrong = {"field_id": field, "values": [{"value": "site"}]}
    assert talk.refused("POST", "leads", [{"custom_fields_values": [wrong]}])[0][1] == "NotSupportedChoice"


def test_custom_field_is_made_by_an_administrator(amo: AmoCrmSimulator, talk: Talk) -> None:
    item = {"name": "Session", "type": "text", "code": "DZ_VISIT", "is_api_only": True}
    status, body = talk.ask("POST", "leads/custom_fields", [item])
    assert (status, body["_embedded"]["custom_fields"][0]["code"]) == (201, "DZ_VISIT")
    assert Talk(amo, amo.token_of(504)).ask("POST", "leads/custom_fields", [item])[0] == 403
    tracking = {"name": "T", "type": "tracking_data"}
    assert talk.refused("POST", "leads/custom_fields", [tracking])[0][2] == "tracking_callback"


def test_lead_refers_only_to_what_is_there(amo: AmoCrmSimulator, talk: Talk) -> None:
    contact = amo.add_contact(PHONE)
    item = {"name": "L", "_embedded": {"contacts": [{"id": contact, "is_main": True}], "tags": [{"name": "call"}]}}
    (made,) = talk.ok("POST", "leads", [item])["_embedded"]["leads"]
    lead = talk.ok("GET", f"leads/{made['id']}?with=contacts")
    assert [(one["id"], one["is_main"]) for one in lead["_embedded"]["contacts"]] == [(contact, True)]
    assert [tag["name"] for tag in lead["_embedded"]["tags"]] == ["call"]
    assert "contacts" not in talk.ok("GET", f"leads/{made['id']}")["_embedded"]
    item["_embedded"] = {"contacts": [{"name": "new"}]}
    assert talk.refused("POST", "leads", [item])[0][1:] == ("NotSupportedChoice", "_embedded.contacts.0.id")


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"pipeline_id": 77}, "pipeline_id"),
        ({"status_id": 77}, "status_id"),
        ({"pipeline_id": 32, "status_id": 3102}, "status_id"),
        ({"status_id": 142, "loss_reason_id": 1}, "loss_reason_id"),
    ],
)
def test_unknown_stages_are_refused(talk: Talk, item: dict[str, int], path: str) -> None:
    assert talk.refused("POST", "leads", [item]) == [("0", "NotSupportedChoice", path)]


def test_tags_are_added_taken_away_or_replaced(amo: AmoCrmSimulator, talk: Talk) -> None:
    lead = amo.add_entity("leads", {"tags_to_add": [{"name": "a"}, {"name": "b"}]})

    def names() -> list[str]:
        return [tag["name"] for tag in amo.leads()[0]["_embedded"]["tags"]]

    talk.ok("PATCH", f"leads/{lead}", {"tags_to_add": [{"name": "c"}], "tags_to_delete": [{"name": "a"}]})
    assert names() == ["b", "c"]
    talk.ok("PATCH", f"leads/{lead}", {"_embedded": {"tags": [{"name": "d"}]}})
    assert names() == ["d"]
    assert len(talk.ok("GET", "leads/tags")["_embedded"]["tags"]) == 4


def test_filters_by_id_time_and_order(amo: AmoCrmSimulator, talk: Talk) -> None:
    first, second = amo.add_contact(PHONE), amo.add_contact("+79007654321")
    amo.account.entities["contacts"][second]["updated_at"] += 100

    def ids(query: str) -> list[int]:
        return [one["id"] for one in talk.ok("GET", f"contacts?{query}")["_embedded"]["contacts"]]

    assert ids(f"filter[id][]={second}") == [second]
    assert ids("filter[updated_at][from]=1788000050") == [second]
    assert ids("order[updated_at]=desc") == [second, first]


def test_rights_of_the_tokens_user_count_and_an_admin_may_act_as_another(amo: AmoCrmSimulator, talk: Talk) -> None:
    amo.add_contact(PHONE)
    denied = Talk(amo, amo.token_of(507))
    assert denied.ask("GET", "contacts")[0] == 403
    assert denied.ask("POST", "leads", [{"name": "L"}])[0] == 403
    assert talk.raw("GET", "contacts", **{"X-Context-User-ID": "507"}).status == 403


def test_unknown_fields_are_ignored_but_noted(amo: AmoCrmSimulator, talk: Talk) -> None:
    talk.ok("POST", "contacts", [{"name": "x", "phone": PHONE}])
    assert [one["detail"] for one in amo.offences("unknown_field")] == ["contacts: phone"]
