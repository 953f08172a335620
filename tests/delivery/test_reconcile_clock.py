"""Whose turn it is, when, over which time, and what is kept of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from hub.db.engine import Database
from hub.db.statements import DutyRow, StatementRow
from hub.db.tables import Connection
from hub.delivery.reconcile.clock import last_night, reconcile_due
from hub.delivery.reconcile.statement import day_window, make_statement
from hub.delivery.turns import finish_duty, put_off_duty, take_duty
from hub.domain.errors import Unreachable
from tests.delivery.reconciling import Reconciled, from_history, whole_call, with_lists
from tests.delivery.world import START, make_world

MOSCOW = ZoneInfo("Europe/Moscow")
LATER = START + timedelta(minutes=30)


@pytest.fixture
def scene(database: Database, tmp_path: Path) -> Reconciled:
    made = with_lists(make_world(database, tmp_path))
    made.world.clock.append(LATER)
    return made


def let_all_turns_come(scene: Reconciled) -> None:
    with scene.world.database.transaction() as session:
        for duty in session.scalars(select(DutyRow)):
            duty.done_at = datetime(2020, 1, 1, tzinfo=UTC)


def run_due(scene: Reconciled) -> int:
    return reconcile_due(scene.world.runtime, scene.on_change)


def statements(scene: Reconciled) -> list[StatementRow]:
    with scene.world.database.reading() as session:
        return list(session.scalars(select(StatementRow).order_by(StatementRow.day)))


# --- Turns --------------------------------------------------------------------------------------------


def test_duty_is_taken_by_one_and_comes_again_when_its_time_has_passed(database: Database) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    assert not take_duty(database, "d", every=hour, lease=minute)  # new: nothing to make up for yet
    assert take_duty(database, "d", every=timedelta(0), lease=minute)
    assert not take_duty(database, "d", every=timedelta(0), lease=minute)  # somebody is at it
    finish_duty(database, "d")
    assert not take_duty(database, "d", every=hour, lease=minute)
    assert take_duty(database, "d", every=timedelta(0), lease=timedelta(0))
    assert take_duty(database, "d", every=timedelta(0), lease=minute)  # the first one died: its lease lapsed
    put_off_duty(database, "d", minute)
    assert not take_duty(database, "d", every=timedelta(0), lease=minute)


def test_new_connection_has_nothing_to_make_up_for(scene: Reconciled) -> None:
    assert run_due(scene) == 0
    assert scene.history.asked == []


def test_last_two_hours_and_last_three_days_are_compared(scene: Reconciled) -> None:
    run_due(scene)
    let_all_turns_come(scene)
    with scene.world.database.transaction() as session:
        session.get_one(Connection, scene.world.pbx_id).created_at = START - timedelta(days=30)
    scene.history.events += from_history(*whole_call())
    assert run_due(scene) == 2
    margin = timedelta(minutes=5)
    assert scene.history.asked[0] == (LATER - timedelta(hours=2) - margin, LATER)
    assert [row.day for row in statements(scene)] == [date(2026, 8, 29), date(2026, 8, 30), date(2026, 8, 31)]
    scene.deliver()
    assert [key for _, key in scene.world.crm.ledger] == ["register", "finish"]
    assert run_due(scene) == 0


def test_nobody_looks_further_back_than_the_connection_is_old(scene: Reconciled) -> None:
    run_due(scene)
    let_all_turns_come(scene)
    run_due(scene)
    assert min(since for since, _ in scene.history.asked) >= START - timedelta(hours=2, minutes=5)
    assert statements(scene) == []


def test_one_connection_that_fails_stops_no_other(scene: Reconciled, monkeypatch: pytest.MonkeyPatch) -> None:
    with scene.world.database.transaction() as session:
        session.add(
            Connection(
                workspace_id=scene.world.workspace_id, name="another", vendor="pbx", settings={}, secrets={},
                created_at=START,
            )
        )  # fmt: skip
    run_due(scene)
    let_all_turns_come(scene)
    good = scene.history.history

    def bad(door, since, until):  # type: ignore[no-untyped-def]
        if door.connection.name == "another":
            raise ZeroDivisionError
        return good(door, since, until)

    monkeypatch.setattr(scene.history, "history", bad)
    assert run_due(scene) == 4
    assert len(scene.history.asked) == 1


def test_night_without_an_answer_is_tried_again(scene: Reconciled) -> None:
    with scene.world.database.transaction() as session:
        session.get_one(Connection, scene.world.pbx_id).created_at = START - timedelta(days=30)
    run_due(scene)
    let_all_turns_come(scene)
    scene.history.trouble = Unreachable("away")
    run_due(scene)
    with scene.world.database.reading() as session:
        night = session.get_one(DutyRow, f"statement:{scene.world.pbx_id}")
    assert night.done_at == datetime(2020, 1, 1, tzinfo=UTC)
    assert night.lease_until is not None


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-09-02T00:29+00:00", "2026-09-01T03:30+03:00"),
        ("2026-09-02T00:30+00:00", "2026-09-02T03:30+03:00"),
        ("2026-09-02T20:59+00:00", "2026-09-02T03:30+03:00"),
    ],
)
def test_night_is_half_past_three_in_the_workspace(now: str, night: str) -> None:
    assert last_night(datetime.fromisoformat(now), MOSCOW) == datetime.fromisoformat(night)


# --- The statement ------------------------------------------------------------------------------------


def test_statement_keeps_the_repairs_of_earlier_runs_and_is_made_again_in_its_place(scene: Reconciled) -> None:
    scene.history.events += from_history(*whole_call())
    day, now = date(2026, 9, 1), START + timedelta(hours=2)
    scene.world.clock.append(now)
    for _ in range(2):
        make_statement(scene.world.runtime, scene.world.pbx_id, day, now, scene.on_change)
        scene.deliver()
    (row,) = statements(scene)
    document = row.document
    assert (document["pbx"]["calls"], document["hub"]["calls"], document["crm"][0]["logged"]) == (1, 1, 1)
    assert [one["kind"] for one in document["repairs"]] == ["lost"]
    assert (document["differences"], document["agrees"]) == ([], True)


def test_statement_names_open_differences_with_their_reasons(scene: Reconciled) -> None:
    scene.world.receive(whole_call())
    scene.world.drain()
    scene.deliver()
    now = START + timedelta(hours=2)
    scene.world.clock.append(now)
    _, document = make_statement(scene.world.runtime, scene.world.pbx_id, date(2026, 9, 1), now, scene.on_change)
    assert [(one["kind"], one["call_key"]) for one in document["differences"]] == [("unknown_to_pbx", "c1")]
    assert (document["difference_count"], document["agrees"]) == (1, False)


def test_day_has_as_many_hours_as_its_zone_gives_it() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 9, 1), 24)):
        window = day_window(day, berlin, START)
        assert window.until.astimezone(UTC) - window.since.astimezone(UTC) == timedelta(hours=hours)
