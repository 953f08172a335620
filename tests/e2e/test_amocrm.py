"""The whole way of a call into amoCRM, in real processes: PBX → hub → account, on SQLite and the embedded broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.amocrm.stage import ADMIN, ANNA, BORIS, AmoStage, Firm, amo_stage, fetched, posted
from tests.e2e.hub import until

pytestmark = pytest.mark.timeout(240)

ONE_INCOMING_LEAD = {"leads": 1, "unsorted": 1, "contacts": 1, "calls": 1, "tasks": 0}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmoStage]:
    with amo_stage(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def acme(scene: AmoStage) -> Iterator[Firm]:
    yield scene.acme
    scene.acme.amo.faults.clear()


def finished(scene: AmoStage, firm: Firm, client: str, count: int = 1) -> dict[str, Any]:
    """The client's newest call, when `count` are there, no more, and nothing is under way."""
    until(lambda: len(firm.calls(client)) >= count, 60, f"{count} call(s) of {client} in amoCRM")
    scene.settled()
    found = firm.calls(client)
    assert len(found) == count
    return found[-1]


def incoming(firm: Firm, client: str) -> dict[str, Any]:
    (row,) = [one for one in firm.amo.unsorted() if one["metadata"]["phone"] == f"+{client}"]
    return row


# --- What comes to show -----------------------------------------------------------------------------


def test_answered_call_of_a_stranger_becomes_one_incoming_lead_with_the_call(scene: AmoStage, acme: Firm) -> None:
    client = "79001110001"
    acme.play("A", client)
    call = finished(scene, acme, client)
    assert acme.counted(client) == ONE_INCOMING_LEAD
    row = incoming(acme, client)
    metadata = row["metadata"]
    assert (metadata["phone"], metadata["from"], metadata["call_responsible"]) == (f"+{client}", f"+{client}", ANNA)
    assert (row["source_uid"], row["category"]) == ("did:74950000001", "sip")
    assert metadata["called_at"] == row["created_at"] == call["created_at"]
    assert (metadata["duration"], call["duration"], call["direction"]) == (60, 60, "inbound")
    lead = next(one for one in acme.amo.leads() if one["id"] == row["_embedded"]["leads"][0]["id"])
    assert (lead["responsible_user_id"], call["entity_id"]) == (ANNA, lead["id"])


def test_recording_plays_from_the_link_on_the_call(scene: AmoStage, acme: Firm) -> None:
    (call,) = acme.calls("79001110001")
    assert call["link"].startswith(f"{scene.hub.url}/r/")
    until(lambda: fetched(call["link"])[0] == 200, 60, "the recording is there")
    status, headers, audio = fetched(call["link"])
    assert (status, headers["content-type"], headers["accept-ranges"]) == (200, "audio/mpeg", "bytes")
    part = fetched(call["link"], "bytes=10-19")
    assert (part[0], part[2]) == (206, audio[10:20])
    assert part[1]["content-range"] == f"bytes 10-19/{len(audio)}"


def test_card_comes_up_while_the_phone_rings(scene: AmoStage, acme: Firm) -> None:
    client = "79001110000"
    ringing = acme.pbx.start(
        "ringing_until_routed",
        client=client,
        menu_seconds=1,
        ring_seconds=1,
        talk_seconds=2,
        wait_for_command_seconds=6,
    )
    until(lambda: acme.cards(client), 6, "the card is up before anybody answers")
    assert not ringing.done()
    assert [one["users"] for one in acme.cards(client)] == [[ANNA]]
    assert ringing.result(60).accepted
    finished(scene, acme, client)


def test_known_client_gets_the_call_on_their_card_and_keeps_their_owner(scene: AmoStage, acme: Firm) -> None:
    client = "79001110002"
    contact = acme.amo.add_contact(f"+{client}", "Ольга", ADMIN)
    acme.play("A", client)
    call = finished(scene, acme, client)
    assert acme.counted(client) == {"leads": 0, "unsorted": 0, "contacts": 1, "calls": 1, "tasks": 0}
    assert (call["entity_type"], call["entity_id"], call["duration"]) == ("contact", contact, 60)
    assert call["responsible_user_id"] == ANNA
    (card,) = [one for one in acme.amo.contacts() if one["id"] == contact]
    assert (card["name"], card["responsible_user_id"]) == ("Ольга", ADMIN)


def test_missed_call_makes_one_task_and_a_talk_closes_it(scene: AmoStage, acme: Firm) -> None:
    client = "79001110003"
    acme.play("B", client)
    call = finished(scene, acme, client)
    assert call["duration"] == 0
    acme.play("B", client)
    finished(scene, acme, client, 2)
    assert acme.counted(client) == {**ONE_INCOMING_LEAD, "calls": 2, "tasks": 1}
    (task,) = acme.tasks(client)
    assert (task["is_completed"], task["responsible_user_id"], task["task_type_id"]) == (False, ANNA, 1)
    acme.play("A", client)
    finished(scene, acme, client, 3)
    until(lambda: acme.tasks(client)[0]["is_completed"], 30, "the task is closed by the talk")
    assert acme.counted(client) == {**ONE_INCOMING_LEAD, "calls": 3, "tasks": 1}


def test_outbound_call_to_a_known_client_is_on_their_card(scene: AmoStage, acme: Firm) -> None:
    client = "79001110004"
    contact = acme.amo.add_contact(f"+{client}")
    acme.play("E", client)
    call = finished(scene, acme, client)
    assert (call["direction"], call["entity_id"], call["responsible_user_id"]) == ("outbound", contact, ANNA)
    assert acme.counted(client) == {"leads": 0, "unsorted": 0, "contacts": 1, "calls": 1, "tasks": 0}


def test_outbound_call_to_a_stranger_makes_the_contact_alone(scene: AmoStage, acme: Firm) -> None:
    client = "79001110005"
    acme.play("outbound_unanswered", client)
    call = finished(scene, acme, client)
    assert (call["direction"], call["duration"], call["entity_type"]) == ("outbound", 0, "contact")
    assert acme.counted(client) == {"leads": 0, "unsorted": 0, "contacts": 1, "calls": 1, "tasks": 0}


@pytest.mark.parametrize(("timeline", "client"), [("C", "79001110006"), ("D", "79001110007")])
def test_transferred_call_is_of_whom_talked_last(scene: AmoStage, acme: Firm, timeline: str, client: str) -> None:
    acme.play(timeline, client)
    call = finished(scene, acme, client)
    assert int(call["call_responsible"]) == BORIS
    assert acme.counted(client) == ONE_INCOMING_LEAD


def test_second_call_of_a_stranger_goes_to_the_open_incoming_lead(scene: AmoStage, acme: Firm) -> None:
    client = "79001110008"
    acme.play("A", client)
    finished(scene, acme, client)
    acme.play("A", client)
    finished(scene, acme, client, 2)
    assert acme.counted(client) == {**ONE_INCOMING_LEAD, "calls": 2}
    assert {call["entity_id"] for call in acme.calls(client)} == {incoming(acme, client)["_embedded"]["leads"][0]["id"]}


def test_hidden_and_internal_calls_stay_in_the_hub(scene: AmoStage, acme: Firm) -> None:
    before = len(acme.amo.calls())
    acme.play("A", None)
    acme.play("internal", "79001110009")
    scene.settled()
    assert len(acme.amo.calls()) == before


# --- Rude weather -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop_after", "html_502_after"])
def test_an_answer_lost_after_the_work_was_done_doubles_nothing(scene: AmoStage, acme: Firm, kind: str) -> None:
    number = 1 if kind == "drop_after" else 2
    stranger, known = f"7900222000{number}", f"7900222001{number}"
    acme.amo.add_contact(f"+{known}")
    for route in ("POST leads/unsorted/sip", "POST contacts/notes", "POST leads/notes", "POST tasks"):
        acme.amo.faults.add(kind, route)
    acme.play("B", stranger)
    acme.play("A", known)
    finished(scene, acme, stranger)
    finished(scene, acme, known)
    assert acme.counted(stranger) == {**ONE_INCOMING_LEAD, "tasks": 1}
    assert acme.counted(known) == {"leads": 0, "unsorted": 0, "contacts": 1, "calls": 1, "tasks": 0}
    acme.play("B", stranger)  # this one goes as a note to the open lead
    finished(scene, acme, stranger, 2)
    assert acme.counted(stranger) == {**ONE_INCOMING_LEAD, "calls": 2, "tasks": 1}
    assert all(fault.hits == 1 for fault in acme.amo.faults.planned())


def test_twenty_calls_with_an_expired_token_ask_for_one_new_pair(scene: AmoStage, acme: Firm) -> None:
    clients = [f"790033300{number:02}" for number in range(20)]
    for client in clients:
        acme.amo.add_contact(f"+{client}")
    before = len(acme.amo.refreshes())
    acme.amo.expire_tokens()
    acme.pbx.play_many([("answered", {"client": client}) for client in clients])
    until(lambda: all(len(acme.calls(client)) == 1 for client in clients), 120, "each call is there once")
    scene.settled(120)
    assert len(acme.amo.refreshes()) - before == 1
    assert all(len(acme.calls(client)) == 1 for client in clients)


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_phase_of_too_many_requests_loses_nothing_and_pauses_nothing(scene: AmoStage, acme: Firm, form: str) -> None:
    acme.amo.settings.too_many_form = form  # type: ignore[assignment]
    clients = [f"7900444{number:04}" for number in (range(4) if form == "json" else range(10, 14))]
    acme.amo.faults.add("throttle", seconds=5)
    acme.pbx.play_many([("answered", {"client": client}) for client in clients])
    until(lambda: all(len(acme.calls(client)) == 1 for client in clients), 90, "each call is there once")
    scene.settled(60)
    assert [acme.counted(client) for client in clients] == [ONE_INCOMING_LEAD] * len(clients)


def test_a_block_rests_one_account_without_asking_on_and_loses_nothing(scene: AmoStage, acme: Firm) -> None:
    """amoCRM shuts out who goes on; so nobody asks for a quarter of an hour, and the other firm feels nothing."""
    blocked, elsewhere = "79006660001", "79006660002"
    acme.amo.add_contact(f"+{blocked}")
    fault = acme.amo.faults.add("block", times=None)
    acme.play("answered", blocked)
    until(scene.acme_rests, 30, "the connection rests")
    asked = fault.hits  # what was on its way at that moment: a card for the call, and whose client it is
    scene.other.play("answered", elsewhere)
    until(lambda: scene.other.calls(elsewhere), 60, "the other firm's call")
    assert fault.hits == asked <= 3
    assert acme.calls(blocked) == []
    acme.amo.faults.clear()
    scene.let_the_rest_pass()
    finished(scene, acme, blocked)


# --- What the account says, and what is clicked in it -----------------------------------------------


@pytest.mark.timeout(400)  # a registration that fails, since the account asks for patience, is tried again in a minute
def test_a_client_who_changes_hands_is_routed_to_the_new_owner(scene: AmoStage, acme: Firm) -> None:
    client = "79001110031"
    until(lambda: [row["disabled"] for row in acme.amo.webhooks()] == [False], 150, "our address is registered")
    contact = acme.amo.add_contact(f"+{client}", "Olga", responsible_user_id=BORIS)

    def routed() -> bytes:
        return fetched(f"{scene.hub.url}/route/{'A' * 24}?caller={client}&line=74950000001&format=text")[2]

    until(lambda: b"102" in routed(), 90, "the new client's owner is known")
    acme.amo.change_entity("contacts", contact, {"responsible_user_id": ANNA})
    until(lambda: b"101" in routed(), 90, "the change of hands is known")


def test_a_number_clicked_in_the_widget_is_rung_and_logged(scene: AmoStage, acme: Firm) -> None:
    client = "79001110032"
    contact = acme.amo.add_contact(f"+{client}", responsible_user_id=ANNA)
    token = acme.amo.widget_token(ANNA, "/".join(acme.amo.redirect_uri.split("/")[:3]))
    status = posted(f"{scene.hub.url}/amocrm/widget/call", {"phone": f"+{client}"}, {"X-Auth-Token": token})
    assert status == 202
    call = finished(scene, acme, client)
    assert (call["direction"], call["entity_id"], call["call_responsible"]) == ("outbound", contact, ANNA)
    (order,) = [one for one in acme.pbx.ledger.entries("command") if client in str(one["json"])]
    assert order["json"]["from"]["extension"] == "101"


def test_two_accounts_never_mix(scene: AmoStage) -> None:
    """The same clients call both firms at the same time, and are strangers to one and known to the other."""
    clients = [f"790055500{number:02}" for number in range(4)]
    for client in clients:
        scene.other.amo.add_contact(f"+{client}", f"known {client}")
    started = [
        firm.pbx.start("answered", client=client, extension=extension)
        for client in clients
        for firm, extension in ((scene.acme, "101"), (scene.other, "102"))
    ]
    assert all(one.result(60).accepted for one in started)
    until(lambda: all(firm.calls(client) for firm in scene.firms for client in clients), 90, "all calls in both")
    scene.settled()
    for client in clients:
        assert scene.acme.counted(client) == ONE_INCOMING_LEAD
        assert scene.other.counted(client) == {"leads": 0, "unsorted": 0, "contacts": 1, "calls": 1, "tasks": 0}
        assert [firm.calls(client)[0]["responsible_user_id"] for firm in scene.firms] == [ANNA, BORIS]
    senders = {one["client_id"] for one in scene.other.amo.requests()}
    assert senders == {scene.other.amo.client_id}


def test_nothing_was_lost_and_no_rule_was_broken(scene: AmoStage) -> None:
    assert scene.conserved()
    numbers = scene.hub.metrics()
    assert numbers.get('dozvon_outbox{state="dead"}', 0) == 0
    for firm in scene.firms:
        assert firm.amo.offences() == []
        assert firm.pbx.ledger.offences() == []
        assert set(firm.amo.report()["calls_per_uniq"].values()) == {1}
