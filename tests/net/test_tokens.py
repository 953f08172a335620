from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from hub.db.engine import Database
from hub.domain.access import AccessToken, TokenPair
from hub.domain.errors import AuthRevoked, Throttled
from hub.net import tokens as module
from hub.net.tokens import TokenService, store_pair
from hub.observe.crash import arm_crash_point
from tests.net.auth_server import AuthServer, refresh_at
from tests.net.rows import make_connection
from tests.net.token_rows import PAST, STALE, change, from_now, giving, never, row_of, tokens_of

# --- on demand ------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds_left", [None, 61, 3600])
def test_a_living_token_is_never_refreshed(database: Database, connection_id: int, seconds_left: int | None) -> None:
    change(database, expires_at=None if seconds_left is None else from_now(database, seconds_left))
    tokens = tokens_of(database, connection_id, never)
    assert [tokens.current() for _ in range(3)] == [STALE] * 3


def test_an_expired_token_is_refreshed_once_and_kept(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    tokens = tokens_of(database, connection_id, refresh_at(auth_url))
    assert tokens.current() == tokens.current() == AccessToken("access-2", 2)
    assert auth.asked == ["refresh-1"]
    row = row_of(database, connection_id)
    assert (row.pair, row.version) == ({"access": "access-2", "refresh": "refresh-2"}, 2)
    assert row.refresh_lease_until is None
    assert row.refreshed_at is not None


def test_a_token_that_the_vendor_refused_is_refreshed_before_its_stated_end(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    change(database, expires_at=from_now(database, 3600))
    tokens = tokens_of(database, connection_id, refresh_at(auth_url))
    assert tokens.renewed(tokens.current()) == AccessToken("access-2", 2)
    assert tokens.renewed(STALE) == AccessToken("access-2", 2)  # somebody who comes late with the old one
    assert auth.asked == ["refresh-1"]


def test_a_connection_without_tokens_has_to_be_connected(database: Database) -> None:
    with pytest.raises(AuthRevoked, match="no log-in"):
        tokens_of(database, make_connection(database), never).current()


def test_clocks_that_are_hours_apart_do_not_refresh_at_every_call(database: Database, connection_id: int) -> None:
    asked: list[str] = []

    def dead_on_arrival(token: str) -> TokenPair:
        asked.append(token)
        return TokenPair("access-2", "refresh-2", PAST)

    tokens = tokens_of(database, connection_id, dead_on_arrival)
    assert [tokens.current().value for _ in range(5)] == ["access-2"] * 5
    assert asked == ["refresh-1"]


def test_tokens_are_encrypted_at_rest_and_absent_from_what_is_printed(database: Database, connection_id: int) -> None:
    with database.reading() as session:
        stored = bytes(session.execute(text("SELECT pair FROM connection_tokens")).scalar_one())
    assert b"access-1" not in stored
    assert "access-1" not in repr(tokens_of(database, connection_id, never).renewed(AccessToken("", 0)))


# --- one refresher --------------------------------------------------------------------------------


def test_twenty_threads_on_one_dead_token_ask_once(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    auth.think_seconds = 0.3
    refresh = refresh_at(auth_url)
    together = threading.Barrier(20)

    def ask(number: int) -> AccessToken:
        tokens = tokens_of(database, connection_id, refresh)
        together.wait(20)
        return tokens.current() if number % 2 else tokens.renewed(STALE)

    with ThreadPoolExecutor(20) as threads:
        got = list(threads.map(ask, range(20)))
    assert got == [AccessToken("access-2", 2)] * 20
    assert auth.asked == ["refresh-1"]


def _ask_in_a_process(database_url: str, connection_id: int, auth_url: str, together: Any, results: Any) -> None:
    database = Database(database_url)
    refresh = refresh_at(auth_url)

    def ask(_number: int) -> AccessToken:
        return tokens_of(database, connection_id, refresh).current()

    together.wait(30)
    with ThreadPoolExecutor(5) as threads:
        for token in threads.map(ask, range(5)):
            results.put((token.value, token.version))
    database.close()


def test_four_processes_on_one_dead_token_ask_once(
    database: Database, database_url: str, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    auth.think_seconds = 0.3
    context = multiprocessing.get_context("fork")
    together, results = context.Barrier(4), context.Queue()
    arguments = (database_url, connection_id, auth_url, together, results)
    processes = [context.Process(target=_ask_in_a_process, args=arguments) for _ in range(4)]
    for process in processes:
        process.start()
    got = [results.get(timeout=60) for _ in range(20)]
    for process in processes:
        process.join(30)
    assert got == [("access-2", 2)] * 20
    assert auth.asked == ["refresh-1"]


def test_no_transaction_is_open_while_the_auth_server_thinks(database: Database, connection_id: int) -> None:
    def writes_meanwhile(_token: str) -> TokenPair:
        other = ThreadPoolExecutor(1)
        other.submit(make_connection, database, "other").result(timeout=5)  # SQLite has one writer
        other.shutdown()
        return TokenPair("access-2", "refresh-2", None)

    assert tokens_of(database, connection_id, writes_meanwhile).current().value == "access-2"


def test_a_holder_that_died_is_replaced_when_its_lease_has_lapsed(database: Database, connection_id: int) -> None:
    change(database, refresh_lease_until=from_now(database, -0.001), refresh_lease_owner="dead")
    assert tokens_of(database, connection_id, giving("access-2")).current() == AccessToken("access-2", 2)


def test_waiting_for_a_living_holder_ends_with_come_back_later(
    database: Database, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.3)
    change(database, refresh_lease_until=from_now(database, 30), refresh_lease_owner="other")
    with pytest.raises(Throttled) as caught:
        tokens_of(database, connection_id, never).current()
    assert caught.value.until is not None
    assert from_now(database, 0) < caught.value.until <= from_now(database, 5)
    assert row_of(database, connection_id).refresh_lease_owner == "other"


def test_a_holder_killed_between_answer_and_commit_needs_a_person(
    database: Database, database_url: str, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    def dies() -> None:
        arm_crash_point("after_token_answer_before_commit")
        tokens_of(Database(database_url), connection_id, refresh_at(auth_url)).current()

    process = multiprocessing.get_context("fork").Process(target=dies)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert (auth.asked, row_of(database, connection_id).version) == (["refresh-1"], 1)
    change(database, refresh_lease_until=from_now(database, -1))
    with pytest.raises(AuthRevoked):
        tokens_of(database, connection_id, refresh_at(auth_url)).current()
    assert auth.asked == ["refresh-1", "refresh-1"]


def test_a_pair_that_came_after_the_lease_lapsed_is_not_lost(database: Database, connection_id: int) -> None:
    def slow(_token: str) -> TokenPair:
        change(database, refresh_lease_until=from_now(database, 30), refresh_lease_owner="successor")
        return TokenPair("access-2", "refresh-2", None)

    assert tokens_of(database, connection_id, slow).current() == AccessToken("access-2", 2)
    assert row_of(database, connection_id).pair["refresh"] == "refresh-2"


def test_a_late_pair_does_not_bury_a_reconnect(database: Database, connection_id: int) -> None:
    remembered: list[Mapping[str, object]] = []

    def overtaken(_token: str) -> TokenPair:
        with database.transaction() as session:
            store_pair(session, connection_id, TokenPair("by-hand", "by-hand-refresh", None))
        return TokenPair("late", "late-refresh", None, extra={"domain": "old.example"})

    tokens = TokenService(database).for_connection(connection_id, overtaken, remembered.append)
    assert tokens.current() == AccessToken("by-hand", 2)
    assert row_of(database, connection_id).pair["refresh"] == "by-hand-refresh"
    assert remembered == []


def test_what_the_auth_server_says_beside_the_pair_is_remembered_after_the_commit(
    database: Database, connection_id: int
) -> None:
    seen: list[tuple[object, int]] = []

    def remember(changes: Mapping[str, object]) -> None:
        seen.append((changes, row_of(database, connection_id).version))

    def moved(_token: str) -> TokenPair:
        return TokenPair("access-2", "refresh-2", None, extra={"domain": "new.example"})

    TokenService(database).for_connection(connection_id, moved, remember).current()
    assert seen == [({"domain": "new.example"}, 2)]


def test_a_database_that_restarts_at_the_wrong_moment_does_not_lose_the_pair(
    database: Database, connection_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = database.transaction, [2]

    def flaky() -> Any:
        if asked and failures[0]:
            failures[0] -= 1
            raise OperationalError("COMMIT", {}, ConnectionError("server closed the connection"))
        return real()

    asked: list[str] = []

    def refresh(token: str) -> TokenPair:
        asked.append(token)
        return TokenPair("access-2", "refresh-2", None)

    monkeypatch.setattr(database, "transaction", flaky)
    assert tokens_of(database, connection_id, refresh).current() == AccessToken("access-2", 2)
    assert (asked, failures) == (["refresh-1"], [0])
