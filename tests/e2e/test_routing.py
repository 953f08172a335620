"""A ringing call reaches its right person: PBX → hub → PBX, in real processes, judged by the PBX's ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.hub import HOOK_TOKEN, Stage, stage, until

VIP, OWNED, LATER_OWNED = "79001234567", "79001230002", "79001230003"
_MORE = f"""
[[vip]]
phone = "+{VIP}"
extension = "102"
note = "the landlord"
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("routing"), more=_MORE) as running:
        running.b24.add_entity("CONTACT", {"NAME": "Olga", "ASSIGNED_BY_ID": 8, "PHONE": [{"VALUE": f"+{OWNED}"}]})
        until(lambda: _extensions_known(running), what="the hub knows the PBX's extensions")
        yield running


def _extensions_known(scene: Stage) -> bool:
    return any(entry.get("path") == "groups" for entry in scene.pbx.ledger.entries("query"))


def routes(scene: Stage, client: str) -> list[Any]:
    """The route commands for the legs of this client's calls."""
    calls = [call for call in scene.pbx.exchange.all() if call.numbers.client == client]
    legs = {leg.call_id for call in calls for leg in call.legs}
    return [one for one in scene.pbx.ledger.entries("command") if one["json"].get("call_id") in legs]


def offences(scene: Stage) -> list[Any]:
    return scene.pbx.ledger.entries("offence")


def in_menu(scene: Stage, client: str, **numbers: float) -> Any:
    return scene.pbx.start("vip_route", client=client, wait_for_command_seconds=6, **numbers)


def test_a_vip_is_sent_to_the_extension_of_the_list_within_a_second(scene: Stage) -> None:
    playing = in_menu(scene, VIP)
    until(lambda: routes(scene, VIP), within_seconds=1.5, what="a route command")
    played = playing.result(timeout=30)
    (route,) = routes(scene, VIP)
    assert route["json"]["to_number"] == "102"
    assert played.summary is not None
    assert played.summary["to"]["extension"] == "102"
    assert offences(scene) == []


def test_a_client_of_the_crm_is_sent_to_the_owner_within_a_second_and_the_card_with_them(scene: Stage) -> None:
    until(lambda: _rested(scene), 3, "the vendor's two seconds after the route before")
    playing = in_menu(scene, OWNED, rings_really_seconds=3)
    until(lambda: routes(scene, OWNED), within_seconds=1.5, what="a route command")
    until(scene.b24.cards, within_seconds=2.5, what="a card while the telephone rings")
    assert list(scene.b24.cards().values()) == [{8}]
    played = playing.result(timeout=30)
    (route,) = routes(scene, OWNED)
    assert route["json"]["to_number"] == "102"
    assert played.summary is not None
    assert played.summary["to"]["extension"] == "102"
    registered = scene.b24.ledger.requests("telephony.externalCall.register")
    assert [str(one.params["USER_ID"]) for one in registered if OWNED in one.params["PHONE_NUMBER"]] == ["8"]
    assert offences(scene) == []


def _rested(scene: Stage) -> bool:
    sent = [one for one in scene.pbx.ledger.entries("command") if one["path"] == "commands/route"]
    return not sent or datetime.now(UTC) - datetime.fromisoformat(sent[-1]["at"]) > timedelta(seconds=2.2)


def test_the_pbx_that_asks_gets_the_same_answer(scene: Stage) -> None:
    said = scene.hub.get(f"/route/{HOOK_TOKEN}?caller={OWNED}&line=74950000001&call_id=asked-1")
    assert (said["extension"], said["user"], said["reason"]) == ("102", "Борис", "owner")
    assert said["party"]["name"] == "Olga"


def test_a_stranger_is_left_to_the_pbxs_own_scheme(scene: Stage) -> None:
    stranger = "79001239999"
    played = scene.pbx.start("vip_route", client=stranger, wait_for_command_seconds=3).result(timeout=30)
    assert routes(scene, stranger) == []
    assert played.summary is not None
    assert played.summary["to"]["extension"] == "101"


def test_a_card_made_after_the_index_was_read_is_found_by_a_look_up(scene: Stage) -> None:
    phone = [{"VALUE": f"+{LATER_OWNED}"}]
    scene.b24.add_entity("CONTACT", {"NAME": "Petr", "ASSIGNED_BY_ID": 8, "PHONE": phone})
    playing = in_menu(scene, LATER_OWNED)
    until(lambda: routes(scene, LATER_OWNED), within_seconds=5, what="a route command after the look-up")
    assert playing.result(timeout=30).summary["to"]["extension"] == "102"


def test_a_burst_of_fifty_calls_locks_nothing_and_routes_no_stranger(scene: Stage) -> None:
    clients = [VIP, OWNED, *(f"7900777{number:04}" for number in range(48))]
    already = len(routes(scene, VIP)) + len(routes(scene, OWNED))
    playing = [in_menu(scene, client) for client in clients]
    for future in playing:
        future.result(timeout=60)
    until(lambda: not scene.hub.metrics().get('dozvon_inbox{state="waiting"}'), 30, what="every event is read")
    assert offences(scene) == []
    assert scene.pbx.ledger.entries("lock_out") == []
    assert len(routes(scene, VIP)) + len(routes(scene, OWNED)) == already + 2
    assert not any(routes(scene, client) for client in clients[2:])
