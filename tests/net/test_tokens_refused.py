"""What happens when the auth server refuses, fails or is not there."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from hub.db.engine import Database
from hub.domain.access import AccessToken, TokenPair
from hub.domain.errors import AuthRevoked, OutcomeUnknown, OverBudget, Rejected, Throttled, Unreachable
from hub.net import tokens as module
from hub.net.tokens import TokenService, store_pair
from tests.net.auth_server import AuthServer, refresh_at
from tests.net.token_rows import STALE, change, from_now, giving, never, row_of, tokens_of


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


def test_own_budget_that_is_used_up_is_no_failure_of_the_log_in_server(
    database: Database, connection_id: int, auth: AuthServer, auth_url: str
) -> None:
    """Nobody was asked, so there is nothing to cool down from: the next one may ask as soon as there is room."""
    ask, full = refresh_at(auth_url), [True]

    def refresh(token: str) -> TokenPair:
        if full:
            full.clear()
            raise OverBudget("used up", scope="connection")
        return ask(token)

    tokens = tokens_of(database, connection_id, refresh)
    with pytest.raises(OverBudget):
        tokens.renewed(STALE)
    assert auth.asked == []
    assert tokens.renewed(STALE) == AccessToken("access-2", 2)
