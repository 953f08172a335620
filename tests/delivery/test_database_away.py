"""While the database is away it is said once, and it costs no event a try."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.errors import AdminShutdown, DeadlockDetected, DiskFull
from psycopg.errors import OperationalError as NoConnection
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hub import scheduler
from hub.calls.intake import POISON_AFTER_TRIES, drain_inbox
from hub.db.engine import Database
from hub.db.presence import Presence
from hub.db.work import InboxRow, InboxState
from hub.delivery.outbox import plan_deliveries
from hub.delivery.turns import take_duty
from hub.worker import Pump
from tests.delivery.story import rings
from tests.delivery.world import World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def gone(cause: Exception | None = None) -> OperationalError:
    return OperationalError("SELECT 1", {}, cause or NoConnection("connection refused"))


@contextmanager
def lines() -> Iterator[list[Any]]:
    with capture_logs() as logged:
        yield logged


# --- One state ---------------------------------------------------------------------------------------


def test_database_that_is_away_is_said_once_however_many_ask(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    asked: list[str] = []

    def away(*_arguments: object, **_named: object) -> None:
        asked.append("asked")
        raise gone()

    for duty in ("refresh_directories", "keep_up_connections", "close_stale", "take_duty"):
        monkeypatch.setattr(scheduler, duty, away)
    with lines() as logged:
        for _ in range(3):
            scheduler._tick(world.runtime)
    assert [line["event"] for line in logged] == ["database_away"]
    assert len(asked) == 3  # one duty a round found it out for all of them


def test_it_is_said_when_the_database_is_back_and_the_duties_go_on(
    monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    def away(_runtime: object) -> None:
        raise gone()

    with lines() as logged:
        with monkeypatch.context() as patch:
            patch.setattr(scheduler, "refresh_directories", away)
            scheduler._tick(world.runtime)
        scheduler._tick(world.runtime)
    said = [line["event"] for line in logged]
    assert said[:2] == ["database_away", "database_back"]
    assert not take_duty(world.database, "silence", every=timedelta(hours=1), lease=timedelta(minutes=1))


def test_pumps_of_a_worker_share_the_state() -> None:
    presence = Presence()

    def away() -> None:
        raise gone(AdminShutdown())

    pumps = [Pump(name, away, lambda: 1.0, presence) for name in ("inbox", "sweep", "dials")]
    with lines() as logged:
        for pump in pumps * 2:
            pump._round()
        presence.back()
        presence.back()
    assert [line["event"] for line in logged] == ["database_away", "database_back"]


def test_trouble_with_one_work_is_not_taken_for_an_absence(monkeypatch: pytest.MonkeyPatch, world: World) -> None:
    done: list[str] = []

    def busy(_runtime: object) -> None:
        raise gone(DeadlockDetected())

    monkeypatch.setattr(scheduler, "refresh_directories", busy)
    monkeypatch.setattr(scheduler, "refresh_references", lambda _runtime: done.append("next"))
    with lines() as logged:
        scheduler._tick(world.runtime)
    assert done == ["next"]
    assert [line["event"] for line in logged][:1] == ["database_trouble"]
    assert all(line["log_level"] != "error" for line in logged)


# --- No try of an event's ------------------------------------------------------------------------------


def due_again(world: World) -> None:
    with world.database.transaction() as session:
        session.execute(update(InboxRow).values(due_at=datetime(2020, 1, 1, tzinfo=UTC)))


@pytest.mark.parametrize("cause", [NoConnection("server closed the connection"), AdminShutdown(), DiskFull()])
def test_event_that_met_a_database_in_trouble_any_number_of_times_is_read_in_the_end(
    world: World, cause: Exception
) -> None:
    """Each time the database went away in the middle of a fold cost the event one of its three tries."""

    def breaks(_session: Any, _change: Any) -> None:
        raise gone(cause)

    world.receive((rings("101", 1),))
    for _ in range(POISON_AFTER_TRIES + 2):
        with pytest.raises(OperationalError):
            drain_inbox(world.runtime, breaks)
        due_again(world)
    assert drain_inbox(world.runtime, lambda session, change: plan_deliveries(session, world.runtime, change)) == 1
    with world.database.reading() as session:
        row = session.scalars(select(InboxRow)).one()
    assert (str(row.state), row.reason) == (InboxState.PROCESSED, "")


def test_event_that_the_hub_fails_on_once_after_much_trouble_is_not_poison_yet(world: World) -> None:
    """The trouble must not have used up its tries either."""
    world.receive((rings("101", 1),))

    def breaks(_session: Any, _change: Any) -> None:
        raise gone()

    def fails(_session: Any, _change: Any) -> None:
        raise ZeroDivisionError

    for _ in range(POISON_AFTER_TRIES):
        with pytest.raises(OperationalError):
            drain_inbox(world.runtime, breaks)
        due_again(world)
    drain_inbox(world.runtime, fails)
    with world.database.reading() as session:
        assert session.scalars(select(InboxRow.state)).one() == InboxState.RECEIVED
