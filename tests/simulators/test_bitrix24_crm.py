"""CRM, people and placements of the simulated portal (bitrix24.md §4, §6)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.bitrix24 import Bitrix24Simulator, User
from tests.simulators.bitrix24_talk import Talk

PHONE = "+79001234567"


@pytest.fixture
def portal() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


@pytest.fixture
def lead(talk: Talk) -> int:
    fields = {"TITLE": "x", "ASSIGNED_BY_ID": 7, "PHONE": [{"VALUE": PHONE}], "ORIGINATOR_ID": "hub", "ORIGIN_ID": "c1"}
    return int(talk.ok("crm.lead.add", fields=fields))


def test_lead_is_found_again_by_our_key(talk: Talk, lead: int) -> None:
    found = talk.ok("crm.lead.list", filter={"ORIGINATOR_ID": "hub", "ORIGIN_ID": "c1"}, select=["ID"])
    assert found == [{"ID": str(lead)}]
    assert talk.ok("crm.lead.list", filter={"ORIGIN_ID": "c2"}) == []


def test_old_methods_print_strings_and_refuse_with_an_empty_code(talk: Talk, lead: int) -> None:
    entity = talk.ok("crm.lead.get", id=lead)
    assert (entity["ID"], entity["ASSIGNED_BY_ID"], entity["STATUS_ID"]) == (str(lead), "7", "NEW")
    assert talk.refused("crm.lead.get", id=999) == (400, "", "Not found")
    assert talk.refused("crm.lead.get") == (400, "", "ID is not defined or invalid.")
    assert talk.ok("crm.lead.delete", id=lead) is True
    assert talk.refused("crm.lead.get", id=lead)[2] == "Not found"


def test_phone_without_id_is_added_once_more_and_with_id_changed_or_removed(
    portal: Bitrix24Simulator, talk: Talk, lead: int
) -> None:
    def phones() -> list[dict[str, Any]]:
        return list(talk.ok("crm.lead.get", id=lead)["PHONE"])

    talk.ok("crm.lead.update", id=lead, fields={"PHONE": [{"VALUE": PHONE}]})
    first, second = phones()
    assert first["VALUE"] == second["VALUE"]
    assert portal.ledger.offences("multifield_doubled")
    talk.ok("crm.lead.update", id=lead, fields={"PHONE": [{"ID": first["ID"], "VALUE": "+79000000000"}]})
    talk.ok("crm.lead.update", id=lead, fields={"PHONE": [{"ID": second["ID"], "DELETE": "Y"}]})
    assert [one["VALUE"] for one in phones()] == ["+79000000000"]


def test_unknown_own_fields_are_lost_until_they_are_made(talk: Talk, lead: int) -> None:
    talk.ok("crm.lead.update", id=lead, fields={"UF_CRM_HUB_PAGES": "/doors"})
    assert "UF_CRM_HUB_PAGES" not in talk.ok("crm.lead.get", id=lead)
    talk.ok("crm.lead.userfield.add", fields={"FIELD_NAME": "hub_pages", "USER_TYPE_ID": "string"})
    talk.ok("crm.lead.update", id=lead, fields={"UF_CRM_HUB_PAGES": "/doors"})
    assert talk.ok("crm.lead.get", id=lead)["UF_CRM_HUB_PAGES"] == "/doors"
    assert len(talk.ok("crm.lead.userfield.list", filter={"FIELD_NAME": "UF_CRM_HUB_PAGES"})) == 1


def test_lead_added_in_simple_mode_becomes_contact_and_deal(portal: Bitrix24Simulator, talk: Talk) -> None:
    portal.settings.crm_mode = "simple"
    lead = talk.ok("crm.lead.add", fields={"TITLE": "x", "NAME": "Ольга", "PHONE": [{"VALUE": PHONE}]})
    assert talk.ok("crm.lead.get", id=lead)["STATUS_ID"] == "CONVERTED"
    (deal,) = talk.ok("crm.deal.list", filter={"LEAD_ID": lead})
    assert talk.ok("crm.contact.get", id=deal["CONTACT_ID"])["PHONE"][0]["VALUE"] == PHONE


def test_doubles_are_found_by_whole_values_only(talk: Talk, lead: int) -> None:
    method = "crm.duplicate.findbycomm"
    assert talk.ok(method, type="PHONE", values=[PHONE]) == {"LEAD": [lead]}
    assert talk.ok(method, type="PHONE", values=[f"{PHONE}#404"]) == {"LEAD": [lead]}
    assert talk.ok(method, type="PHONE", values=["89001234567"]) == []
    assert talk.ok(method, type="PHONE", values=[PHONE], entity_type="CONTACT") == []
    assert talk.refused(method, type="PHONE", values=PHONE)[2] == "Communication values is not defined"
    assert talk.refused(method, type="PHONE", values=[PHONE] * 21)[0] == 400


def test_twenty_hits_in_one_type_hide_the_following_types(portal: Bitrix24Simulator, talk: Talk) -> None:
    for _ in range(20):
        portal.add_entity("LEAD", {"PHONE": [{"VALUE": PHONE}]})
    portal.add_entity("CONTACT", {"PHONE": [{"VALUE": PHONE}]})
    assert list(talk.ok("crm.duplicate.findbycomm", type="PHONE", values=[PHONE])) == ["LEAD"]


def test_universal_methods_speak_camel_case(talk: Talk) -> None:
    fields = {"title": "x", "assignedById": 7, "utmSource": "yandex", "fm": [{"typeId": "PHONE", "value": PHONE}]}
    item = talk.ok("crm.item.add", entityTypeId=1, fields={**fields, "noSuchField": 1})["item"]
    assert (item["title"], item["assignedById"], item["stageId"], item["utmSource"]) == ("x", 7, "NEW", "yandex")
    assert item["fm"][0]["value"] == PHONE
    listed = talk.ok("crm.item.list", entityTypeId=1, filter={"utmSource": "yandex"}, select=["id", "title"])
    assert listed == {"items": [{"id": item["id"], "title": "x"}]}
    assert talk.refused("crm.item.list", entityTypeId=1, filter={"nope": 1})[1] == "INVALID_ARG_VALUE"
    assert talk.refused("crm.item.get", entityTypeId=1, id=999)[1] == "NOT_FOUND"
    assert talk.refused("crm.item.get", id=999)[1] == "100"


def test_update_of_an_item_that_changes_nothing_tells_nobody(portal: Bitrix24Simulator, talk: Talk, lead: int) -> None:
    before = portal.leads()[0]["DATE_MODIFY"]
    portal.portal.crm["LEAD"][lead]["DATE_MODIFY"] = "kept"
    talk.ok("crm.item.update", entityTypeId=1, id=lead, fields={"title": "x"})
    assert portal.leads()[0]["DATE_MODIFY"] == "kept"
    talk.ok("crm.item.update", entityTypeId=1, id=lead, fields={"title": "y"})
    assert portal.leads()[0]["DATE_MODIFY"][:10] == before[:10]


def test_directories(talk: Talk) -> None:
    sources = talk.ok("crm.status.list", filter={"ENTITY_ID": "SOURCE"})
    assert {"CALL", "ADVERTISING", "CALLBACK"} <= {one["STATUS_ID"] for one in sources}
    fields = {"ENTITY_ID": "SOURCE", "STATUS_ID": "YANDEX", "NAME": "Яндекс"}
    assert isinstance(talk.ok("crm.status.add", fields=fields), int)
    assert talk.refused("crm.status.add", fields=fields)[2] == "The specified status ID already exists."
    assert talk.ok("crm.category.list", entityTypeId=2)["categories"][0]["id"] == 0


def test_todo_needs_an_owner_and_a_readable_deadline(portal: Bitrix24Simulator, talk: Talk, lead: int) -> None:
    method, good = "crm.activity.todo.add", {"ownerTypeId": 1, "ownerId": lead, "deadline": "2026-08-29T10:00:00+03:00"}
    number = talk.ok(method, good, title="Перезвонить", responsibleId=8)["id"]
    (task,) = portal.tasks()
    assert (task["ID"], task["SUBJECT"], task["RESPONSIBLE_ID"]) == (number, "Перезвонить", 8)
    assert talk.refused(method, good | {"ownerId": 999})[1] == "OWNER_NOT_FOUND"
    assert talk.refused(method, good | {"deadline": "tomorrow"})[1] == "WRONG_DATETIME_FORMAT"
    assert talk.refused(method, good | {"deadline": ""})[1] == "100"
    talk.ok("crm.activity.update", id=number, fields={"COMPLETED": "Y"})
    assert portal.tasks()[0]["COMPLETED"] == "Y"


def test_call_activity_made_by_hand_is_an_offence(portal: Bitrix24Simulator, talk: Talk, lead: int) -> None:
    fields = {"OWNER_TYPE_ID": 1, "OWNER_ID": lead, "TYPE_ID": 2, "RESPONSIBLE_ID": 7, "SUBJECT": "Call"}
    assert talk.refused("crm.activity.add", fields=fields)[0] == 400
    talk.ok("crm.activity.add", fields=fields | {"COMMUNICATIONS": [{"VALUE": PHONE}]})
    assert portal.ledger.offences("call_activity_by_hand")


def test_comment_lands_on_its_entity(talk: Talk, lead: int) -> None:
    fields = {"ENTITY_ID": lead, "ENTITY_TYPE": "lead", "COMMENT": "из рекламы"}
    talk.ok("crm.timeline.comment.add", fields=fields)
    (comment,) = talk.ok("crm.timeline.comment.list", filter={"ENTITY_ID": lead, "ENTITY_TYPE": "lead"})
    assert comment["COMMENT"] == "из рекламы"
    assert talk.refused("crm.timeline.comment.add", fields=fields | {"ENTITY_ID": 999})[1] == "OWNER_NOT_FOUND"
    assert talk.refused("crm.timeline.comment.add", fields=fields | {"COMMENT": ""})[1] == "INVALID_ARG_VALUE"


def test_trace_is_checked_and_a_second_one_is_an_offence(portal: Bitrix24Simulator, talk: Talk, lead: int) -> None:
    method, entities = "crm.tracking.trace.add", [{"TYPE": "LEAD", "ID": lead}]
    assert isinstance(talk.ok(method, TRACE=json.dumps({"url": "/"}), ENTITIES=entities), int)
    talk.ok(method, TRACE="{}", ENTITIES=entities)
    assert portal.ledger.offences("trace_added_again")
    assert talk.refused(method)[2] == "Parameter `TRACE` required."
    assert talk.refused(method, TRACE="{")[2] == "Can not parse JSON in parameter `TRACE`."
    wrong = talk.refused(method, TRACE="{}", ENTITIES=[{"TYPE": "LEAD", "ID": 999}])
    assert wrong[2] == "You have no access to entity LEAD with ID 999."
    assert talk.ok("crm.tracking.trace.delete", id=12345) is None


def test_people_are_listed_by_fifty_with_string_ids_and_without_bots(talk: Talk, portal: Bitrix24Simulator) -> None:
    for number in range(100, 160):
        portal.portal.users[number] = User(number, f"U{number}", active=number != 159)
    portal.portal.users[900] = User(900, "Bot", user_type="bot")
    status, body = talk.ask("user.get", sort="ID", order="ASC")
    assert (status, len(body["result"]), body["total"], body["next"]) == (200, 50, 64, 50)
    assert body["result"][0]["ID"] == "1"
    assert [one["ID"] for one in talk.ok("user.get", FILTER={"UF_PHONE_INNER": "102"})] == ["8"]
    assert [one["ID"] for one in talk.ok("user.get", UF_PHONE_INNER="102")] == ["8"]
    assert [one["ID"] for one in talk.ok("user.get", FILTER={"ACTIVE": False})] == ["159"]
    assert talk.ok("user.search", FILTER={"FIND": "анна"})[0]["ID"] == "7"
    assert talk.ok("user.current")["ID"] == "1"


def test_brief_scope_hides_phones_but_not_extensions(portal: Bitrix24Simulator, talk: Talk) -> None:
    for grant in portal.portal.grants:
        grant.scope = ("user_brief",)
    row = talk.ok("user.get", ID=7)[0]
    assert row["UF_PHONE_INNER"] == "101"
    assert "PERSONAL_MOBILE" not in row


def test_working_day_and_departments(talk: Talk) -> None:
    assert talk.ok("timeman.status", USER_ID=7)["STATUS"] == "OPENED"
    assert talk.refused("timeman.status", USER_ID=999) == (400, "", "User not found")
    assert talk.ok("department.get")[0]["NAME"] == "Отдел продаж"


def test_placements_refuse_with_200_and_count_twice(talk: Talk) -> None:
    bound = {"PLACEMENT": "CALL_CARD", "HANDLER": "http://127.0.0.1:1/card", "TITLE": "Source"}
    assert talk.ok("placement.bind", bound) is True
    assert talk.refused("placement.bind", {"PLACEMENT": "CALL_CARD"})[:2] == (200, "ERROR_ARGUMENT")
    assert talk.refused("placement.bind", bound | {"PLACEMENT": "NOPE"})[1] == "ERROR_PLACEMENT_NOT_FOUND"
    assert [one["placement"] for one in talk.ok("placement.get")] == ["CALL_CARD"]
    assert talk.ok("placement.unbind", PLACEMENT="CALL_CARD") == {"count": 2}


def test_basic_methods(talk: Talk) -> None:
    assert talk.ok("app.info")["INSTALLED"] is True
    assert talk.ok("server.time").endswith("+03:00")
    assert "telephony" in talk.ok("scope")
    assert talk.ok("method.get", name="crm.lead.add") == {"isExisting": True, "isAvailable": True}
    assert "ONEXTERNALCALLSTART" in talk.ok("events")
