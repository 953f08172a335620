"""Accounts at rest: not paid for, or idle for months (amocrm.md §1.5, §1.6, §2.2)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from sqlalchemy import update

from hub.db.engine import Database
from hub.db.statements import DutyRow
from hub.db.tables import Connection, ConnectionToken
from hub.delivery.doors import open_door
from hub.delivery.health import MEND_PAUSED, stop
from hub.delivery.standing import keep_logged_in, probe_paused
from hub.domain.access import QuotaRule
from hub.domain.errors import OverBudget, Throttled
from hub.domain.intents import Lane
from hub.net.bucket import Bucket
from hub.runtime import Runtime, utc_now
from simulators.amocrm import AmoCrmSimulator
from tests.amocrm.house import House, prepared


def runtime_of(house: House) -> Runtime:
    runtime: Runtime = house.app.extensions["dozvon"].services.runtime
    return runtime


@pytest.fixture
def connection(house: House, amo: AmoCrmSimulator) -> int:
    return prepared(house, amo, with_pair=True)


def paused(database: Database, connection_id: int, since: timedelta, mend: str = MEND_PAUSED) -> None:
    with database.transaction() as session:
        row = session.get_one(Connection, connection_id)
        stop(session, row, "paused", "amoCRM: Payment Required (HTTP 402)", mend)
        row.state_since = utc_now() - since
        session.execute(update(DutyRow).values(done_at=utc_now() - since))


def probed(house: House, connection_id: int, since: timedelta) -> str:
    runtime = runtime_of(house)
    paused(house.database, connection_id, since)
    probe_paused(runtime)  # a duty that is seen for the first time has its turn an hour later
    paused(house.database, connection_id, since)
    probe_paused(runtime)
    return house.connection().state


def test_an_account_that_was_paid_for_goes_on_by_itself(house: House, amo: AmoCrmSimulator, connection: int) -> None:
    assert probed(house, connection, timedelta(hours=2)) == "active"
    assert house.tokens(connection) is not None


def test_an_account_that_is_not_paid_for_is_asked_once_an_hour_and_keeps_its_access(
    house: House, amo: AmoCrmSimulator, connection: int
) -> None:
    amo.settings.paid = False
    before = house.tokens(connection)
    assert probed(house, connection, timedelta(hours=2)) == "paused"
    asked = len(amo.requests())
    assert asked == 1
    probe_paused(runtime_of(house))
    assert len(amo.requests()) == asked
    assert house.tokens(connection) == before


def test_what_was_paused_a_moment_ago_or_by_a_person_is_left_alone(
    house: House, amo: AmoCrmSimulator, connection: int
) -> None:
    assert probed(house, connection, timedelta(minutes=5)) == "paused"
    paused(house.database, connection, timedelta(hours=2), mend="Press Resume.")
    probe_paused(runtime_of(house))
    assert amo.requests() == []


def aged(database: Database, connection_id: int, days: int) -> None:
    with database.transaction() as session:
        row = session.get_one(ConnectionToken, connection_id)
        row.refreshed_at = utc_now() - timedelta(days=days)


@pytest.mark.parametrize(("days", "refreshes"), [(31, 1), (29, 0)])
def test_an_idle_log_in_is_renewed_before_three_months_and_once(
    house: House, amo: AmoCrmSimulator, connection: int, days: int, refreshes: int
) -> None:
    before = house.tokens(connection)
    for _ in range(3):
        aged(house.database, connection, days) if house.tokens(connection) == before else None
        keep_logged_in(runtime_of(house))
    assert len(amo.refreshes()) == refreshes
    assert (house.tokens(connection) != before) is bool(refreshes)


def test_a_paused_accounts_log_in_is_kept_alive_as_well(house: House, amo: AmoCrmSimulator, connection: int) -> None:
    paused(house.database, connection, timedelta(days=60))
    aged(house.database, connection, 31)
    keep_logged_in(runtime_of(house))
    aged(house.database, connection, 31)
    keep_logged_in(runtime_of(house))
    assert len(amo.refreshes()) >= 1


def test_an_idle_log_in_that_was_taken_back_is_told(house: House, amo: AmoCrmSimulator, connection: int) -> None:
    amo.account.installed.clear()
    amo.disconnect()
    aged(house.database, connection, 31)
    keep_logged_in(runtime_of(house))
    aged(house.database, connection, 31)
    keep_logged_in(runtime_of(house))
    assert house.connection().state == "needs_reconnect"
    assert house.tokens(connection) is not None


class CountingBucket:
    """Notes which budgets were asked."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    def take(self, rule: QuotaRule, _lane: Lane, _method: str = "") -> None:
        self.taken.append(rule.key)


def test_a_request_is_taken_from_the_accounts_budget_and_the_integrations(
    house: House, amo: AmoCrmSimulator, connection: int
) -> None:
    bucket = CountingBucket()
    runtime = replace(runtime_of(house), bucket=cast("Bucket", bucket))
    with open_door(runtime, connection, Lane.BULK) as door:
        door.spend("account")
    host = amo.base_url.removeprefix("http://")
    assert bucket.taken == [f"amocrm:account:{host}", f"amocrm:{amo.client_id}:{host}"]


def test_an_account_that_shut_us_out_is_left_alone_by_look_ups_too(
    house: House, amo: AmoCrmSimulator, connection: int
) -> None:
    runtime = replace(runtime_of(house), bucket=cast("Bucket", CountingBucket()))
    fault = amo.faults.add("block", times=None)
    check = runtime.registry["amocrm"].check
    assert check is not None
    with pytest.raises(Throttled), open_door(runtime, connection, Lane.BULK) as door:
        check(door)
    rest = house.connection().breaker_until
    assert rest is not None
    assert rest > utc_now() + timedelta(minutes=14)
    for _ in range(3):
        with pytest.raises(OverBudget), open_door(runtime, connection, Lane.URGENT) as door:
            check(door)
    assert fault.hits == 1
    amo.faults.clear()
    with house.database.transaction() as session:
        session.get_one(Connection, connection).breaker_until = utc_now()
    with open_door(runtime, connection, Lane.URGENT) as door:
        assert check(door)
