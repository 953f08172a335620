from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.tables import Connection
from hub.domain.intents import Lane
from hub.net.ledger import Usage, UsageLedger, usage
from tests.net.rows import make_connection

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def used(database: Database, connection_id: int, since: datetime = NOON) -> list[Usage]:
    with database.reading() as session:
        return usage(session, connection_id, since)


@pytest.fixture
def connection_id(database: Database) -> int:
    return make_connection(database)


def test_requests_are_counted_by_hour_lane_and_purpose(database: Database, connection_id: int) -> None:
    moments = iter([NOON + timedelta(minutes=minutes) for minutes in (1, 2, 3, 59, 61)])
    ledger = UsageLedger(database, lambda: next(moments))
    ledger.note(connection_id, Lane.CALLS, "log_call")
    ledger.note(connection_id, Lane.CALLS, "log_call")
    ledger.note(connection_id, Lane.BULK, "sync")
    ledger.note(connection_id, Lane.CALLS, "log_call", throttled=True)
    ledger.note(connection_id, Lane.CALLS, "log_call")
    assert used(database, connection_id) == []
    ledger.flush()
    assert used(database, connection_id) == [
        Usage(NOON, Lane.BULK, "sync", 1, 0),
        Usage(NOON, Lane.CALLS, "log_call", 2, 1),
        Usage(NOON + timedelta(hours=1), Lane.CALLS, "log_call", 1, 0),
    ]


def test_a_flush_adds_to_what_is_there(database: Database, connection_id: int) -> None:
    mine, other = (UsageLedger(database, lambda: NOON) for _ in range(2))
    for ledger in (mine, other, mine):
        ledger.note(connection_id, Lane.URGENT, "show_card")
        ledger.note(connection_id, Lane.URGENT, "show_card", throttled=True)
        ledger.flush()
    mine.flush()  # nothing new
    assert used(database, connection_id) == [Usage(NOON, Lane.URGENT, "show_card", 3, 3)]


def test_many_threads_and_workers_lose_no_count(database: Database) -> None:
    connections = [make_connection(database, f"c{number}") for number in range(3)]
    ledgers = [UsageLedger(database, lambda: NOON) for _ in range(4)]

    def work(number: int) -> None:
        for step in range(60):
            ledger = ledgers[(number + step) % 4]
            ledger.note(connections[step % 3], Lane.CALLS, "log_call")
            if step % 20 == number:
                ledger.flush()

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    for ledger in ledgers:
        ledger.flush()
    for connection_id in connections:
        assert used(database, connection_id) == [Usage(NOON, Lane.CALLS, "log_call", 160, 0)]


def test_only_the_asked_connection_and_time_are_shown(database: Database, connection_id: int) -> None:
    other = make_connection(database, "other")
    moments = iter([NOON - timedelta(hours=1), NOON, NOON])
    ledger = UsageLedger(database, lambda: next(moments))
    ledger.note(connection_id, Lane.CALLS, "early")
    ledger.note(connection_id, Lane.CALLS, "late")
    ledger.note(other, Lane.CALLS, "foreign")
    ledger.flush()
    assert [row.purpose for row in used(database, connection_id)] == ["late"]


def test_hours_are_of_utc_whatever_zone_the_clock_has(database: Database, connection_id: int) -> None:
    half_past = timezone(timedelta(hours=5, minutes=30))
    ledger = UsageLedger(database, lambda: (NOON + timedelta(minutes=40)).astimezone(half_past))
    ledger.note(connection_id, Lane.CALLS, "log_call")
    ledger.flush()
    assert used(database, connection_id)[0].hour == NOON


def test_a_failed_flush_keeps_the_counts(
    database: Database, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Session:
        raise OperationalError("INSERT", {}, ConnectionError("gone"))

    ledger = UsageLedger(database, lambda: NOON)
    ledger.note(connection_id, Lane.CALLS, "log_call")
    with monkeypatch.context() as patch:
        patch.setattr(database, "transaction", broken)
        with pytest.raises(OperationalError):
            ledger.flush()
    ledger.note(connection_id, Lane.CALLS, "log_call")
    ledger.flush()
    assert used(database, connection_id) == [Usage(NOON, Lane.CALLS, "log_call", 2, 0)]


def test_a_deleted_connection_does_not_block_the_others(database: Database, connection_id: int) -> None:
    gone = make_connection(database, "gone")
    ledger = UsageLedger(database, lambda: NOON)
    for each in (gone, connection_id):
        ledger.note(each, Lane.CALLS, "log_call")
    with database.transaction() as session:
        session.execute(delete(Connection).where(Connection.id == gone))
    ledger.flush()
    assert used(database, connection_id) == [Usage(NOON, Lane.CALLS, "log_call", 1, 0)]


def test_a_purpose_that_is_too_long_is_cut_before_it_is_counted(database: Database, connection_id: int) -> None:
    ledger = UsageLedger(database, lambda: NOON)
    for tail in ("a", "b"):
        ledger.note(connection_id, Lane.CALLS, "x" * 64 + tail)
    ledger.flush()
    assert used(database, connection_id) == [Usage(NOON, Lane.CALLS, "x" * 64, 2, 0)]
