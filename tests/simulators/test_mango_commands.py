"""What commands do to calls, and where recordings and statistics come from (mango.md §3, §4)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.simulators.mango_client import KEY, SALT, fetch
from tests.simulators.mango_world import World, mango_world


@pytest.fixture
def world() -> Iterator[World]:
    with mango_world() as world:
        world.pbx.faults.delivery = "in_order"
        yield world


def leg_in(world: World, state: str, place: str, **facts: Any) -> str:
    """The id of the leg that was last told of in this state."""
    entries = world.pbx.ledger.wait_for("event", path="/events/call")
    while True:
        for entry in reversed(entries):
            event = entry["json"]
            if (event["call_state"], event["location"]) == (state, place):
                return str(event["call_id"])
        entries = world.pbx.ledger.wait_for("event", count=len(entries) + 1, path="/events/call")


def results(world: World, path: str) -> list[Any]:
    world.pbx.wait_until_idle()
    return world.hub.events(path)


def states_of(world: World, call_id: str) -> list[tuple[str, int | None]]:
    events = [event for event in world.hub.events("/events/call") if event["call_id"] == call_id]
    return [(event["call_state"], event.get("disconnect_reason")) for event in events]


# --- callback -------------------------------------------------------------------------------------------------------


def test_a_callback_rings_the_employee_then_the_client_and_tells_its_result(world: World) -> None:
    body = {"command_id": "cb-1", "from": {"extension": "101", "number": ""}, "to_number": "79001234567"}
    assert world.client.ask("commands/callback", body).json == {"result": 1000}
    assert results(world, "/result/callback") == [{"command_id": "cb-1", "result": 1000}]
    events = world.hub.events("/events/call")
    assert {event["command_id"] for event in events} == {"cb-1"}
    assert [event["call_state"] for event in events] == [
        "Appeared", "Connected", "Disconnected", "Appeared", "Connected", "Disconnected",
    ]  # fmt: skip
    assert world.hub.events("/events/summary")[0]["talk_time"] > 0
    assert [entry["path"] for entry in world.pbx.ledger.entries("command")] == ["commands/callback"]


@pytest.mark.parametrize(
    ("outcome", "reason", "legs"),
    [
        ("operator_no_answer", 1111, 1),
        ("operator_declined", 1122, 1),
        ("client_no_answer", 1111, 2),
        ("client_busy", 1121, 2),
    ],
)
def test_a_callback_ends_as_it_was_scripted(world: World, outcome: Any, reason: int, legs: int) -> None:
    world.pbx.faults.callback_outcomes.append(outcome)
    body = {"command_id": "cb-2", "from": {"extension": "101"}, "to_number": "79001234567"}
    world.client.ask("commands/callback", body)
    world.pbx.wait_until_idle()
    summary = world.hub.events("/events/summary")[0]
    assert (summary["disconnect_reason"], summary["talk_time"]) == (reason, 0)
    assert len({event["call_id"] for event in world.hub.events("/events/call")}) == legs


def test_without_money_a_callback_has_a_result_and_no_call(world: World) -> None:
    world.pbx.faults.callback_code = 2240
    world.client.ask(
        "commands/callback", {"command_id": "cb-3", "from": {"extension": "101"}, "to_number": "79001234567"}
    )
    assert results(world, "/result/callback") == [{"command_id": "cb-3", "result": 2240}]
    assert world.hub.events("/events/call") == []


def test_a_group_callback_rings_a_member_with_the_group_on_the_leg(world: World) -> None:
    body = {"command_id": "cb-4", "from": "300", "to": "79001234567", "line_number": "74950000001"}
    assert world.client.ask("commands/callback_group", body).json == {"result": 1000}
    assert results(world, "/result/callback_group") == [{"command_id": "cb-4", "result": 1000}]
    first = world.hub.events("/events/call")[0]
    assert (first["to"]["extension"], first["to"]["acd_group"]) == ("101", "300")


def test_a_group_callback_with_the_sides_swapped_rings_the_client_first(world: World) -> None:
    body = {"command_id": "cb-5", "from": "79001234567", "to": "300", "line_number": "74950000001"}
    world.client.ask("commands/callback_group", body)
    world.pbx.wait_until_idle()
    assert world.hub.events("/events/call")[0]["to"] == {"number": "79001234567"}


@pytest.mark.parametrize(
    ("outcome", "reason", "rung"),
    [
        ("client_no_answer", 1111, [{"number": "79001234567"}]),
        ("client_busy", 1121, [{"number": "79001234567"}]),
        ("operator_no_answer", 1111, [{"number": "79001234567"}, "101"]),
    ],
)
def test_a_client_who_is_rung_first_and_is_away_keeps_the_group_out_of_it(
    world: World, outcome: Any, reason: int, rung: list[Any]
) -> None:
    world.pbx.faults.callback_outcomes.append(outcome)
    body = {"command_id": "cb-6", "from": "79001234567", "to": "300", "line_number": "74950000001"}
    world.client.ask("commands/callback_group", body)
    world.pbx.wait_until_idle()
    summary = world.hub.events("/events/summary")[0]
    assert (summary["disconnect_reason"], summary["talk_time"]) == (reason, 0)
    begun = [event["to"] for event in world.hub.events("/events/call") if event["call_state"] == "Appeared"]
    assert [to.get("extension", to) for to in begun] == rung


# --- route, transfer, hang-up -----------------------------------------------------------------------------------------


def test_a_caller_in_the_menu_is_routed_to_the_employee_whom_the_command_names(world: World) -> None:
    playing = world.pbx.start("G")
    menu = leg_in(world, "Appeared", "ivr")
    route = {"command_id": "vip-1", "call_id": menu, "to_number": "103"}
    assert world.client.ask("commands/route", route).json == {"result": 1000}
    played = playing.result(timeout=20)
    assert results(world, "/result/route") == [{"command_id": "vip-1", "result": 1000}]
    assert states_of(world, menu) == [("Appeared", None), ("Disconnected", 1100)]
    routed = [event for event in world.hub.events("/events/call") if event["call_id"] == played.call_ids[1]]
    assert routed[0]["command_id"] == "vip-1"
    assert routed[0]["from"]["taken_from_call_id"] == menu
    assert routed[0]["to"]["extension"] == "103"
    assert played.summary is not None
    assert played.summary["to"]["extension"] == "103"


def test_a_ringing_call_is_taken_away_from_its_employee(world: World) -> None:
    playing = world.pbx.start("ringing_until_routed")
    ringing = leg_in(world, "Appeared", "abonent")
    world.client.ask("commands/route", {"command_id": "vip-2", "call_id": ringing, "to_number": "103"})
    played = playing.result(timeout=20)
    assert states_of(world, ringing)[-1] == ("Disconnected", 1182)
    assert played.answered


def test_an_answered_leg_cannot_be_routed_and_an_ended_one_is_gone(world: World) -> None:
    playing = world.pbx.start("talking_until_ordered", wait_for_command_seconds=0.5)
    talking = leg_in(world, "Connected", "abonent")
    world.client.ask("commands/route", {"command_id": "r-1", "call_id": talking, "to_number": "103"})
    playing.result(timeout=20)
    world.clock.passes(2)
    world.client.ask("commands/route", {"command_id": "r-2", "call_id": talking, "to_number": "103"})
    codes = {each["command_id"]: each["result"] for each in results(world, "/result/route")}
    assert codes == {"r-1": 4100, "r-2": 4101}


def test_an_unknown_extension_is_refused_at_once(world: World) -> None:
    answer = world.client.ask("commands/route", {"command_id": "r", "call_id": "x", "to_number": "999"})
    assert answer.json["result"] == 3330


def test_state_errors_may_come_in_the_answer_itself(world: World) -> None:
    world.pbx.faults.state_errors = "answer"
    answer = world.client.ask("commands/route", {"command_id": "r", "call_id": "x", "to_number": "101"})
    assert (answer.status, answer.json) == (200, {"result": 4101})


@pytest.mark.parametrize("method", ["blind", "hold"])
def test_a_talk_is_transferred(world: World, method: str) -> None:
    playing = world.pbx.start("talking_until_ordered")
    talking = leg_in(world, "Connected", "abonent")
    body = {"command_id": "t-1", "call_id": talking, "method": method, "to_number": "102", "initiator": "101"}
    assert world.client.ask("commands/transfer", body).json == {"result": 1000}
    played = playing.result(timeout=20)
    last = world.hub.events("/events/call")[-1]
    assert (last["to"]["extension"], last["command_id"]) == ("102", "t-1")
    assert any(event["call_state"] == "OnHold" for event in world.hub.events("/events/call")) == (method == "hold")
    assert played.answered


def test_only_an_employee_on_the_leg_may_transfer(world: World) -> None:
    playing = world.pbx.start("talking_until_ordered", wait_for_command_seconds=0.5)
    talking = leg_in(world, "Connected", "abonent")
    body = {"command_id": "t-2", "call_id": talking, "method": "blind", "to_number": "102", "initiator": "103"}
    world.client.ask("commands/transfer", body)
    playing.result(timeout=20)
    assert results(world, "/result/transfer") == [{"command_id": "t-2", "result": 4100}]


def test_a_hang_up_ends_the_call_with_its_own_reason(world: World) -> None:
    playing = world.pbx.start("talking_until_ordered")
    talking = leg_in(world, "Connected", "abonent")
    world.client.ask("commands/call/hangup", {"command_id": "h-1", "call_id": talking})
    playing.result(timeout=20)
    assert states_of(world, talking)[-1] == ("Disconnected", 1181)
    assert results(world, "/result/call/hangup") == [{"command_id": "h-1", "result": 1000}]


def test_recording_on_demand_starts_once(world: World) -> None:
    playing = world.pbx.start("talking_until_ordered", recorded=False)
    talking = leg_in(world, "Connected", "abonent")
    body = {"command_id": "rec-1", "call_id": talking, "call_party_number": "101"}
    world.client.ask("commands/recording/start", body)
    played = playing.result(timeout=20)
    assert len(played.recording_ids) == 1
    assert world.hub.events("/events/recording")[0]["command_id"] == "rec-1"


# --- recordings -------------------------------------------------------------------------------------------------------


def ask_recording(world: World, recording_id: str) -> Any:
    return world.client.ask("queries/recording/post", {"recording_id": recording_id, "action": "download"})


def test_a_recording_comes_by_a_link_that_works_once(world: World) -> None:
    recording_id = world.pbx.play("answered").recording_ids[0]
    answer = ask_recording(world, recording_id)
    assert answer.status == 302
    link = answer.headers["Location"]
    audio = fetch(link)
    assert (audio.status, audio.headers["Content-Type"]) == (200, "audio/mpeg")
    assert audio.body[0] == 0xFF
    assert 1000 < len(audio.body) <= 20_000
    assert fetch(link).status == 404
    assert [entry["code"] for entry in world.pbx.ledger.offences()] == ["link_reused"]
    assert [entry["fetched"] for entry in world.pbx.ledger.entries("recording_link")] == [True, False]


def test_a_recording_is_not_there_until_its_delay_is_over(world: World) -> None:
    world.pbx.faults.recording_delay_seconds = 60
    world.pbx.faults.recording_404_times = 1
    recording_id = world.pbx.play("answered").recording_ids[0]
    assert ask_recording(world, recording_id).status == 404
    world.clock.passes(61)
    assert [ask_recording(world, recording_id).status for _ in range(2)] == [404, 302]
    assert world.pbx.ledger.offences() == []


def test_a_file_is_there_even_when_its_event_was_lost(world: World) -> None:
    world.pbx.faults.drop_if = lambda path, body: path == "/events/record/added"
    assert ask_recording(world, world.pbx.play("answered").recording_ids[0]).status == 302


def test_signed_links_work_when_they_are_switched_on_and_until_they_expire(world: World) -> None:
    import hashlib
    import time

    recording_id = world.pbx.play("answered").recording_ids[0]

    def link(until: int, salt: str = SALT) -> str:
        sign = hashlib.sha256(f"{KEY}{until}{recording_id}{salt}".encode()).hexdigest()
        return f"{world.pbx.base_url}/queries/recording/link/{recording_id}/download/{KEY}/{until}/{sign}"

    later, before = int(time.time()) + 600, int(time.time()) - 600
    assert fetch(link(later)).status == 403
    world.pbx.faults.recording_links = True
    assert fetch(link(later)).status == 302
    assert fetch(link(before)).status == 403
    assert fetch(link(later, salt="other")).status == 403
