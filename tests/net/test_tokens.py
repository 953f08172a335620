from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

from hub.db.engine import Database, database_now
from hub.db.tables import ConnectionToken
from hub.domain.access import AccessToken, TokenPair, Tokens
from hub.domain.errors import AuthRevoked, OutcomeUnknown, Rejected, Throttled, Unreachable
from hub.net import tokens as module
from hub.net.tokens import TokenService, store_pair
from hub.observe.crash import arm_crash_point
from tests.net.auth_server import FIRST, AuthServer, refresh_at
from tests.net.rows import make_connection
from tests.net.servers import serving

PAST = datetime(2020, 1, 1, tzinfo=UTC)
STALE = AccessToken("access-1", 1)


@pytest.fixture
def connection_id(database: Database) -> int:
    made = make_connection(database)
    with database.transaction() as session:
        store_pair(session, made, replace(FIRST, expires_at=PAST))
    return made


@pytest.fixture
def auth() -> AuthServer:
    return AuthServer()


@pytest.fixture
def auth_url(auth: AuthServer) -> Iterator[str]:
    with serving(auth.talk) as server:
        yield server.url


def tokens_of(database: Database, connection_id: int, refresh: Callable[[str], TokenPair]) -> Tokens:
    return TokenService(database).for_connection(connection_id, refresh)


def never(_token: str) -> TokenPair:
    raise AssertionError("nobody had to refresh")


def giving(access: str) -> Callable[[str], TokenPair]:
    return lambda _token: TokenPair(access, "refresh-x", None)


def row_of(database: Database, connection_id: int) -> ConnectionToken:
    with database.reading() as session:
        return session.get_one(ConnectionToken, connection_id)


def change(database: Database, **values: Any) -> None:
    with database.transaction() as session:
        session.execute(update(ConnectionToken).values(**values))


def from_now(database: Database, seconds: float) -> datetime:
    with database.reading() as session:
        return database_now(session) + timedelta(seconds=seconds)


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


# --- refusals and failures ------------------------------------------------------------------------


def test_a_refusal_is_forgotten_when_a_newer_pair_is_there(database: Database, connection_id: int) -> None:
    def refused(_token: str) -> TokenPair:
        with database.transaction() as session:
            store_pair(session, connection_id, TokenPair("newer", "refresh-9", None))
        raise AuthRevoked("invalid_grant")

    assert tokens_of(database, connection_id, refused).current() == AccessToken("newer", 2)


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set as soon as somebody waits for another's refresh."""
    event, pause = threading.Event(), module._pause

    def noted() -> None:
        event.set()
        pause()

    monkeypatch.setattr(module, "_pause", noted)
    return event


def test_a_refused_holder_waits_for_the_one_that_took_its_lapsed_turn(
    database: Database, connection_id: int, waiting: threading.Event
) -> None:
    def refused(_token: str) -> TokenPair:
        change(database, refresh_lease_until=from_now(database, 30), refresh_lease_owner="successor")
        raise AuthRevoked("invalid_grant")

    with ThreadPoolExecutor(1) as threads:
        got = threads.submit(tokens_of(database, connection_id, refused).current)
        assert waiting.wait(10)
        with database.transaction() as session:
            store_pair(session, connection_id, TokenPair("successor's", "refresh-9", None))
        assert got.result(timeout=10) == AccessToken("successor's", 2)


def test_who_took_over_a_lapsed_turn_gives_its_first_holder_a_moment(
    database: Database, connection_id: int, waiting: threading.Event
) -> None:
    change(database, refresh_lease_until=from_now(database, -1), refresh_lease_owner="slow")

    def refused(_token: str) -> TokenPair:
        raise AuthRevoked("invalid_grant")

    with ThreadPoolExecutor(1) as threads:
        got = threads.submit(tokens_of(database, connection_id, refused).current)
        assert waiting.wait(10)
        with database.transaction() as session:
            store_pair(session, connection_id, TokenPair("slow one's", "refresh-9", None))
        assert got.result(timeout=10) == AccessToken("slow one's", 2)


def test_a_refusal_with_nothing_newer_is_for_a_person_and_is_asked_once(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    auth.generation, auth.think_seconds = 7, 0.3
    refresh = refresh_at(auth_url)
    together = threading.Barrier(10)

    def ask(_number: int) -> type[BaseException]:
        together.wait(20)
        with pytest.raises((AuthRevoked, Throttled)) as caught:
            tokens_of(database, connection_id, refresh).current()
        return type(caught.value)

    with ThreadPoolExecutor(10) as threads:
        got = list(threads.map(ask, range(10)))
    assert got.count(AuthRevoked) == 1
    assert auth.asked == ["refresh-1"]


def test_a_failing_auth_server_is_asked_once_and_left_alone(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    auth.failing, auth.think_seconds = True, 0.3
    refresh = refresh_at(auth_url)
    together = threading.Barrier(20)

    def ask(_number: int) -> datetime | None:
        together.wait(20)
        with pytest.raises(Throttled) as caught:
            tokens_of(database, connection_id, refresh).current()
        return caught.value.until

    with ThreadPoolExecutor(20) as threads:
        untils = set(threads.map(ask, range(20)))
    row = row_of(database, connection_id)
    assert auth.asked == ["refresh-1"]
    assert untils == {row.cool_down_until}
    assert row.cool_down_until is not None
    assert from_now(database, 20) < row.cool_down_until <= from_now(database, 30)
    assert row.refresh_lease_until is None


@pytest.mark.parametrize("error", [Unreachable("no way"), OutcomeUnknown("reset"), Throttled("slow down")])
def test_whatever_the_auth_server_fails_with_costs_a_delivery_nothing(
    database: Database, connection_id: int, error: Exception
) -> None:
    def fails(_token: str) -> TokenPair:
        raise error

    with pytest.raises(Throttled):
        tokens_of(database, connection_id, fails).current()


def test_an_auth_server_that_names_its_own_time_is_left_alone_until_then(
    database: Database, connection_id: int
) -> None:
    until = from_now(database, 300)

    def busy(_token: str) -> TokenPair:
        raise Throttled("slow down", until=until)

    with pytest.raises(Throttled) as caught:
        tokens_of(database, connection_id, busy).current()
    assert caught.value.until == until
    assert row_of(database, connection_id).cool_down_until == until


def test_after_the_cool_down_the_auth_server_is_asked_again(database: Database, connection_id: int) -> None:
    change(database, cool_down_until=from_now(database, -0.001))
    assert tokens_of(database, connection_id, giving("access-2")).current().value == "access-2"
    assert row_of(database, connection_id).cool_down_until is None


@pytest.mark.parametrize("error", [Rejected("wrong client_id"), RuntimeError("a bug"), KeyboardInterrupt()])
def test_an_unforeseen_error_gives_the_turn_back(database: Database, connection_id: int, error: BaseException) -> None:
    def fails(_token: str) -> TokenPair:
        raise error

    with pytest.raises(type(error)):
        tokens_of(database, connection_id, fails).current()
    assert tokens_of(database, connection_id, giving("access-2")).current().value == "access-2"


def test_a_reconnect_ends_the_cool_down_and_counts_on(database: Database, connection_id: int) -> None:
    change(
        database,
        cool_down_until=from_now(database, 30),
        refresh_lease_until=from_now(database, 30),
        refresh_lease_owner="other",
    )
    with database.transaction() as session:
        TokenService(database).store_pair(session, connection_id, TokenPair("by-hand", "r", None))
    row = row_of(database, connection_id)
    assert (row.version, row.cool_down_until, row.refresh_lease_until, row.expires_at) == (2, None, None, None)
    assert tokens_of(database, connection_id, never).renewed(STALE) == AccessToken("by-hand", 2)
