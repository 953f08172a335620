"""Requests on their way, on both stores, by a clock that the test moves."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from connectors.registry import REGISTRY
from hub.callbacks.rules import Rules
from hub.domain.events import Result
from tests.callbacks.world import LINE, MONDAY, World

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
    [
        (Result.NO_ANSWER, "no_answer"),
        (Result.BUSY, "busy"),
        (Result.WRONG_NUMBER, "wrong_number"),
        (Result.FORBIDDEN, "refused"),
        (Result.NO_MONEY, "no_money"),
    ],
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
    assert len(world.pbx.rung) == (2 if result in {Result.NO_ANSWER, Result.BUSY} else 1)


@pytest.mark.parametrize("able", [False, True])
def test_a_key_is_asked_for_only_where_the_pbx_can(world: World, able: bool) -> None:
    if able:
        asking = replace(world.runtime.registry["pbx"], key_press=cast("Any", world.pbx))
        world.runtime = replace(world.runtime, registry={"pbx": asking})
    world.set_rules(Rules(key_press=True))
    world.ask()
    world.work()
    assert [kind for kind, _, _ in world.pbx.told] == ["confirmed_callback" if able else "callback"]
    world.operator_rings()
    world.operator_answers()
    world.client_answers()
    world.ends(talked=True)
    assert world.row().state == "done"


def test_mango_cannot_ask_for_a_key() -> None:
    assert REGISTRY["mango"].key_press is None


# --- A group and its line -----------------------------------------------------------------------------


def test_a_group_is_rung_from_the_pbxs_first_line_or_from_the_one_that_is_set(world: World) -> None:
    world.set_rules(Rules(group="300"))
    world.ask()
    world.work()
    world.set_rules(Rules(group="300", line="+74950000009"))
    world.ask("+79001234568")
    world.work()
    assert world.pbx.rung == ["300 from +74950000001", "300 from +74950000009"]


def test_a_pbx_that_cannot_be_asked_for_its_lines_is_asked_again_and_nothing_is_ordered_meanwhile(
    world: World,
) -> None:
    world.pbx.listed = None
    world.set_rules(Rules(group="300"))
    world.ask()
    for _ in range(3):
        world.work()
        world.pass_time(seconds=3)
    assert (world.row().state, world.row().tried, world.pbx.told) == ("requested", [], [])
    assert world.story()[1:] == ["The PBX answers no questions just now: waiting."]
    world.pbx.listed = [LINE]
    world.work()
    assert (world.row().state, world.pbx.rung) == ("ringing_operator", ["300 from +74950000001"])


def test_a_pbx_that_names_no_line_for_ten_minutes_or_has_none_ends_the_request(world: World) -> None:
    world.set_rules(Rules(group="300"))
    world.pbx.listed = None
    world.ask()
    world.pass_time(minutes=11)
    world.work()
    assert (world.row().state, world.row().failed_because) == ("failed", "no_pbx")
    world.pbx.listed = []
    world.ask("+79001234568")
    world.work()
    row = world.row("+79001234568")
    assert (row.state, row.failed_because, world.pbx.told) == ("failed", "no_pbx", [])


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
