"""Silence in usual hours raises one notice; unusual hours, closed doors and the next event do not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from hub.db.engine import Database
from hub.db.statements import NoticeRow
from hub.db.tables import CallRow, Connection, Workspace
from hub.delivery.silence import Pulse, is_open, same_hours, watch_silence
from tests.delivery.story import rings
from tests.delivery.world import World, make_world

NOW = datetime(2026, 9, 30, 9, 30, tzinfo=UTC)  # Wednesday, 12:30 in Moscow


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    made = make_world(database, tmp_path)
    made.clock.append(NOW)
    return made


def add_calls(world: World, *moments: datetime) -> None:
    with world.database.transaction() as session:
        for number, at in enumerate(moments):
            session.add(
                CallRow(
                    uid=f"{at.isoformat()}-{number}",
                    workspace_id=world.workspace_id,
                    connection_id=world.pbx_id,
                    call_key=at.isoformat(),
                    outcome="answered",
                    closing="stated",
                    started_at=at,
                    wait_seconds=0,
                    talk_seconds=0,
                    facts={},
                    first_at=at,
                    last_at=at,
                    last_received_at=at,
                )
            )


def usual_mornings(world: World, *, weeks: int = 4, hours: tuple[int, ...] = (6, 7, 8, 9)) -> None:
    """Every ten minutes of these UTC hours, on the same day of the last weeks."""
    moments = [
        (NOW - timedelta(weeks=week)).replace(hour=hour, minute=minute)
        for week in range(1, weeks + 1)
        for hour in hours
        for minute in range(0, 60, 10)
    ]
    add_calls(world, *moments)


def heard_at(world: World, at: datetime) -> None:
    with world.database.transaction() as session:
        session.get_one(Connection, world.pbx_id).last_event_at = at


def notices(world: World) -> list[NoticeRow]:
    with world.database.reading() as session:
        return list(session.scalars(select(NoticeRow).order_by(NoticeRow.id)))


def test_silence_in_usual_hours_raises_one_notice_and_logs_once(world: World) -> None:
    usual_mornings(world)
    heard_at(world, NOW - timedelta(minutes=61))
    with capture_logs() as logs:
        assert [watch_silence(world.runtime) for _ in range(3)] == [1, 1, 1]
    (notice,) = notices(world)
    assert (notice.kind, notice.ended_at, notice.since) == ("silence", None, NOW - timedelta(minutes=61))
    assert "pbx" in notice.words
    assert sum(line["event"] == "connection_silent" for line in logs) == 1


def test_next_event_ends_the_notice_and_a_new_silence_makes_a_new_one(world: World) -> None:
    usual_mornings(world)
    heard_at(world, NOW - timedelta(hours=2))
    watch_silence(world.runtime)
    world.receive((rings("101", 1),))
    world.drain()
    assert watch_silence(world.runtime) == 0
    assert notices(world)[0].ended_at is not None
    heard_at(world, NOW - timedelta(hours=2))
    assert watch_silence(world.runtime) == 1
    assert len(notices(world)) == 2


@pytest.mark.parametrize("minutes", [1, 30, 59])
def test_short_silence_is_nothing(world: World, minutes: int) -> None:
    usual_mornings(world)
    heard_at(world, NOW - timedelta(minutes=minutes))
    assert watch_silence(world.runtime) == 0


def test_hour_that_had_calls_in_two_weeks_only_is_not_usual(world: World) -> None:
    usual_mornings(world, weeks=2)
    heard_at(world, NOW - timedelta(hours=3))
    assert watch_silence(world.runtime) == 0


def test_night_before_the_first_usual_hour_does_not_count(world: World) -> None:
    usual_mornings(world, hours=(9,))
    heard_at(world, NOW - timedelta(hours=14))
    assert watch_silence(world.runtime) == 0


def test_rare_calls_give_more_patience(world: World) -> None:
    """Two calls forty minutes apart in each hour: the usual pause is forty minutes, and four of them are allowed."""
    moments = [
        (NOW - timedelta(weeks=week)).replace(hour=hour, minute=minute)
        for week in range(1, 5)
        for hour in (6, 7, 8, 9)
        for minute in (0, 40)
    ]
    add_calls(world, *moments)
    heard_at(world, NOW - timedelta(minutes=155))
    assert watch_silence(world.runtime) == 0
    heard_at(world, NOW - timedelta(minutes=165))
    assert watch_silence(world.runtime) == 1


def test_closed_doors_are_no_silence(world: World) -> None:
    usual_mornings(world)
    heard_at(world, NOW - timedelta(hours=2))
    with world.database.transaction() as session:
        session.get_one(Workspace, world.workspace_id).hours = {"mon": ["09:00-18:00"]}
    assert watch_silence(world.runtime) == 0


def test_connection_that_was_paused_or_never_heard_raises_nothing(world: World) -> None:
    usual_mornings(world)
    assert watch_silence(world.runtime) == 0
    heard_at(world, NOW - timedelta(hours=2))
    with world.database.transaction() as session:
        session.get_one(Connection, world.pbx_id).state = "paused"
    assert watch_silence(world.runtime) == 0


def test_every_kind_of_item_is_a_sign_of_life(world: World) -> None:
    world.receive("broken")
    world.drain()
    with world.database.reading() as session:
        assert session.get_one(Connection, world.pbx_id).last_event_at == NOW


def test_older_news_do_not_turn_the_clock_back(world: World) -> None:
    heard_at(world, NOW + timedelta(hours=1))
    world.receive((rings("101", 1),))
    world.drain()
    with world.database.reading() as session:
        assert session.get_one(Connection, world.pbx_id).last_event_at == NOW + timedelta(hours=1)


# --- Pure ---------------------------------------------------------------------------------------------


def test_same_hours_follow_the_wall_clock_over_a_change_of_clocks() -> None:
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 28, 11, 15, tzinfo=UTC)  # 12:15 in winter; the clocks changed on the 25th
    begins = [begin.astimezone(UTC) for begin, _ in same_hours(now, berlin)]
    assert [(one.day, one.hour) for one in begins] == [(21, 10), (14, 10), (7, 10), (30, 10)]


@pytest.mark.parametrize(
    ("hours", "local", "is_so"),
    [
        ({}, "2026-09-30T09:00", True),
        ({}, "2026-09-30T21:00", False),
        ({"wed": ["09:00-13:00", "14:00-18:00"]}, "2026-09-30T13:30", False),
        ({"wed": ["09:00-13:00", "14:00-18:00"]}, "2026-09-30T17:59", True),
        ({"mon": ["09:00-18:00"]}, "2026-09-30T12:00", False),
        ({"wed": ["09:00-18:00"], "holidays": ["2026-09-30"]}, "2026-09-30T12:00", False),
    ],
)
def test_opening_hours_are_read_as_they_are_written(hours: dict[str, list[str]], local: str, is_so: bool) -> None:
    assert is_open(hours, datetime.fromisoformat(local).replace(tzinfo=UTC)) is is_so


def test_pulse_of_one_call_a_week_is_patient_for_four_hours() -> None:
    assert Pulse(((NOW,), (NOW,), (NOW,), ())).patience == timedelta(hours=4)
