"""Alarms that people see on the page: a busy destination and a day's money that is spent."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from hub.callbacks.alarms import DAY_CAP, DESTINATION, busy_destinations, watch_requests
from hub.callbacks.rules import Rules
from hub.db.statements import NoticeRow
from hub.db.tables import Connection
from tests.callbacks.world import World


def standing(world: World) -> list[tuple[str, str]]:
    with world.database.reading() as session:
        rows = session.scalars(select(NoticeRow).where(NoticeRow.ended_at.is_(None)).order_by(NoticeRow.id))
        return [(row.kind, row.words) for row in rows]


def test_many_numbers_of_one_destination_are_a_notice_until_the_hour_is_over(world: World) -> None:
    world.set_rules(Rules(alarm_per_hour=2))
    for number in ("+79001230001", "+79001230002", "+79011230001"):
        world.ask(number)
    assert watch_requests(world.runtime) == 0
    world.ask("+79001230003")
    assert watch_requests(world.runtime) == 1
    assert watch_requests(world.runtime) == 1
    ((kind, words),) = standing(world)
    assert kind == DESTINATION
    assert "+7900" in words
    assert "+7901" not in words
    world.pass_time(minutes=61)
    assert watch_requests(world.runtime) == 0
    assert standing(world) == []


def test_a_day_whose_money_is_spent_is_a_notice_until_the_next_day(world: World) -> None:
    world.set_rules(Rules(call_cost=1000, day_cap=1500))
    world.ask()
    assert watch_requests(world.runtime) == 0
    world.work()
    assert watch_requests(world.runtime) == 1
    assert [kind for kind, _ in standing(world)] == [DAY_CAP]
    world.clock[0] += timedelta(days=1)
    assert watch_requests(world.runtime) == 0
    assert standing(world) == []


def test_without_a_cap_or_a_pbx_there_is_no_notice(world: World) -> None:
    world.set_rules(Rules(call_cost=1000, day_cap=0))
    world.ask()
    world.work()
    assert watch_requests(world.runtime) == 0
    world.set_rules(Rules(call_cost=1000, day_cap=1500))
    with world.database.transaction() as session:
        session.get_one(Connection, world.pbx_id).state = "paused"
    assert watch_requests(world.runtime) == 0


def test_one_number_again_and_again_is_one_number() -> None:
    assert busy_destinations(["+79001230001"] * 5 + ["+79001230002"], 2) == []
    assert busy_destinations(["+79001230001", "+79001230002", "+79001230003"], 2) == ["+7900"]
