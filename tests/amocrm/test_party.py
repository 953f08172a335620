"""Who is behind a number: a hit of the search proves nothing, the PHONE value does (amocrm.md §3.7)."""

from __future__ import annotations

import pytest

from connectors.amocrm.client import Account
from connectors.amocrm.party import find_card, find_party, same_number, spellings
from hub.domain.party import Party
from hub.domain.phone import Phone
from tests.amocrm.account import answer, phone_field, problem
from tests.amocrm.story import API, CLIENT, Hub

FOREIGN = Phone("+375291234567", "+375291234567")


@pytest.mark.parametrize("stored", ["+79001234567", "89001234567", "8 (900) 123-45-67", "9001234567", "+7 900 1234567"])
def test_every_spelling_of_a_number_finds_its_person(stored: str) -> None:
    hub = Hub()
    contact = hub.account.add("contacts", stored, name="Olga")
    assert find_party(CLIENT, hub.door) == Party("contact", str(contact), "Olga", "8")


@pytest.mark.parametrize(
    "stored", ["+79001234568", "+19001234567", "1234567", "90012345670", "", "ask Anna", "+7900123456"]
)
def test_another_number_is_another_person(stored: str) -> None:
    assert not same_number(stored, CLIENT, "RU")


def test_short_numbers_are_the_same_only_as_a_whole() -> None:
    short = Phone("112")
    assert same_number("1-12", short, "RU")
    assert not same_number("5112", short, "RU")


def test_a_hit_in_another_field_is_nobody() -> None:
    hub = Hub()
    hub.account.add("contacts", "+79990000000", name="was 9001234567 before")
    assert find_party(CLIENT, hub.door) is None


def test_a_deleted_contact_is_nobody() -> None:
    hub = Hub()
    hub.account.add("contacts", "+79001234567", is_deleted=True)
    assert find_party(CLIENT, hub.door) is None


def test_all_spellings_are_asked_before_a_stranger_is_one() -> None:
    hub = Hub()
    assert find_party(CLIENT, hub.door) is None
    assert [(asked.path, asked.query.get("query")) for asked in hub.account.asked] == [
        (f"{API}/contacts", ["9001234567"]),
        (f"{API}/contacts", ["+79001234567"]),
        (f"{API}/contacts", ["89001234567"]),
        (f"{API}/companies", ["9001234567"]),
        (f"{API}/leads/unsorted", None),
    ]
    assert not any(asked.write for asked in hub.account.asked)


def test_a_foreign_number_has_no_eight() -> None:
    assert spellings(FOREIGN) == ("5291234567", "+375291234567")


def test_of_several_contacts_the_one_with_an_open_lead_is_meant() -> None:
    hub = Hub()
    hub.account.add("contacts", "+79001234567", updated_at=999)
    second = hub.account.add("contacts", "89001234567", updated_at=1)
    open_lead = hub.account.add_lead(second)
    party = find_party(CLIENT, hub.door)
    assert party == Party("contact", str(second), None, "9", (str(open_lead),))


def test_then_the_one_changed_last_and_then_the_oldest() -> None:
    hub = Hub()
    hub.account.add("contacts", "+79001234567", updated_at=1)
    newest = hub.account.add("contacts", "+79001234567", updated_at=2)
    hub.account.add("contacts", "+79001234567", updated_at=2)
    card = find_card(CLIENT, Account(hub.door))
    assert card is not None
    assert card.id == str(newest)


@pytest.mark.parametrize("status_id", [142, 143])
def test_a_won_or_lost_lead_is_not_open(status_id: int) -> None:
    hub = Hub()
    hub.account.add_lead(hub.account.add("contacts", "+79001234567"), status_id=status_id)
    card = find_card(CLIENT, Account(hub.door))
    assert card is not None
    assert (card.lead_id, card.owner) == (None, "8")


def test_leads_that_were_not_asked_for_are_nobodys() -> None:
    hub = Hub()
    hub.account.add_lead(hub.account.add("contacts", "+79001234567"))
    hub.account.on(f"GET {API}/leads", answer({"_embedded": {"leads": [{"id": 1, "status_id": 50}]}}))
    card = find_card(CLIENT, Account(hub.door))
    assert card is not None
    assert card.lead_id is None


def test_an_account_without_incoming_leads_has_nobody_there() -> None:
    hub = Hub()
    hub.account.on(f"GET {API}/leads/unsorted", problem(403, "switched off"))
    assert find_party(CLIENT, hub.door) is None


def test_an_incoming_lead_is_found_by_either_field_of_its_caller() -> None:
    hub = Hub()
    swapped = {"phone": "dozvon", "from": "79001234567", "uniq": "x"}
    ids = {"leads": [{"id": 7700}], "contacts": [{"id": 1101}], "companies": []}
    hub.account.unsorted.append({"uid": "u", "metadata": swapped, "_embedded": ids})
    card = find_card(CLIENT, Account(hub.door))
    assert card is not None
    assert (card.target, card.unsorted_uid) == (("leads", "7700"), "u")


def test_all_pages_of_incoming_leads_are_looked_through() -> None:
    hub = Hub()
    mine = {"uid": "u", "metadata": {"phone": "+79001234567"}, "_embedded": {"leads": [{"id": 7}]}}
    first = {"_links": {"next": {"href": "…"}}, "_embedded": {"unsorted": [{"uid": "v", "metadata": {}}]}}
    hub.account.on(f"GET {API}/leads/unsorted", answer(first), answer({"_embedded": {"unsorted": [mine]}}))
    card = find_card(CLIENT, Account(hub.door))
    assert card is not None
    assert [asked.query["page"] for asked in hub.account.asked[-2:]] == [["1"], ["2"]]


def test_a_row_of_odd_types_is_nobody() -> None:
    hub = Hub()
    odd = [{"id": 1, "custom_fields_values": "none"}, {"custom_fields_values": phone_field("+79001234567")}, "row"]
    hub.account.on(f"GET {API}/contacts", answer({"_embedded": {"contacts": odd}}))
    assert find_party(CLIENT, hub.door) is None
