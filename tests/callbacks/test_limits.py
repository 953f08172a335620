"""When a request is made and how many there may be, by a clock that the test moves."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from hub.callbacks.cancelling import cancel_request
from hub.callbacks.request import Refused, Taken
from hub.callbacks.rules import Limit, Rules
from hub.db.routing import Block
from hub.db.tables import Connection
from tests.callbacks.world import CLIENT, MONDAY, World


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Moscow"))


# --- Hours --------------------------------------------------------------------------------------------


def test_out_of_hours_it_is_scheduled_and_made_at_opening(world: World) -> None:
    world.clock[0] = moscow("2026-11-23T22:30")
    world.ask()
    row = world.row()
    assert (row.state, row.scheduled_for) == ("scheduled", moscow("2026-11-24T09:00"))
    world.clock[0] = moscow("2026-11-24T08:59")
    world.work()
    assert world.pbx.rung == []
    world.clock[0] = moscow("2026-11-24T09:00")
    world.work()
    assert world.pbx.rung == ["101"]


def test_a_slot_is_kept_and_never_at_night_for_the_visitor(world: World) -> None:
    world.ask(when=MONDAY + timedelta(hours=1))
    assert world.row().scheduled_for == MONDAY + timedelta(hours=1)
    world.ask("+79001234568", when=MONDAY + timedelta(hours=1), zone="Asia/Vladivostok")
    assert world.row("+79001234568").scheduled_for == moscow("2026-11-24T09:00")


def test_hours_that_changed_after_the_promise_are_kept(world: World) -> None:
    world.ask(when=MONDAY + timedelta(hours=1))
    world.set_hours({"tue": ["10:00-18:00"]})
    world.pass_time(hours=1)
    world.work()
    assert (world.row().state, world.row().due_at) == ("scheduled", moscow("2026-11-24T10:00"))
    assert world.pbx.rung == []


@pytest.mark.parametrize(
    ("when", "reason"), [(MONDAY - timedelta(hours=1), "when_past"), (MONDAY + timedelta(days=31), "when_too_far")]
)
def test_a_slot_that_cannot_be_is_refused(world: World, when: datetime, reason: str) -> None:
    assert world.ask(when=when) == Refused(422, reason, "when")


# --- Budgets ------------------------------------------------------------------------------------------


def test_the_third_request_within_a_quarter_of_an_hour_is_refused_with_the_time_to_wait(world: World) -> None:
    for _ in range(2):
        taken = world.ask()
        assert isinstance(taken, Taken)
        with world.database.transaction() as session:
            assert cancel_request(session, world.runtime, world.workspace_id, taken.id, "a test")
    assert world.ask() == Refused(429, "over_budget", "", 901)
    world.pass_time(minutes=16)
    assert isinstance(world.ask(), Taken)


def test_one_address_may_not_ask_for_many_numbers_and_a_program_may(world: World) -> None:
    answers = [world.ask(f"+7900123000{number}", ip="203.0.113.9") for number in range(7)]
    assert [isinstance(answer, Taken) for answer in answers] == [True] * 5 + [False] * 2
    assert all(isinstance(world.ask(f"+7900123100{number}"), Taken) for number in range(7))


def test_a_site_has_a_cap_of_its_own_and_other_workspaces_none_of_it(world: World) -> None:
    world.set_rules(Rules(limits=(Limit("workspace", 2, 86_400),)))
    assert isinstance(world.ask("+79001230001"), Taken)
    assert isinstance(world.ask("+79001230002"), Taken)
    assert isinstance(world.ask("+79001230003"), Refused)


def test_the_days_money_is_never_overspent(world: World) -> None:
    world.set_rules(Rules(call_cost=1000, day_cap=1500))
    world.ask()
    world.ask("+79001230002")
    world.work()
    assert len(world.pbx.rung) == 1
    assert world.row("+79001230002").due_at == moscow("2026-11-24T09:00")
    refused = world.ask("+79001230003")
    assert isinstance(refused, Refused)
    assert (refused.status, refused.reason, refused.retry_seconds) == (429, "daily_cap", 9 * 3600)


def test_the_kill_switch_stops_what_is_asked_and_what_is_waiting(world: World) -> None:
    world.ask()
    world.set_rules(Rules(), stopped=True)
    world.work()
    assert world.pbx.told == []
    refused = world.ask("+79001230002")
    assert isinstance(refused, Refused)
    assert refused.reason == "stopped"
    world.set_rules(Rules())
    world.pass_time(seconds=61)
    world.work()
    assert world.pbx.rung == ["101"]


@pytest.mark.parametrize(
    ("kind", "value", "more"),
    [("number", CLIENT, {}), ("ip", "203.0.113.9", {"ip": "203.0.113.9"}), ("visitor", "v1", {"visitor": "v1"})],
)
def test_who_is_blocked_is_not_served_until_the_block_ends(
    world: World, kind: str, value: str, more: dict[str, str]
) -> None:
    with world.database.transaction() as session:
        session.add(
            Block(
                workspace_id=world.workspace_id, kind=kind, value=value, until=MONDAY + timedelta(hours=1),
                made_by="test", made_at=MONDAY,
            )
        )  # fmt: skip
    assert world.ask(**more) == Refused(422, "blocked", "phone")
    world.pass_time(hours=1)
    assert isinstance(world.ask(**more), Taken)


def test_without_a_pbx_that_rings_the_request_has_failed_and_says_so(world: World) -> None:
    with world.database.transaction() as session:
        session.get_one(Connection, world.pbx_id).state = "paused"
    world.ask()
    world.work()
    assert (world.row().state, world.row().failed_because) == ("failed", "no_pbx")
