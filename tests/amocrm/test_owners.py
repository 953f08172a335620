"""Whose clients are whose, asked of the strict stand-in (amocrm.md §3.7, §5.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.amocrm.owners import AmocrmOwners, is_vip
from connectors.contract import OwnedPhone, OwnersPage
from hub.domain.errors import Rejected
from hub.domain.phone import Phone
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.live import Live, live

ADMIN, ANNA, BORIS = 503, 504, 505
CLIENT = Phone("+79001234567", "+79001234567")


@pytest.fixture
def amo() -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator() as running:
        yield running


@pytest.fixture
def hub(amo: AmoCrmSimulator) -> Live:
    return live(amo)


def owners(hub: Live) -> AmocrmOwners:
    return AmocrmOwners(hub.memory)


def with_lead(amo: AmoCrmSimulator, contact: int, **lead: object) -> int:
    number = amo.add_entity("leads", {"name": "Order", **lead})
    amo.link(number, contact)
    return number


def shown(phones: list[OwnedPhone] | tuple[OwnedPhone, ...]) -> list[tuple[str | None, str, str | None]]:
    return [(one.phone.e164, one.kind, one.owner_user_id) for one in phones]


def all_pages(hub: Live) -> list[OwnersPage]:
    pages = [owners(hub).owners(hub.door, None)]
    while pages[-1].cursor is not None:
        pages.append(owners(hub).owners(hub.door, pages[-1].cursor))
    return pages


@pytest.mark.parametrize("dangling_next", [False, True])
def test_all_phones_come_by_pages_and_the_list_ends(amo: AmoCrmSimulator, hub: Live, dangling_next: bool) -> None:
    amo.settings.dangling_next = dangling_next
    for number in range(260):
        amo.add_contact(f"8 (900) 200-{number // 100:02}-{number % 100:02}", responsible_user_id=ANNA)
    amo.add_entity("companies", {"name": "Acme", "responsible_user_id": BORIS, "custom_fields_values": [
        {"field_code": "PHONE", "values": [{"value": "+74951112233", "enum_code": "WORK"}]}]})  # fmt: skip
    pages = all_pages(hub)
    found = [one for page in pages for one in page.phones]
    assert len(found) == 261
    assert len({one.phone.e164 for one in found}) == 261
    assert {one.owner_user_id for one in found if one.kind == "contact"} == {str(ANNA)}
    assert shown(found[-1:]) == [("+74951112233", "company", str(BORIS))]


def test_paging_goes_on_from_any_cursor_and_from_no_other_place(amo: AmoCrmSimulator, hub: Live) -> None:
    for number in range(260):
        amo.add_contact(f"+7900200{number:04}")
    first = owners(hub).owners(hub.door, None)
    assert first.cursor == "contacts:2"
    again = AmocrmOwners().owners(hub.door, "contacts:2")
    assert (len(first.phones), len(again.phones), again.cursor) == (250, 10, "companies:1")
    for wrong in ("contacts:0", "leads:1", "contacts", "companies:-1"):
        with pytest.raises(Rejected):
            owners(hub).owners(hub.door, wrong)


def test_every_request_of_the_paging_is_taken_from_the_budget(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display)
    with_lead(amo, contact)
    all_pages(hub)
    assert len(hub.spent) == len(amo.requests())


def test_the_open_leads_person_owns_the_client_and_a_closed_leads_does_not(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display, "Olga", responsible_user_id=ANNA)
    lead = with_lead(amo, contact, responsible_user_id=BORIS)
    for found in (owners(hub).find_owner(CLIENT, hub.door), list(all_pages(hub)[0].phones)):
        assert shown(list(found)) == [(CLIENT.e164, "contact", str(BORIS))]
    amo.change_entity("leads", lead, {"status_id": 142})
    (one,) = owners(hub).find_owner(CLIENT, hub.door)
    assert (one.owner_user_id, one.name, one.id) == (str(ANNA), "Olga", str(contact))


def test_a_hit_of_the_search_is_no_proof(amo: AmoCrmSimulator, hub: Live) -> None:
    amo.add_contact("+79990000000", "ordered by 9001234567")
    assert owners(hub).find_owner(CLIENT, hub.door) == []
    amo.add_contact("8 (900) 123-45-67", responsible_user_id=BORIS)
    assert shown(list(owners(hub).find_owner(CLIENT, hub.door))) == [(CLIENT.e164, "contact", str(BORIS))]


def test_other_numbers_of_the_found_card_are_not_the_callers(amo: AmoCrmSimulator, hub: Live) -> None:
    values = [{"value": number, "enum_code": "WORK"} for number in ("+79001234567", "+79007654321")]
    amo.add_entity("contacts", {"name": "Two", "custom_fields_values": [{"field_code": "PHONE", "values": values}]})
    assert [one.phone for one in owners(hub).find_owner(CLIENT, hub.door)] == [CLIENT]
    assert len(all_pages(hub)[0].phones) == 2


def test_of_several_cards_the_one_with_an_open_lead_is_preferred_then_the_one_changed_last(
    amo: AmoCrmSimulator, hub: Live
) -> None:
    old = amo.add_contact(CLIENT.display, updated_at=1788000000)
    new = amo.add_contact(CLIENT.display, updated_at=1788009000)
    assert [one.id for one in owners(hub).find_owner(CLIENT, hub.door)] == [str(new), str(old)]
    with_lead(amo, old)
    assert [one.id for one in owners(hub).find_owner(CLIENT, hub.door)] == [str(old), str(new)]
    places = {one.id: one.place for one in all_pages(hub)[0].phones}
    assert places[str(old)] < places[str(new)]


def test_who_waits_among_the_incoming_leads_is_known(amo: AmoCrmSimulator, hub: Live) -> None:
    from connectors.amocrm.client import Account
    from connectors.amocrm.create import make
    from tests.amocrm.story import call

    make(call(user_id=str(ANNA)), Account(hub.door))
    (one,) = owners(hub).find_owner(CLIENT, hub.door)
    assert (one.kind, one.owner_user_id) == ("contact", str(ANNA))


def test_a_changed_card_is_read_anew_and_a_deleted_one_has_no_phones(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = str(amo.add_contact(CLIENT.display, responsible_user_id=ANNA))
    assert shown(list(owners(hub).party("contact", contact, hub.door) or ())) == [(CLIENT.e164, "contact", str(ANNA))]
    for status in (204, 404):
        amo.settings.missing_status = status
        assert owners(hub).party("contact", "999999", hub.door) == []
    amo.delete_entity("contacts", int(contact))
    assert owners(hub).party("contact", contact, hub.door) == []


def test_a_lead_that_changed_hands_changes_its_peoples_owner(amo: AmoCrmSimulator, hub: Live) -> None:
    contact = amo.add_contact(CLIENT.display, responsible_user_id=ANNA)
    lead = with_lead(amo, contact, responsible_user_id=ANNA)
    amo.change_entity("leads", lead, {"responsible_user_id": BORIS})
    assert shown(list(owners(hub).party("lead", str(lead), hub.door) or ())) == [(CLIENT.e164, "contact", str(BORIS))]


def test_kinds_without_phones_are_not_read(hub: Live) -> None:
    assert owners(hub).party("task", "5", hub.door) is None
    assert owners(hub).party("contact", "../users", hub.door) is None
    assert [owners(hub).kind_of(kind) for kind in ("contact", "company", "lead", "task")] == [
        "contact",
        "company",
        "lead",
        "",
    ]
    assert hub.spent == []


TAGGED = {"_embedded": {"tags": [{"id": 5, "name": "VIP"}]}}


def with_field(value: object) -> dict[str, object]:
    return {"custom_fields_values": [{"field_id": 771, "field_code": "GRADE", "values": [{"value": value}]}]}


@pytest.mark.parametrize(
    ("settings", "row", "vip"),
    [
        ({}, TAGGED, False),
        ({"vip_tag": "vip"}, TAGGED, True),
        ({"vip_tag": "vip"}, {"_embedded": {"tags": [{"id": 6, "name": "vipers"}]}}, False),
        ({"vip_tag": "vip"}, {"custom_fields_values": None, "_embedded": []}, False),
        ({"vip_field": "771", "vip_value": "Gold"}, with_field("gold"), True),
        ({"vip_field": "grade", "vip_value": "gold"}, with_field("silver"), False),
        ({"vip_field": "GRADE"}, with_field(True), True),
        ({"vip_field": "771"}, with_field(False), False),
        ({"vip_field": "772"}, with_field("gold"), False),
        ({"vip_value": "gold"}, with_field("gold"), False),
    ],
)
def test_a_card_is_a_vips_by_the_tag_or_field_of_the_settings(
    hub: Live, settings: dict[str, str], row: dict[str, Any], vip: bool
) -> None:
    assert is_vip(row, replace(hub.door.connection, settings=settings)) is vip


def test_a_mark_comes_with_the_owner_by_number_and_in_bulk(amo: AmoCrmSimulator, hub: Live) -> None:
    number = {"field_code": "PHONE", "values": [{"value": CLIENT.display, "enum_code": "WORK"}]}
    tagged = {"name": "Olga", "custom_fields_values": [number], "_embedded": {"tags": [{"name": "VIP"}]}}
    amo.add_entity("contacts", tagged)
    amo.add_contact("+79001234568", responsible_user_id=ANNA)
    settings = {**hub.door.connection.settings, "vip_tag": "vip"}
    marked = replace(hub.door, connection=replace(hub.door.connection, settings=settings))
    assert [one.vip for one in owners(hub).find_owner(CLIENT, marked)] == [True]
    found = {one.phone.e164: one.vip for one in owners(hub).owners(marked, None).phones}
    assert found == {CLIENT.e164: True, "+79001234568": False}
