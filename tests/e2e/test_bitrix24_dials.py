"""Click to call and callback forms, in real processes: portal → hub → PBX → hub → portal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.hub import Stage, stage, until


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("home")) as running:
        running.b24.settings.slow_handler_seconds = 20
        until(lambda: len(running.b24.state()["handlers"]) >= 5, what="the portal's events are bound")
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


def test_lines_of_the_pbx_are_lines_of_the_portal(scene: Stage) -> None:
    until(lambda: scene.b24.state()["lines"], what="the lines are there")
    assert all(line["CRM_AUTO_CREATE"] == "N" for line in scene.b24.state()["lines"])


def test_nothing_was_done_that_a_portal_would_mind(scene: Stage) -> None:
    assert scene.conserved()
    assert scene.b24.ledger.offences() == []
