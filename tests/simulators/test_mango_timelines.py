"""What the stand-in tells a hub: the timelines of mango.md §2.8, signed, complete, and badly delivered on demand."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from simulators.mango import LETTERS, TIMELINES
from simulators.mango.office import SIP_LINE
from simulators.mango.signature import link_sign, sign
from tests.simulators.mango_client import KEY, SALT
from tests.simulators.mango_world import World, mango_world


@pytest.fixture
def world() -> Iterator[World]:
    with mango_world() as world:
        yield world


def in_order(world: World) -> None:
    world.pbx.faults.delivery = "in_order"


def told(world: World) -> list[tuple[str, int, str, str]]:
    """(leg, seq, state, place) of each call event as it arrived; legs are numbered as they appear."""
    names: dict[str, str] = {}
    rows = []
    for event in world.hub.events("/events/call"):
        leg = names.setdefault(event["call_id"], f"L{len(names) + 1}")
        rows.append((leg, event["seq"], event["call_state"], event["location"]))
    return rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '{"command_id":"cb-42","from":{"extension":"101"},"to_number":"79001234567"}',
            "8add77186e4041adf9a672881a1eec7bdef50c6f4cde3fe3f68571d8e124db20",
        ),
        (
            '{"command_id": "cb-42", "from": {"extension": "101"}, "to_number": "79001234567"}',
            "d777b2e811646f521d3793a9c04986ff8bb2e28336a6e5556e3230d81f15666d",
        ),
        ("{}", "a9bf9884a11e4304bb16d43ed4bb2f74d605642d89a96e8061fa5ac4ba50fbf3"),
        ('{"comment":"Иван"}', "71aa257d9e5eccaa69461f8fdc4be5b73e9d56246bb98d75067754a6ec85a485"),
        (r'{"comment":"\u0418\u0432\u0430\u043d"}', "b8fd7d2599ee74d6d00c4f4aa576fba7c2c0915d00f5b61362e7700c6ae28547"),
    ],
)
def test_signatures_fit_the_documented_vectors(text: str, expected: str) -> None:
    assert sign(KEY, text, SALT) == expected


def test_signature_of_a_link_fits_the_documented_vector() -> None:
    signed = link_sign(KEY, "1767225600", "MToxMDAwMDAwMToyNjAwMDAwMDAxOjA=", SALT)
    assert signed == "ca7d0de3428be502a2eb4197792991014b952f8201c858ff31deacc515c0cea0"


@pytest.mark.parametrize("name", [*LETTERS, *TIMELINES, "callback"])
def test_every_timeline_is_signed_form_encoded_and_taken_by_the_hub(world: World, name: str) -> None:
    played = world.pbx.play(name, wait_for_command_seconds=0)
    assert played.accepted
    assert len(world.hub.heard) == len(played.deliveries)
    for heard in world.hub.heard:
        assert heard.path.startswith("/hooks/TOKEN/events/")
        assert heard.content_type == "application/x-www-form-urlencoded"
        assert set(heard.form) == {"vpbx_api_key", "sign", "json"}
        assert heard.form["sign"] == hashlib.sha256((KEY + heard.form["json"] + SALT).encode()).hexdigest()


@pytest.mark.parametrize("name", [*TIMELINES, "callback"])
def test_every_timeline_keeps_the_rules_of_legs(world: World, name: str) -> None:
    in_order(world)
    played = world.pbx.play(name, wait_for_command_seconds=0)
    legs: dict[str, list[Any]] = defaultdict(list)
    for event in world.hub.events("/events/call"):
        assert event["entry_id"] == played.entry_id
        legs[event["call_id"]].append(event)
    assert tuple(legs) == played.call_ids
    for events in legs.values():
        seqs = [event["seq"] for event in events]
        assert seqs[0] == 1
        assert seqs == sorted(set(seqs))
        assert events[0]["call_state"] == "Appeared"
        assert [event["call_state"] for event in events].index("Disconnected") == len(events) - 1
        assert "disconnect_reason" in events[-1]
    assert len(world.hub.events("/events/summary")) == 1


def test_a_queue_rings_the_group_and_the_loser_stops_when_somebody_answers(world: World) -> None:
    in_order(world)
    world.pbx.play("A", tracking=1)
    assert told(world) == [
        ("L1", 1, "Appeared", "ivr"),
        ("L1", 2, "Disconnected", "ivr"),
        ("L2", 1, "Appeared", "queue"),
        ("L3", 1, "Appeared", "abonent"),
        ("L4", 1, "Appeared", "abonent"),
        ("L3", 2, "Connected", "abonent"),
        ("L2", 2, "Disconnected", "queue"),
        ("L4", 2, "Disconnected", "abonent"),
        ("L3", 3, "Disconnected", "abonent"),
    ]
    first = world.hub.events("/events/call")[0]
    assert first["dct"] == {"type": 1, "number": "74950000001"}
    assert first["from"] == {"number": "79001234567"}
    assert [event["recording_state"] for event in world.hub.events("/events/recording")] == ["Started", "Completed"]
    assert world.hub.events("/events/dtmf")[0]["dtmf"] == "1"


def test_summary_of_an_answered_call_states_moments_and_not_durations(world: World) -> None:
    start = datetime(2026, 1, 5, 10, tzinfo=UTC)
    played = world.pbx.play("answered", start=start, menu_seconds=4, ring_seconds=8, talk_seconds=60)
    began = int(start.timestamp())
    assert played.summary is not None
    assert played.summary["create_time"] == began
    assert played.summary["forward_time"] == began + 4
    assert played.summary["talk_time"] == began + 12
    assert played.summary["end_time"] == began + 72
    assert played.summary["line_number"] == "74950000001"
    assert played.summary["call_direction"] == 1


def test_without_a_start_the_call_ends_about_now_when_it_is_played_at_once(world: World) -> None:
    played = world.pbx.play("answered")
    assert played.summary is not None
    assert abs(datetime.now(UTC).timestamp() - played.summary["end_time"]) < 25


def test_a_missed_call_has_no_talk(world: World) -> None:
    played = world.pbx.play("B", reason=1121)
    assert played.summary is not None
    assert (played.summary["talk_time"], played.summary["entry_result"], played.summary["disconnect_reason"]) == (
        0,
        0,
        1121,
    )
    assert played.recording_ids == ()


def test_a_call_that_ends_in_the_menu_names_nobody_and_may_claim_a_result(world: World) -> None:
    played = world.pbx.play("hung_up_in_menu", reason=1170)
    assert played.summary is not None
    assert played.summary["to"] == {}
    assert (played.summary["talk_time"], played.summary["entry_result"]) == (0, 1)


def test_consultation_ends_with_a_second_connected_on_the_same_leg_and_two_recordings(world: World) -> None:
    in_order(world)
    played = world.pbx.play("C")
    assert [row[:3] for row in told(world)][2:] == [
        ("L2", 1, "Appeared"),
        ("L2", 2, "Connected"),
        ("L2", 3, "OnHold"),
        ("L3", 1, "Appeared"),
        ("L3", 2, "Connected"),
        ("L2", 4, "Disconnected"),
        ("L3", 3, "Connected"),
        ("L3", 4, "Disconnected"),
    ]
    asked, joined = [e for e in world.hub.events("/events/call") if e["call_id"] == played.call_ids[2]][1:3]
    assert asked["from"]["extension"] == "101"
    assert joined["from"] == {"number": "79001234567", "taken_from_call_id": played.call_ids[1]}
    assert len(played.recording_ids) == 2


def test_callback_rings_the_operator_first_on_a_leg_that_looks_inbound(world: World) -> None:
    in_order(world)
    played = world.pbx.play("F", command_id="cb-1")
    events = world.hub.events("/events/call")
    assert events[0]["from"] == {"number": "79001234567"}
    assert events[0]["to"]["extension"] == "101"
    assert {event["command_id"] for event in events} == {"cb-1"}
    assert {event["callback_initiator"] for event in events} == {"API"}
    assert played.summary is not None
    assert played.summary["call_direction"] == 2


def test_a_hidden_caller_has_no_number_anywhere(world: World) -> None:
    played = world.pbx.play("answered", client=None)
    assert played.accepted
    assert all("79001234567" not in heard.form["json"] for heard in world.hub.heard)
    assert world.hub.events("/events/summary")[0]["from"] == {}


def test_a_sip_line_is_told_as_its_address(world: World) -> None:
    world.pbx.play("answered", line=SIP_LINE)
    assert world.hub.events("/events/summary")[0]["line_number"] == SIP_LINE


# --- faults ---------------------------------------------------------------------------------------------------------


def test_dropped_events_reach_nobody_and_stand_in_the_ledger(world: World) -> None:
    world.pbx.faults.drop_if = lambda path, body: path == "/events/summary"
    played = world.pbx.play("missed")
    assert world.hub.events("/events/summary") == []
    assert played.summary is not None
    assert [entry["path"] for entry in world.pbx.ledger.entries("event", dropped=True)] == ["/events/summary"]


def test_duplicated_events_are_equal(world: World) -> None:
    world.pbx.faults.duplicate_share = 1.0
    world.pbx.play("missed")
    bodies = sorted(heard.form["json"] for heard in world.hub.heard)
    assert bodies[::2] == bodies[1::2]
    assert bodies


def test_shuffled_events_all_come_in_another_order(world: World) -> None:
    world.pbx.faults.delivery = "shuffled"
    played = world.pbx.play("queue_answered")
    sent = [(d.body["call_id"], d.body["seq"]) for d in played.deliveries if d.path == "/events/call"]
    assert len(sent) == 9
    appeared_first = list(dict.fromkeys(sent))
    assert appeared_first != sorted(sent, key=lambda each: (played.call_ids.index(each[0]), each[1]))


def test_numbers_may_be_text_and_lines_may_be_missing(world: World) -> None:
    world.pbx.faults.numbers_as_text = True
    world.pbx.faults.missing_line_number = True
    world.pbx.play("answered", tracking=1)
    events = world.hub.events("/events/call")
    assert all(isinstance(event["seq"], str) and isinstance(event["timestamp"], str) for event in events)
    assert all(("line_number" in event["to"]) == (event["seq"] == "1") for event in events)
    assert isinstance(world.hub.events("/events/summary")[0]["talk_time"], str)


def test_an_event_is_sent_again_only_when_retries_are_switched_on(world: World) -> None:
    world.hub.status = lambda number: 503
    assert {delivery.tries for delivery in world.pbx.play("missed").deliveries} == {1}
    world.pbx.faults.tries = 3
    played = world.pbx.play("hung_up_in_menu")
    assert {delivery.tries for delivery in played.deliveries} == {3}
    assert not played.accepted


def test_many_calls_have_ids_of_their_own(world: World) -> None:
    played = world.pbx.play_many([("answered", {"client": f"7900123450{n}"}) for n in range(6)])
    ids = [call_id for call in played for call_id in call.call_ids]
    assert len(set(ids)) == len(ids) == 12
    assert len({call.entry_id for call in played}) == 6


def test_the_connection_check_is_a_post_without_json(world: World) -> None:
    assert world.pbx.check_connection() == 200
    assert world.hub.heard[-1].path == "/hooks/TOKEN/ping"
    assert "json" not in world.hub.heard[-1].form


def test_an_unknown_timeline_is_named(world: World) -> None:
    with pytest.raises(ValueError, match="no timeline is called 'Z'"):
        world.pbx.play("Z")
