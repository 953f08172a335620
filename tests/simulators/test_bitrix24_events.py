"""Events of the simulated portal: to whom, in what form, and that nothing is sent twice (bitrix24.md §1.4, §5)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulators.bitrix24 import Bitrix24Simulator
from tests.simulators.bitrix24_talk import Inbox, Talk, listening_handler


@pytest.fixture
def portal() -> Iterator[Bitrix24Simulator]:
    with Bitrix24Simulator() as simulator:
        yield simulator


@pytest.fixture
def talk(portal: Bitrix24Simulator) -> Talk:
    return Talk(portal)


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with listening_handler() as opened:
        yield opened


def test_click_on_a_number_registers_the_call_and_tells_the_application(
    portal: Bitrix24Simulator, talk: Talk, inbox: Inbox
) -> None:
    talk.ok("event.bind", event="OnExternalCallStart", handler=inbox.url)
    call_id = portal.click_to_call(7, "+79001234567")
    assert portal.settle()
    (post,) = inbox.posts
    assert (post["event"], post["data[CALL_ID]"], post["data[USER_ID]"]) == ("ONEXTERNALCALLSTART", call_id, "7")
    assert post["auth[application_token]"] == portal.application_token
    assert post["auth[member_id]"] == portal.member_id
    assert "event_handler_id" in post
    assert talk.ok("user.current", auth=post["auth[access_token]"])["ID"] == "7"
    assert "auth[refresh_token]" not in post
    finished = talk.ok("telephony.externalCall.finish", CALL_ID=call_id, USER_ID=7, DURATION=5)
    assert finished["INCOMING"] == "1"


def test_second_register_for_a_click_is_another_card_and_an_offence(portal: Bitrix24Simulator, talk: Talk) -> None:
    call_id = portal.click_to_call(7, "+79001234567")
    assert talk.register(TYPE=1)["CALL_ID"] != call_id
    assert portal.ledger.offences("click_to_call_registered_again")


def test_callback_form_names_no_call_and_no_user(portal: Bitrix24Simulator, talk: Talk, inbox: Inbox) -> None:
    talk.ok("event.bind", event="ONEXTERNALCALLBACKSTART", handler=inbox.url)
    kind, number = portal.callback_form("+79001234567", line="74950000001")
    assert portal.settle()
    (post,) = inbox.posts
    assert (post["data[CRM_ENTITY_TYPE]"], post["data[CRM_ENTITY_ID]"]) == (kind, str(number))
    assert "data[CALL_ID]" not in post
    assert "auth[access_token]" not in post


def test_crm_events_carry_only_the_id(talk: Talk, portal: Bitrix24Simulator, inbox: Inbox) -> None:
    talk.ok("event.bind", event="ONCRMCONTACTUPDATE", handler=inbox.url)
    contact = portal.add_entity("CONTACT", {"NAME": "Ольга"})
    talk.ok("crm.contact.update", id=contact, fields={"ASSIGNED_BY_ID": 8})
    assert portal.settle()
    (post,) = inbox.posts
    assert {name: value for name, value in post.items() if name.startswith("data")} == {
        "data[FIELDS][ID]": str(contact)
    }


def test_portal_may_leave_out_handler_id_server_and_tokens(portal: Bitrix24Simulator, talk: Talk, inbox: Inbox) -> None:
    portal.settings.event_handler_id = False
    portal.settings.event_server_endpoint = False
    portal.settings.event_tokens = False
    talk.ok("event.bind", event="ONCRMLEADADD", handler=inbox.url)
    talk.ok("crm.lead.add", fields={"TITLE": "x"})
    assert portal.settle()
    assert not {"event_handler_id", "auth[server_endpoint]", "auth[access_token]"} & set(inbox.posts[0])


def test_nothing_comes_before_the_installation_is_finished(portal: Bitrix24Simulator, talk: Talk, inbox: Inbox) -> None:
    portal.portal.app.installed = False
    assert talk.ok("event.bind", event="ONCRMLEADADD", handler=inbox.url) is True
    talk.ok("crm.lead.add", fields={"TITLE": "x"})
    assert portal.settle()
    assert inbox.posts == []


def test_event_that_was_refused_is_lost(portal: Bitrix24Simulator, talk: Talk, inbox: Inbox) -> None:
    inbox.answers = 500
    talk.ok("event.bind", event="ONCRMLEADADD", handler=inbox.url)
    talk.ok("crm.lead.add", fields={"TITLE": "x"})
    assert portal.settle()
    assert len(inbox.posts) == 1
    assert [one.status for one in portal.ledger.deliveries] == [500]
    assert portal.ledger.offences("event_lost")


def test_bindings_are_listed_refused_twice_and_removed(talk: Talk, inbox: Inbox) -> None:
    bound = {"event": "ONCRMLEADADD", "handler": inbox.url}
    talk.ok("event.bind", bound)
    assert talk.ok("event.get") == [{"event": "ONCRMLEADADD", "handler": inbox.url, "auth_type": "0", "offline": 0}]
    assert talk.refused("event.bind", bound)[0] == 400
    assert talk.refused("event.bind", bound | {"event": "ONNOTHING"})[:2] == (400, "ERROR_EVENT_NOT_FOUND")
    assert talk.ok("event.unbind", bound) == {"count": 1}
    assert talk.ok("event.unbind", bound) == {"count": 0}


def test_offline_queue_keeps_one_row_for_each_object(portal: Bitrix24Simulator, talk: Talk) -> None:
    talk.ok("event.bind", event="ONCRMLEADUPDATE", event_type="offline")
    lead = talk.ok("crm.lead.add", fields={"TITLE": "x"})
    for title in ("y", "z"):
        talk.ok("crm.lead.update", id=lead, fields={"TITLE": title})
    (row,) = talk.ok("event.offline.list")
    assert row["EVENT_DATA"]["FIELDS"]["ID"] == lead
    reserved = talk.ok("event.offline.get", clear=0)
    assert len(reserved["events"]) == 1
    assert talk.ok("event.offline.get", clear=0)["events"] == []
    assert talk.ok("event.offline.clear", process_id=reserved["process_id"]) is True
    assert portal.state()["leads"][0]["TITLE"] == "z"


def test_installation_brings_tokens_and_removal_brings_none(
    portal: Bitrix24Simulator, talk: Talk, inbox: Inbox
) -> None:
    assert portal.install(inbox.url, new_token=True) == 200
    install = inbox.posts[-1]
    assert (install["event"], install["data[INSTALLED]"]) == ("ONAPPINSTALL", "Y")
    assert "event_handler_id" not in install
    assert talk.ok("profile", auth=install["auth[access_token]"])["ID"] == "1"
    assert portal.uninstall(inbox.url, clean=True) == 200
    removal = inbox.posts[-1]
    assert (removal["data[CLEAN]"], removal["auth[application_token]"]) == ("1", portal.application_token)
    assert not {"auth[access_token]", "auth[refresh_token]"} & set(removal)
    assert talk.refused("profile")[:2] == (401, "NO_AUTH_FOUND")


def test_page_in_a_frame_is_opened_with_the_tokens_of_the_person(portal: Bitrix24Simulator, inbox: Inbox) -> None:
    status, _body = portal.open_app(inbox.url, 7, "CALL_CARD", {"CALL_ID": "x"})
    assert status == 200
    post = inbox.posts[0]
    assert (post["member_id"], post["PLACEMENT"]) == (portal.member_id, "CALL_CARD")
    assert post["PLACEMENT_OPTIONS"] == '{"CALL_ID": "x"}'
    assert Talk(portal).ok("user.current", auth=post["AUTH_ID"])["ID"] == "7"
