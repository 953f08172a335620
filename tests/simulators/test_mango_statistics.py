"""Statistics of the Mango simulator: both reports, with every trap of `mango.md` §4.2 and §4.3."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulators.mango.history import MOSCOW
from tests.simulators.mango_world import World, mango_world


@pytest.fixture
def world() -> Iterator[World]:
    with mango_world() as world:
        world.pbx.faults.delivery = "in_order"
        yield world


def results(world: World, path: str) -> list[Any]:
    world.pbx.wait_until_idle()
    return world.hub.events(path)


def moscow(moment: datetime) -> str:
    return moment.astimezone(MOSCOW).strftime("%d.%m.%Y %H:%M:%S")


def test_the_csv_has_a_row_for_each_phone_that_rang(world: World) -> None:
    played = world.pbx.play("A")
    now = int(datetime.now(UTC).timestamp())
    body = {"date_from": str(now - 3600), "date_to": now + 60, "fields": "entry_id,to_extension,answer,records"}
    key = world.client.ask("stats/request", {**body, "request_id": "q-1"}).json["key"]
    assert world.client.ask("stats/result", {"key": key}).status == 204
    world.clock.passes(5)
    answer = world.client.ask("stats/result", {"key": key})
    rows = [row.split(";") for row in answer.body.decode().splitlines()]
    assert [row[:2] for row in rows] == [[played.entry_id, "101"], [played.entry_id, "102"]]
    assert rows[0][3] == f"[{played.recording_ids[0]}]"
    assert rows[1][2] == "0"
    assert results(world, "/result/stat") == [{"key": key, "request_id": "q-1"}]
    assert world.pbx.ledger.offences() == []


def test_results_may_not_be_polled_faster_than_every_five_seconds_and_keys_die(world: World) -> None:
    now = int(datetime.now(UTC).timestamp())
    key = world.client.ask("stats/request", {"date_from": now - 60, "date_to": now}).json["key"]
    world.client.ask("stats/result", {"key": key})
    world.client.ask("stats/result", {"key": key})
    assert world.pbx.ledger.offences("polled_too_fast")
    world.clock.passes(61)
    assert world.client.ask("stats/result", {"key": key}).status == 404


def extended(**changes: Any) -> dict[str, Any]:
    now = datetime.now(UTC)
    span = {"start_date": moscow(now - timedelta(hours=1)), "end_date": moscow(now + timedelta(minutes=1))}
    return {**span, "limit": 100, "offset": 0, **changes}


def poll(world: World, body: dict[str, Any], times: int) -> Any:
    key = world.client.ask("stats/calls/request", body).json["key"]
    for _ in range(times - 1):
        world.client.ask("stats/calls/result", {"key": key})
        world.clock.passes(5)
    return world.client.ask("stats/calls/result", {"key": key})


def test_the_extended_report_is_partial_while_it_works_and_then_complete(world: World) -> None:
    world.pbx.faults.stats_polls = 2
    answered, missed = world.pbx.play("answered"), world.pbx.play("missed")
    assert poll(world, extended(), 1).status == 204
    world.clock.passes(2)
    partial = poll(world, extended(), 2).json
    assert partial["status"] == "work"
    world.clock.passes(2)
    whole = poll(world, extended(), 3).json
    assert whole["status"] == "complete"
    entries = {entry["entry_id"]: entry for day in whole["data"] for entry in day["list"]}
    assert entries[answered.entry_id]["context_type"] == 1
    assert entries[answered.entry_id]["context_status"] == 1
    assert entries[answered.entry_id]["context_calls"][0]["recording_id"] == list(answered.recording_ids)
    assert entries[missed.entry_id]["context_status"] == 0
    assert sum(day["total_calls_count"] for day in partial["data"]) < len(entries) == 2


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"start_date": "2026-01-05T10:00:00"}, 3104, "start_date"),
        ({"limit": 7}, 3104, "limit"),
        ({"offset": None}, 3103, "offset"),
        ({"start_date": "01.01.2026 00:00:00", "end_date": "31.01.2026 00:00:00"}, 3100, "end_date"),
    ],
)
def test_a_wrong_extended_request_is_refused(world: World, changes: dict[str, Any], code: int, field: str) -> None:
    answer = world.client.ask("stats/calls/request", extended(**changes)).json
    assert answer["result"] == code
    assert field in answer["fields"]


def test_thirty_days_but_a_second_are_accepted(world: World) -> None:
    body = extended(start_date="01.01.2026 00:00:00", end_date="30.01.2026 23:59:59")
    assert world.client.ask("stats/calls/request", body).json["result"] == 1000


def test_ids_as_text_make_the_report_fail(world: World) -> None:
    assert poll(world, extended(user_ids=["5001"]), 2).json == {"result": 5004, "status": "error"}
