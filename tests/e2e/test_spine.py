"""The whole way of a call, in real processes: PBX → hub → CRM, on SQLite and the embedded broker."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.hub import Stage, dozvon, stage, until


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("home with space")) as running:
        yield running


def calls_of(scene: Stage, client: str) -> list[dict[str, Any]]:
    return [call for call in scene.b24.calls() if call["PHONE_NUMBER"] == f"+{client}"]


def play(scene: Stage, timeline: str, client: str, **numbers: Any) -> None:
    played = scene.pbx.play(timeline, client=client, **numbers)
    assert played.accepted


def finished(scene: Stage, client: str, count: int = 1) -> dict[str, Any]:
    until(lambda: len(calls_of(scene, client)) >= count, what=f"{count} call(s) of {client} in the CRM")
    until(scene.all_done, what="nothing under way any more")
    found = calls_of(scene, client)
    assert len(found) == count
    return found[-1]


def test_answered_call_of_a_stranger_becomes_one_lead_with_call_record_and_source(scene: Stage) -> None:
    play(scene, "A", "79001110001")
    call = finished(scene, "79001110001")
    assert (call["PORTAL_USER_ID"], call["CALL_DURATION"] > 0, call["CALL_FAILED_CODE"]) == (7, True, "200")
    until(lambda: calls_of(scene, "79001110001")[0]["RECORDS_EVER"] == 1, what="the recording is attached")
    leads = [lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == "+79001110001"]
    assert [(lead["SOURCE_ID"], lead["ASSIGNED_BY_ID"]) for lead in leads] == [("CALL", 7)]


def test_missed_call_is_logged_as_missed_and_makes_a_task(scene: Stage) -> None:
    play(scene, "B", "79001110002")
    call = finished(scene, "79001110002")
    assert (call["CALL_DURATION"], call["CALL_FAILED_CODE"]) == (0, "304")


def test_transferred_call_goes_to_who_talked_last(scene: Stage) -> None:
    play(scene, "C", "79001110003")
    assert finished(scene, "79001110003")["PORTAL_USER_ID"] == 8


def test_outbound_call_is_logged_and_creates_nothing(scene: Stage) -> None:
    play(scene, "E", "79001110004")
    call = finished(scene, "79001110004")
    assert call["CALL_TYPE"] == "1"
    assert not [lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == "+79001110004"]


def test_second_call_of_a_client_makes_no_second_lead(scene: Stage) -> None:
    play(scene, "A", "79001110001")
    finished(scene, "79001110001", count=2)
    leads = [lead for lead in scene.b24.leads() if lead["PHONE"][0]["VALUE"] == "+79001110001"]
    assert len(leads) == 1


def test_hidden_and_internal_calls_stay_in_the_hub(scene: Stage) -> None:
    before = len(scene.b24.calls())
    play(scene, "A", None)  # type: ignore[arg-type]
    play(scene, "internal", "79001110009")
    until(scene.all_done, what="nothing under way any more")
    assert len(scene.b24.calls()) == before


def test_hub_tells_the_story_of_a_call(scene: Stage) -> None:
    listed = scene.hub.get("/api/v1/calls?phone=%2B79001110001")["items"]
    story = scene.hub.get(f"/api/v1/calls/{listed[0]['id']}")
    assert story["deliveries"]
    # A card that nobody looks at any more, since the call was over before its turn came, is taken back: no fault.
    late_card = ("show_card", "superseded", "no longer rings")
    found = {(one["intent"], one["state"], one["last_error"]) for one in story["deliveries"]} - {late_card}
    assert {state for _, state, _ in found} == {"done"}, found


def test_nothing_was_lost_and_no_rule_was_broken(scene: Stage) -> None:
    assert scene.conserved()
    assert scene.b24.ledger.offences() == []
    assert scene.pbx.ledger.offences() == []
    assert set(scene.b24.ledger.registers().values()) == {1}
    assert set(scene.b24.ledger.finishes().values()) == {1}


def test_ring_test_shows_a_real_call_arrive(scene: Stage) -> None:
    words = dozvon("ring-test", "--connection", "mango", "--seconds", "60")
    watching = subprocess.Popen(words, env=scene.hub.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert watching.stdout is not None
        assert b"Ring a number of mango now" in watching.stdout.readline()
        play(scene, "A", "79001110010")
        out, err = watching.communicate(timeout=70)
    finally:
        watching.kill()
        watching.wait(timeout=5)
    assert (watching.returncode, err) == (0, b""), out
    for line in (b"heard: ", b"understood: inbound call with +7900*****10", b"written to b24: finish", b"All of it"):
        assert line in out, out
