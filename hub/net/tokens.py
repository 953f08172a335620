"""OAuth pairs: refreshed on demand only, by one refresher at a time, and committed before anybody uses them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import uuid4

from sqlalchemy import CursorResult, Update, or_, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from hub.db.engine import Database, database_now
from hub.db.tables import ConnectionToken
from hub.domain.access import AccessToken, TokenPair, Tokens
from hub.domain.errors import AuthRevoked, DeliveryError, OutcomeUnknown, OverBudget, Throttled, Unreachable
from hub.net.upserts import insert_into
from hub.observe.crash import crash_point

Refresh = Callable[[str], TokenPair]
Remember = Callable[[Mapping[str, object]], None]

MARGIN_SECONDS = 10  # a token this close to its end may die on the way; Bitrix24 forbids to refresh much earlier
LEASE_SECONDS = 30
COOL_DOWN_SECONDS = 30
WAIT_SECONDS = 12
_COME_BACK_SECONDS = 3
_LOOK_EVERY_SECONDS = 0.1
_GRACE_SECONDS = 2
_TRUSTED_SECONDS = 60
_INSIST_SECONDS = 20


@dataclass(frozen=True, slots=True)
class _Stored:
    """The row as it was at `now`, by the database's clock."""

    token: AccessToken
    refresh: str = field(repr=False)
    expires_at: datetime | None
    cool_down_until: datetime | None
    lease_until: datetime | None
    lease_owner: str | None
    refreshed_at: datetime | None
    now: datetime

    @property
    def is_dead(self) -> bool:
        """By its stated end; not by that alone right after a refresh, for clocks may be far apart."""
        if self.expires_at is None or self.expires_at > self.now + timedelta(seconds=MARGIN_SECONDS):
            return False
        return self.refreshed_at is None or self.refreshed_at <= self.now - timedelta(seconds=_TRUSTED_SECONDS)

    @property
    def cools_down(self) -> bool:
        return self.cool_down_until is not None and self.cool_down_until > self.now

    @property
    def is_being_refreshed(self) -> bool:
        return self.lease_until is not None and self.lease_until > self.now


def store_pair(session: Session, connection_id: int, pair: TokenPair) -> None:
    """Keep a pair that a person or a file brought; older refreshes still under way then lose."""
    values = _pair_values(pair)
    row = insert_into(session, ConnectionToken).values(connection_id=connection_id, version=1, **values)
    later = {**values, "version": ConnectionToken.version + 1, "refreshed_at": None, **_AT_REST}
    session.execute(row.on_conflict_do_update(index_elements=["connection_id"], set_=later))


_AT_REST: dict[str, object] = {"refresh_lease_until": None, "refresh_lease_owner": None, "cool_down_until": None}


def _pair_values(pair: TokenPair) -> dict[str, object]:
    return {"pair": {"access": pair.access, "refresh": pair.refresh}, "expires_at": pair.expires_at}


def _nothing(_changes: Mapping[str, object]) -> None:
    return None


class TokenService:
    """Tokens of all connections of this hub. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def for_connection(self, connection_id: int, refresh: Refresh, remember: Remember = _nothing) -> Tokens:
        """The tokens of one connection.

        `refresh` asks the auth server once, with the refresh token; it should take less than
        `LEASE_SECONDS` and may raise `AuthRevoked`, `Throttled`, `Unreachable` or `OutcomeUnknown`.
        `remember` is handed the `extra` of a new pair, if there is any, once the pair is committed.
        """
        return _ConnectionTokens(self._database, connection_id, refresh, remember)

    def store_pair(self, session: Session, connection_id: int, pair: TokenPair) -> None:
        """See the function `store_pair`."""
        store_pair(session, connection_id, pair)


class _ConnectionTokens:
    """`hub.domain.access.Tokens` over the row of one connection.

    Besides `AuthRevoked` both methods raise `Throttled`: somebody else's refresh takes long, or
    the auth server just failed and is left alone until `Throttled.until`.
    """

    def __init__(self, database: Database, connection_id: int, refresh: Refresh, remember: Remember) -> None:
        self._database = database
        self._connection_id = connection_id
        self._refresh = refresh
        self._remember = remember

    def current(self) -> AccessToken:
        stored = self._stored()
        return self._newer_than(stored.token.version) if stored.is_dead else stored.token

    def renewed(self, stale: AccessToken) -> AccessToken:
        return self._newer_than(stale.version)

    def _newer_than(self, version: int) -> AccessToken:
        owner = uuid4().hex
        gives_up_at = monotonic() + WAIT_SECONDS
        while True:
            stored = self._stored()
            if stored.token.version > version:
                return stored.token
            if stored.cools_down:
                what = "The log-in server failed a moment ago and is left alone."
                raise Throttled(what, until=stored.cool_down_until)
            if not stored.is_being_refreshed and self._take_turn(stored, owner):
                return self._refreshed(stored, owner)
            if monotonic() >= gives_up_at:
                until = stored.now + timedelta(seconds=_COME_BACK_SECONDS)
                raise Throttled("Another worker's refresh of the log-in takes long.", until=until)
            _pause()

    def _stored(self) -> _Stored:
        with self._database.reading() as session:
            row = session.scalar(select(ConnectionToken).where(ConnectionToken.connection_id == self._connection_id))
            if row is None:
                raise AuthRevoked("The connection has no log-in yet.", "Connect it again.")
            return _Stored(
                AccessToken(row.pair["access"], row.version),
                row.pair["refresh"],
                row.expires_at,
                row.cool_down_until,
                row.refresh_lease_until,
                row.refresh_lease_owner,
                row.refreshed_at,
                database_now(session),
            )

    def _take_turn(self, seen: _Stored, owner: str) -> bool:
        """One conditional UPDATE: whoever changes the row has the turn, for `LEASE_SECONDS`."""
        lease, cool_down = ConnectionToken.refresh_lease_until, ConnectionToken.cool_down_until
        with self._database.transaction() as session:
            now = database_now(session)
            until = now + timedelta(seconds=LEASE_SECONDS)
            free = (or_(lease.is_(None), lease <= now), or_(cool_down.is_(None), cool_down <= now))
            turn = self._row(seen.token.version).where(*free)
            return _changed(session, turn.values(refresh_lease_until=until, refresh_lease_owner=owner))

    def _refreshed(self, seen: _Stored, owner: str) -> AccessToken:
        """Ask the auth server, with no transaction open, and commit what it says before anybody uses it."""
        try:
            pair = self._refresh(seen.refresh)
        except AuthRevoked:
            newer = self._newer_after_refusal(seen, owner)
            if newer is None:
                self._end_turn(seen, owner, quiet_seconds=_COME_BACK_SECONDS)
                raise
            return newer
        except OverBudget:  # nobody was asked: there is nothing to cool down from
            self._end_turn(seen, owner)
            raise
        except (Throttled, Unreachable, OutcomeUnknown) as error:
            until = self._end_turn(seen, owner, quiet_seconds=COOL_DOWN_SECONDS, error=error)
            raise Throttled(f"The log-in could not be refreshed. {error}", until=until) from error
        except BaseException:
            self._end_turn(seen, owner)
            raise
        crash_point("after_token_answer_before_commit")
        return self._commit(seen, pair)

    def _newer_after_refusal(self, seen: _Stored, owner: str) -> AccessToken | None:
        """A newer token than the one that was refused, as another worker's refresh explains a refusal.

        Whoever took the turn since, because ours lapsed, is waited for. When the turn was taken
        over from a lapsed one, its first holder may be about to commit: it is given a moment.
        """
        now = self._stored()
        version = seen.token.version
        if now.token.version == version and now.lease_owner != owner:
            return self._newer_than(version)
        ends_at = monotonic() + (_GRACE_SECONDS if seen.lease_until is not None else 0)
        while now.token.version == version:
            if monotonic() >= ends_at:
                return None
            _pause()
            now = self._stored()
        return now.token

    def _end_turn(
        self, seen: _Stored, owner: str, *, quiet_seconds: float = 0, error: DeliveryError | None = None
    ) -> datetime:
        """Give the turn back, so that nobody waits for the lease to lapse; returns when the next may ask.

        Those who waited find the cool-down first: one failure is not asked for again by each of them.
        """
        mine = self._row(seen.token.version).where(ConnectionToken.refresh_lease_owner == owner)
        with self._database.transaction() as session:
            until = database_now(session) + timedelta(seconds=quiet_seconds)
            if isinstance(error, Throttled) and error.until is not None:
                until = max(until, error.until)
            session.execute(mine.values(**{**_AT_REST, "cool_down_until": until}))
        return until

    def _commit(self, seen: _Stored, pair: TokenPair) -> AccessToken:
        """Store the pair, unless a newer one is there already: a late answer must not bury a reconnect.

        Who holds the lease by now does not matter: a pair that came must not be lost.
        """
        kept = self._kept(seen.token.version, pair)
        token = AccessToken(pair.access, seen.token.version + 1) if kept else self._stored().token
        if pair.extra and token.value == pair.access:
            self._remember(pair.extra)
        return token

    def _kept(self, version: int, pair: TokenPair) -> bool:
        """Insist while the database restarts: with the pair lost, a person would have to reconnect."""
        gives_up_at = monotonic() + _INSIST_SECONDS
        while True:
            try:
                with self._database.transaction() as session:
                    about = {**_AT_REST, "version": version + 1, "refreshed_at": database_now(session)}
                    return _changed(session, self._row(version).values(**_pair_values(pair), **about))
            except DBAPIError:
                if monotonic() >= gives_up_at:
                    raise
            _pause()

    def _row(self, version: int) -> Update:
        mine = ConnectionToken.connection_id == self._connection_id
        return update(ConnectionToken).where(mine, ConnectionToken.version == version)


def _changed(session: Session, statement: Update) -> bool:
    result: CursorResult[Any] = session.execute(statement)  # type: ignore[assignment]
    return result.rowcount > 0


def _pause() -> None:
    threading.Event().wait(_LOOK_EVERY_SECONDS)
