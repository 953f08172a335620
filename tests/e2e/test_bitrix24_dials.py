"""Bitrix24's telephony scenarios, in real processes: portal → hub → PBX → hub → portal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.e2e.hub import Stage, stage, until

CALLS = "telephony.externalCall"
FINISH, ATTACH = f"{CALLS}.finish", f"{CALLS}.attachRecord"


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("home")) as running:
        running.b24.settings.slow_handler_seconds = 20
        until(lambda: len(running.b24.state()["handlers"]) >= 5, 120, what="the portal's events are bound")
        yield running


def finished(scene: Stage, call_id: str) -> dict[str, Any]:
    def there() -> list[dict[str, Any]]:
        return [call for call in scene.b24.calls() if call["CALL_ID"] == call_id]

    until(there, 60, f"call {call_id} is finished in the portal")
    return there()[0]


def calls_of(scene: Stage, client: str) -> list[dict[str, Any]]:
    return [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == client]


def test_a_clicked_number_is_rung_and_logged_on_the_call_that_the_portal_opened(scene: Stage) -> None:
    call_id = scene.b24.click_to_call(7, "+79005550001")
    call = finished(scene, call_id)
    until(scene.all_done, what="nothing under way any more")
    assert (call["PORTAL_USER_ID"], call["CALL_FAILED_CODE"]) == (7, "200")
    assert call["CALL_DURATION"] > 0
    assert len(calls_of(scene, "+79005550001")) == 1
    assert scene.b24.state()["live_calls"] == []
    until(lambda: finished(scene, call_id)["RECORDS_EVER"] == 1, 60, "the recording is attached")
    assert scene.b24.ledger.offences() == []


def test_a_clicked_number_that_nobody_can_ring_is_closed_in_the_portal(scene: Stage) -> None:
    call_id = scene.b24.click_to_call(1, "+79005550002")
    call = finished(scene, call_id)
    assert (call["CALL_DURATION"], call["CALL_FAILED_CODE"]) == (0, "480")
    assert scene.b24.state()["live_calls"] == []


def test_a_callback_form_rings_the_clients_owner_and_is_logged_on_the_forms_own_card(scene: Stage) -> None:
    fields = {"NAME": "Ольга", "PHONE": [{"VALUE": "+79005550003"}], "ASSIGNED_BY_ID": 8}
    contact = scene.b24.add_entity("CONTACT", fields)
    kind, number = scene.b24.callback_form("+79005550003")
    assert (kind, number) == ("CONTACT", contact)
    until(lambda: calls_of(scene, "+79005550003"), 60, "the callback is finished in the portal")
    until(scene.all_done, what="nothing under way any more")
    (call,) = calls_of(scene, "+79005550003")
    assert (call["CALL_TYPE"], call["PORTAL_USER_ID"]) == ("4", 8)
    assert (call["CRM_ENTITY_TYPE"], call["CRM_ENTITY_ID"]) == (kind, number)
    assert scene.b24.state()["live_calls"] == []


def asked(scene: Stage, method: str, call_id: str = "") -> list[Mapping[str, Any]]:
    """What was asked of the portal by this method, of one call or of all; refused requests are left out."""
    found = [one.params for one in scene.b24.ledger.requests(method) if one.executed]
    return [params for params in found if not call_id or params.get("CALL_ID") == call_id]


def test_a_call_of_a_stranger_is_registered_once_and_the_portal_itself_makes_the_lead(scene: Stage) -> None:
    assert scene.pbx.play("A", client="79005550010").accepted
    until(lambda: calls_of(scene, "+79005550010"), 60, "the call is logged")
    until(scene.all_done, 60, what="nothing under way any more")
    (call,) = calls_of(scene, "+79005550010")
    assert (call["CALL_TYPE"], call["CRM_ENTITY_TYPE"], call["CALL_FAILED_CODE"]) == ("2", "LEAD", "200")
    assert asked(scene, "crm.lead.add") == []
    assert scene.b24.ledger.registers()[call["CALL_ID"]] == 1
    assert scene.pbx.play("E", client="79005550011").accepted
    until(lambda: calls_of(scene, "+79005550011"), 60, "the outbound call is logged")
    assert calls_of(scene, "+79005550011")[0]["CALL_TYPE"] == "1"
    assert [lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == "+79005550011"] == []


def test_each_incoming_call_names_the_line_as_the_portal_spells_it(scene: Stage) -> None:
    (call,) = calls_of(scene, "+79005550010")
    lines = {line["NUMBER"] for line in scene.b24.state()["lines"]}
    assert call["PORTAL_NUMBER"] in lines
    assert call["PORTAL_NUMBER"].isdigit()
    assert scene.b24.ledger.offences("register_without_line_number") == []


def test_a_recording_is_attached_after_the_call_was_finished(scene: Stage) -> None:
    (call,) = calls_of(scene, "+79005550010")
    until(lambda: calls_of(scene, "+79005550010")[0]["RECORDS_EVER"] == 1, 60, "the recording is attached")
    (finish,) = [one.at for one in scene.b24.ledger.requests(FINISH) if one.params["CALL_ID"] == call["CALL_ID"]]
    attached = [one.at for one in scene.b24.ledger.requests(ATTACH) if one.params["CALL_ID"] == call["CALL_ID"]]
    assert attached
    assert min(attached) > finish


def test_cards_follow_the_queue_shown_to_the_rung_and_hidden_from_the_others(scene: Stage) -> None:
    scene.pbx._speed = 0.2
    try:
        playing = scene.pbx.start("A", client="79005550013", ring_seconds=15, talk_seconds=15)
        assert playing.result(timeout=60).accepted
    finally:
        scene.pbx._speed = 0.0
    until(lambda: calls_of(scene, "+79005550013"), 60, "the call is logged")
    (call,) = calls_of(scene, "+79005550013")
    shown = {params["USER_ID"] for params in asked(scene, f"{CALLS}.show", call["CALL_ID"])}
    hidden = {params["USER_ID"] for params in asked(scene, f"{CALLS}.hide", call["CALL_ID"])}
    assert call["PORTAL_USER_ID"] in {int(user) for user in shown}
    assert hidden
    assert call["PORTAL_USER_ID"] not in {int(user) for user in hidden}
    assert {int(user) for user in hidden} <= {int(user) for user in shown}
    assert scene.b24.cards() == {}


def test_two_first_calls_of_one_number_at_once_make_one_lead(scene: Stage) -> None:
    both = [scene.pbx.start("A", client="79005550012") for _ in range(2)]
    assert all(playing.result(timeout=60).accepted for playing in both)
    until(lambda: len(calls_of(scene, "+79005550012")) == 2, 60, "both calls are logged")
    until(scene.all_done, 60, what="nothing under way any more")
    leads = [lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == "+79005550012"]
    assert len(leads) == 1
    assert {call["CRM_ENTITY_ID"] for call in calls_of(scene, "+79005550012")} == {leads[0]["ID"]}


def test_lines_of_the_pbx_are_lines_of_the_portal(scene: Stage) -> None:
    until(lambda: scene.b24.state()["lines"], 120, what="the lines are there")
    assert all(line["CRM_AUTO_CREATE"] == "N" for line in scene.b24.state()["lines"])


def test_nothing_was_done_that_a_portal_would_mind(scene: Stage) -> None:
    assert scene.conserved()
    assert scene.b24.ledger.offences() == []
