"""Old rows go, young ones and those that nobody has read stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.config import load_settings
from hub.db.engine import Database
from hub.db.tables import CallEventRow, CallRow
from hub.db.work import DeliveryAttempt, DeliveryRow, InboxRow
from hub.delivery.retention import sweep_old_rows
from hub.domain.errors import ConfigurationError
from tests.delivery.reconciling import whole_call
from tests.delivery.world import World, make_world


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    return make_world(database, tmp_path)


def add_items(world: World, state: str, *ages_days: float) -> None:
    now = datetime.now(UTC)
    with world.database.transaction() as session:
        for age in ages_days:
            at = now - timedelta(days=age)
            session.add(
                InboxRow(
                    connection_id=world.pbx_id,
                    dedupe_key=f"{state}{age}",
                    topic="events",
                    body=b"{}",
                    received_at=at,
                    due_at=at,
                    state=state,
                )
            )


def left(world: World) -> set[str]:
    with world.database.reading() as session:
        return set(session.scalars(select(InboxRow.dedupe_key)))


def test_read_items_go_after_thirty_days_and_the_others_stay(world: World) -> None:
    add_items(world, "quarantined", 100, 31)
    add_items(world, "received", 100)
    add_items(world, "processed", 40, 31, 29)
    add_items(world, "ignored", 31)
    assert sweep_old_rows(world.runtime)["inbox"] == 4
    assert left(world) == {"quarantined31", "received100", "processed29"}
    assert sweep_old_rows(world.runtime) == {"inbox": 0, "attempts": 0}


def test_small_batches_find_everything_behind_what_stays(world: World) -> None:
    add_items(world, "quarantined", 50, 49, 48)
    add_items(world, "processed", *(47 - number / 10 for number in range(10)), 1)
    assert sweep_old_rows(world.runtime, batch=2)["inbox"] == 10
    assert left(world) == {"quarantined50", "quarantined49", "quarantined48", "processed1"}


def test_days_are_a_setting(world: World, tmp_path: Path) -> None:
    add_items(world, "processed", 8, 6)
    settings = replace(world.runtime.settings, inbox_days=load_settings({"DOZVON_INBOX_DAYS": "7"}).inbox_days)
    assert sweep_old_rows(replace(world.runtime, settings=settings))["inbox"] == 1
    with pytest.raises(ConfigurationError):
        load_settings({"DOZVON_INBOX_DAYS": "0"})


def test_attempts_of_closed_deliveries_go_after_ninety_days(world: World) -> None:
    world.receive(whole_call())
    world.drain()
    world.deliver()
    now = datetime.now(UTC)
    with world.database.transaction() as session:
        attempts = session.scalars(select(DeliveryAttempt).order_by(DeliveryAttempt.id)).all()
        attempts[0].at, attempts[1].at = now - timedelta(days=91), now - timedelta(days=91)
        session.get_one(DeliveryRow, attempts[1].delivery_id).closed_at = None
    assert sweep_old_rows(world.runtime)["attempts"] == 1
    with world.database.reading() as session:
        assert len(session.scalars(select(DeliveryAttempt)).all()) == 1


def test_calls_and_their_events_outlive_the_raw_items(world: World) -> None:
    world.receive(whole_call())
    world.drain()
    with world.database.transaction() as session:
        for item in session.scalars(select(InboxRow)):
            item.received_at = datetime.now(UTC) - timedelta(days=31)
    sweep_old_rows(world.runtime)
    with world.database.reading() as session:
        assert session.scalars(select(InboxRow)).all() == []
        assert len(session.scalars(select(CallRow)).all()) == 1
        assert len(session.scalars(select(CallEventRow)).all()) == 4
