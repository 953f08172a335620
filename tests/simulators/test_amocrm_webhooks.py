"""Webhooks of the simulated account: their form, tries and end (amocrm.md §5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from simulators.amocrm import AmoCrmSimulator, ManualClock
from tests.simulators.amocrm_talk import PHONE, Inbox, Talk, listening, phone_field, sip


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def amo(clock: ManualClock) -> Iterator[AmoCrmSimulator]:
    with AmoCrmSimulator(clock=clock) as simulator:
        simulator.settings.limited = False
        yield simulator


@pytest.fixture
def talk(amo: AmoCrmSimulator) -> Talk:
    return Talk(amo)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with listening() as opened:
        yield opened


def subscribe(talk: Talk, inbox: Inbox, *codes: str) -> None:
    talk.ok("POST", "webhooks", {"destination": inbox.url, "settings": list(codes), "sort": 10})


def test_webhook_is_registered_by_object_listed_and_removed_by_address(
    amo: AmoCrmSimulator, talk: Talk, inbox: Inbox
) -> None:
    status, row = talk.ask("POST", "webhooks", {"destination": inbox.url, "settings": ["add_contact"]})
    assert (status, row["disabled"], row["settings"], row["account_id"]) == (201, False, ["add_contact"], 555)
    talk.ok("POST", "webhooks", {"destination": inbox.url, "settings": ["add_lead"]})
    (listed,) = talk.ok("GET", f"webhooks?filter[destination]={inbox.url}")["_embedded"]["webhooks"]
    assert listed["settings"] == ["add_lead"]
    assert talk.ask("DELETE", "webhooks", {"destination": inbox.url}) == (204, None)
    assert talk.ask("DELETE", "webhooks", {"destination": inbox.url})[0] == 404


def test_only_administrators_manage_webhooks(amo: AmoCrmSimulator, inbox: Inbox) -> None:
    anna = Talk(amo, amo.token_of(504))
    assert anna.ask("GET", "webhooks")[0] == 401
    assert anna.ask("DELETE", "webhooks", {"destination": inbox.url})[0] == 403


def test_wrong_webhooks_are_refused(talk: Talk, inbox: Inbox) -> None:
    good = {"destination": inbox.url, "settings": ["add_contact"]}
    assert talk.refused("POST", "webhooks", {**good, "settings": ["add_contact", "add_nothing"]})[0][2] == "settings.1"
    assert talk.refused("POST", "webhooks", {**good, "destination": "http://hub.example/h"})[0][2] == "destination"
    assert talk.refused("POST", "webhooks", {"destination": inbox.url})[0][1:] == ("FieldMissing", "settings")
    assert talk.ask("POST", "webhooks", [good])[0] == 400


def test_contact_comes_as_a_bracketed_form_without_a_signature(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact")
    contact = amo.add_contact(PHONE, "Ivan", 504)
    assert amo.settle()
    (post,) = inbox.posts
    prefix = "contacts[add][0]"
    assert (post[f"{prefix}[id]"], post[f"{prefix}[type]"]) == (str(contact), "contact")
    assert (post[f"{prefix}[name]"], post[f"{prefix}[responsible_user_id]"]) == ("Ivan", "504")
    assert post[f"{prefix}[custom_fields][0][code]"] == "PHONE"
    assert post[f"{prefix}[custom_fields][0][values][0][value]"] == PHONE
    assert post[f"{prefix}[created_at]"] == post[f"{prefix}[updated_at]"] == "1788000000"
    assert (post["account[id]"], post["account[subdomain]"]) == ("555", "demo")


def test_company_comes_under_contacts(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_company")
    amo.add_entity("companies", {"name": "Acme", "custom_fields_values": [phone_field(PHONE)]})
    assert amo.settle()
    assert inbox.posts[0]["contacts[add][0][type]"] == "company"


def test_new_owner_of_a_contact_is_an_update_with_the_old_one(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    contact = amo.add_contact(PHONE, responsible_user_id=504)
    subscribe(talk, inbox, "responsible_contact", "responsible_lead", "status_lead", "delete_contact")
    amo.change_entity("contacts", contact, {"responsible_user_id": 505})
    lead = amo.add_entity("leads", {"name": "L", "responsible_user_id": 504})
    talk.ok("PATCH", f"leads/{lead}", {"responsible_user_id": 505, "status_id": 142})
    amo.delete_entity("contacts", contact)
    assert amo.settle()
    owner, lead_owner, status, gone = inbox.posts
    assert owner["contacts[update][0][old_responsible_user_id]"] == "504"
    assert owner["contacts[update][0][responsible_user_id]"] == "505"
    assert lead_owner["leads[responsible][0][old_responsible_user_id]"] == "504"
    assert (status["leads[status][0][old_status_id]"], status["leads[status][0][status_id]"]) == ("3102", "142")
    assert gone["contacts[delete][0][id]"] == str(contact)
    assert "contacts[delete][0][name]" not in gone


def test_own_writes_come_back_as_an_echo(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact", "note_contact", "add_task")
    (made,) = talk.ok("POST", "contacts", [{"name": "Ivan"}])["_embedded"]["contacts"]
    note = {"note_type": "common", "params": {"text": "hello"}}
    talk.ok("POST", f"contacts/{made['id']}/notes", [note])
    task = {"text": "x", "complete_till": 1_788_003_600, "entity_type": "contacts", "entity_id": made["id"]}
    talk.ok("POST", "tasks", [task])
    assert amo.settle()
    added, noted, tasked = inbox.posts
    assert added["contacts[add][0][modified_user_id]"] == "503"
    assert (noted["contacts[note][0][note][text]"], noted["contacts[note][0][note][note_type]"]) == ("hello", "4")
    assert tasked["task[add][0][complete_till]"] == "2026-08-29 14:40:00"


def test_acceptance_of_an_incoming_lead_is_told_as_unsorted_delete(
    amo: AmoCrmSimulator, talk: Talk, inbox: Inbox
) -> None:
    talk.ok("POST", "leads/unsorted/sip", [sip()])
    subscribe(talk, inbox, "status_lead")
    amo.accept(amo.unsorted()[0]["uid"], 504)
    assert amo.settle()
    (accepted,) = [post for post in inbox.posts if "unsorted[delete][0][action]" in post]
    assert accepted["unsorted[delete][0][action]"] == "accept"
    assert accepted["unsorted[delete][0][accept_result][leads][0]"] == str(amo.leads()[0]["id"])


@pytest.mark.parametrize(("status", "tries"), [(404, 3), (302, 3), (500, 5), (499, 5)])
def test_refused_webhook_is_tried_again_on_schedule(
    amo: AmoCrmSimulator, talk: Talk, inbox: Inbox, clock: ManualClock, status: int, tries: int
) -> None:
    subscribe(talk, inbox, "add_contact")
    inbox.status = status
    amo.add_contact(PHONE)
    counted = []
    for wait in (0, 299, 1, 900, 900, 3600, 86400):
        clock.advance(wait)
        assert amo.settle()
        counted.append(len(inbox.posts))
    assert counted == [1, 1, 2, 3, min(4, tries), tries, tries]
    assert len(set(inbox.bodies)) == 1


def test_answer_after_the_timeout_counts_as_none(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact")
    amo.settings.webhook_timeout_seconds = 0.1
    inbox.hold = threading.Event()
    amo.add_contact(PHONE)
    assert amo.settle()
    inbox.hold.set()
    (delivery,) = amo.ledger.entries("delivery")
    assert delivery["status"] is None
    assert amo.postman.pending() == 1


def test_hundred_and_first_bad_answer_within_two_hours_disables(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact")
    inbox.status = 500
    for number in range(100):
        amo.add_contact(f"+7900{number:07d}")
    assert amo.settle(30)
    assert talk.ok("GET", "webhooks")["_embedded"]["webhooks"][0]["disabled"] is False
    amo.add_contact("+79998887766")
    assert amo.settle()
    assert talk.ok("GET", "webhooks")["_embedded"]["webhooks"][0]["disabled"] is True
    heard = len(inbox.posts)
    amo.add_contact("+79998887755")
    assert amo.settle()
    assert len(inbox.posts) == heard


def test_webhook_may_come_twice(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact")
    amo.settings.webhook_copies = 2
    amo.add_contact(PHONE)
    assert amo.settle()
    assert len(inbox.posts) == 2
    assert inbox.posts[0] == inbox.posts[1]


def test_webhooks_that_wait_may_come_newest_first(amo: AmoCrmSimulator, talk: Talk, inbox: Inbox) -> None:
    subscribe(talk, inbox, "add_contact")
    amo.settings.webhook_shuffled = True
    inbox.hold = threading.Event()
    names = ("first", "second", "third")
    with inbox.arrived:
        amo.add_contact(PHONE, names[0])
        assert inbox.arrived.wait_for(lambda: inbox.posts, timeout=5)
    for number, name in enumerate(names[1:]):
        amo.add_contact(f"+7900765432{number}", name)
    inbox.hold.set()
    assert amo.settle()
    assert [post["contacts[add][0][name]"] for post in inbox.posts] == ["first", "third", "second"]
