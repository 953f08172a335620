"""Requests on their way, on both stores, by a clock that the test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.callbacks.cancelling import cancel_request
from hub.callbacks.pump import handle, take_due
from hub.callbacks.request import Refused, Taken
from hub.callbacks.rules import Limit, Rules
from hub.db.engine import Database
from hub.db.routing import Block, CommandState
from hub.db.tables import Connection
from hub.domain.errors import OutcomeUnknown, Rejected
from hub.domain.events import CallEvent, Direction, EventKind, Result
from hub.domain.phone import Phone
from tests.callbacks.world import CLIENT, MONDAY, World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def moscow(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Moscow"))


# --- From request to done -----------------------------------------------------------------------------


def test_each_state_follows_the_pbx(world: World) -> None:
    world.ask()
    assert world.row().state == "requested"
    world.work()
    assert (world.row().state, world.pbx.rung) == ("ringing_operator", ["101"])
    world.operator_rings()
    assert world.row().state == "ringing_operator"
    world.operator_answers()
    assert world.row().state == "ringing_client"
    world.client_answers()
    assert world.row().state == "talking"
    world.ends(talked=True)
    assert (world.row().state, world.row().failed_because) == ("done", None)
    assert world.pbx.rung == ["101"]


def test_events_in_any_order_end_the_same(world: World) -> None:
    world.ask()
    world.work()
    world.ends(talked=True)
    world.client_answers()
    world.operator_answers()
    world.operator_rings()
    assert world.row().state == "done"
    world.work()
    assert world.pbx.rung == ["101"]


def test_a_summary_before_the_clients_leg_is_not_taken_for_an_operator_who_missed(world: World) -> None:
    world.ask()
    world.work()
    world.operator_rings()
    world.ends(talked=False)
    world.work()
    assert world.row().state == "ringing_operator"
    world.operator_answers()
    world.pass_time(seconds=4)
    world.work()
    assert (world.row().state, world.row().rounds) == ("scheduled", 1)


def test_the_next_colleague_is_rung_and_when_all_are_tried_it_is_later_and_then_over(world: World) -> None:
    world.set_rules(Rules(operator_retries=(60,)))
    world.ask()
    for _ in range(2):
        for _ in range(2):
            world.work()
            world.operator_rings()
            world.ends(talked=False)
            world.pass_time(seconds=4)
            world.work()
        world.pass_time(seconds=61)
    assert world.pbx.rung == ["101", "102", "101", "102"]
    assert (world.row().state, world.row().failed_because) == ("failed", "no_operator")


@pytest.mark.parametrize(
    ("result", "because"),
    [(Result.NO_ANSWER, "no_answer"), (Result.BUSY, "busy"), (Result.WRONG_NUMBER, "wrong_number")],
)
def test_a_visitor_who_is_not_reached_is_rung_by_the_plan_and_then_it_has_failed(
    world: World, result: Result, because: str
) -> None:
    world.set_rules(Rules(client_retries=(120,)))
    world.ask()
    for _ in range(2):
        world.work()
        if world.row().state != "ringing_operator":
            break
        world.operator_rings()
        world.operator_answers()
        world.ends(talked=False, result=result)
        world.pass_time(seconds=4)
        world.work()
        world.pass_time(seconds=120)
    assert (world.row().state, world.row().failed_because) == ("failed", because)
    assert len(world.pbx.rung) == (1 if result is Result.WRONG_NUMBER else 2)


# --- Once and never twice -----------------------------------------------------------------------------


def test_a_step_taken_by_two_workers_is_done_once(world: World) -> None:
    world.ask()
    (taken,) = take_due(world.runtime)
    assert take_due(world.runtime) == []
    handle(world.runtime, taken)
    handle(world.runtime, taken)
    world.work()
    assert world.pbx.rung == ["101"]


def test_a_worker_that_died_before_it_ordered_is_followed_by_another(world: World) -> None:
    world.ask()
    take_due(world.runtime)
    world.pass_time(seconds=61)
    world.work()
    assert world.pbx.rung == ["101"]


@pytest.fixture
def lost(world: World) -> datetime:
    """When a command was sent whose answer never came; commands are timed by the database's own clock."""
    world.set_hours({day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")})
    at = world.clock[0] = datetime.now(tz=UTC)
    world.pbx.raises.append(OutcomeUnknown("the line went dead"))
    world.ask()
    world.work()
    assert world.command().state == CommandState.UNKNOWN
    world.pass_time(seconds=60)
    world.work()
    assert world.pbx.rung == []
    world.pass_time(seconds=35)
    return at


def test_a_command_whose_fate_is_unknown_is_looked_for_before_anybody_is_rung_again(
    world: World, lost: datetime
) -> None:
    world.pbx.calls.append(
        CallEvent(
            EventKind.SUMMARY, "there", "there:history", lost + timedelta(seconds=40), direction=Direction.OUTBOUND,
            client=Phone(CLIENT, CLIENT), extension="101", result=Result.ANSWERED, talk_seconds=20, started_at=lost,
            answered_at=lost + timedelta(seconds=20), ended_at=lost + timedelta(seconds=40), from_history=True,
        )
    )  # fmt: skip
    world.work()
    assert (world.row().state, world.pbx.rung) == ("done", [])


@pytest.mark.usefixtures("lost")
def test_a_command_that_the_history_does_not_know_is_followed_by_the_next_colleague(world: World) -> None:
    world.work()
    assert world.pbx.rung == ["102"]


def test_a_command_that_the_pbx_refuses_is_told_and_the_next_colleague_rung(world: World) -> None:
    world.pbx.raises.append(Rejected("no such employee"))
    world.ask()
    world.work()
    assert world.pbx.rung == ["102"]
    assert any("no such employee" in line for line in world.story())


def test_two_requests_of_one_number_are_one(world: World) -> None:
    first, second = world.ask(), world.ask("8 900 123 45 67")
    assert isinstance(first, Taken)
    assert second == Taken(first.id, first.uid, is_new=False)
    world.work()
    assert world.pbx.rung == ["101"]


# --- The visitor rings in -----------------------------------------------------------------------------


def test_a_visitor_who_rings_in_and_is_answered_needs_no_callback(world: World) -> None:
    world.ask(when=MONDAY + timedelta(hours=1))
    world.rings_in(answered=True)
    assert (world.row().state, world.row().failed_because) == ("cancelled", "rang_in")
    world.pass_time(hours=2)
    world.work()
    assert world.pbx.told == []


def test_who_is_rung_for_a_visitor_who_was_answered_meanwhile_is_let_go(world: World) -> None:
    world.ask()
    world.work()
    world.operator_rings()
    world.rings_in(answered=True)
    world.work()
    assert world.row().state == "cancelled"
    assert [(kind, whom) for kind, _, whom in world.pbx.told] == [("callback", "101"), ("hangup", "ops")]


def test_a_visitor_who_rings_in_is_not_rung_meanwhile_and_afterwards_is(world: World) -> None:
    world.ask()
    world.rings_in(answered=False)
    world.work()
    assert world.pbx.rung == []
    world.rings_in(answered=False, ended=True)
    world.pass_time(seconds=16)
    world.work()
    assert world.pbx.rung == ["101"]


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
