"""Examining an installation: each finding says what was seen and what to do."""

from __future__ import annotations

import ipaddress
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import redis
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.broker import running_broker_url
from hub.config import Settings
from hub.db.engine import Database, database_now
from hub.db.migrate import is_current
from hub.db.tables import Connection, Workspace
from hub.db.work import DeliveryRow, DeliveryState, InboxRow, InboxState
from hub.domain.errors import DeliveryError
from hub.domain.intents import Lane

if TYPE_CHECKING:
    from hub.runtime import Runtime

_CHECK_ACCESS = "Check its settings and secrets, and the way there."
_LEAST_FREE_BYTES = 1024**3
_MOST_CLOCK_SECONDS = 5.0
_MOST_CLOCK_WARNING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """`state` is "ok", "warning" or "wrong"; `todo` says what to do about it."""

    state: str
    what: str
    todo: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """All findings, the cheap and basic ones first; raises nothing that a check can meet."""
    yield from _settings(settings)
    yield from _home(settings)
    broker_url = settings.redis_url or running_broker_url(settings.home)
    yield _broker(settings, broker_url)
    yield from _provider(settings)
    database = Database(settings.database_url, pool_size=2)
    try:
        reachable = _database(database)
        yield reachable
        if reachable.state != "wrong":
            yield _clock(database)
            yield from _work(database)
            yield from _connections(settings, database, broker_url)
    finally:
        database.close()


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("ok", f"Settings are read; the home is {settings.home}.")
    address = settings.public_url
    if not address:
        yield Finding(
            "warning",
            "DOZVON_PUBLIC_URL is not set: hook and recording addresses will start with http://HOST:PORT.",
            "Set it to the address under which PBXs and CRM users reach this hub, like https://hub.example.",
        )
    elif not _looks_public(address):
        yield Finding(
            "warning",
            f"DOZVON_PUBLIC_URL {address} cannot be reached from outside over https.",
            "PBXs in the cloud will not find it: set the public https address.",
        )
    else:
        yield Finding("ok", f"The public address is {address}.")


def _looks_public(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        return parts.scheme == "https" and ipaddress.ip_address(host).is_global
    except ValueError:
        return parts.scheme == "https" and "." in host and not host.endswith((".local", ".localhost", ".internal"))


def _home(settings: Settings) -> Iterator[Finding]:
    probe = settings.home / f".doctor-{os.getpid()}"
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        yield Finding("wrong", f"The home cannot be written: {error.strerror}.", f"Give this user {settings.home}.")
        return
    free = shutil.disk_usage(settings.home).free
    words = f"{free / 1024**3:.1f} GiB are free on the disk of the home."
    if free < _LEAST_FREE_BYTES:
        yield Finding("wrong", words, "Make room: webhooks are refused when the disk is full.")
    else:
        yield Finding("ok", words)


def _provider(settings: Settings) -> Iterator[Finding]:
    """The OpenID provider, when people log in through one."""
    if settings.oidc is None:
        return
    from hub.net.client import HubHttp
    from hub.runtime import utc_now
    from hub.web.oidc.provider import Provider
    from hub.web.oidc.refusals import Refused
    from hub.web.oidc.wire import Wire

    there = Provider(settings.oidc, Wire(HubHttp(settings.allow_hosts)), utc_now)
    try:
        keys = there.keys(there.metadata())["keys"]
    except Refused as refusal:
        words = f"People cannot log in through {settings.oidc.title}: {refusal.detail}"
        yield Finding(
            "wrong", words, "Correct DOZVON_OIDC_ISSUER, or the way there. Until then: dozvon user way-in EMAIL"
        )
        return
    yield Finding("ok", f"{settings.oidc.title} answers, with {len(keys)} key(s); people can log in through it.")


def _broker(settings: Settings, url: str | None) -> Finding:
    if url is None:
        return Finding("ok", "The embedded broker is not running; `dozvon up` starts it.")
    client = redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3)
    try:
        client.ping()
    except (redis.RedisError, ValueError, OSError) as error:
        words = f"The broker does not answer: {type(error).__name__}."
        return Finding("wrong", words, "Start it, or correct DOZVON_REDIS_URL. Until then work waits for the sweep.")
    finally:
        client.close()
    return Finding("ok", "The broker answers." if settings.redis_url else "The embedded broker answers.")


def _database(database: Database) -> Finding:
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    try:
        if not is_current(database.engine):
            return Finding("wrong", f"The {kind} database has another schema.", "Run: dozvon db upgrade")
        _write_and_forget(database)
    except SQLAlchemyError as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()[0]
        return Finding("wrong", f"The {kind} database does not answer: {words}", "Check DOZVON_DATABASE_URL.")
    return Finding("ok", f"The {kind} database answers, has this version's schema and can be written.")


def _write_and_forget(database: Database) -> None:
    with database.transaction() as session:
        attempt = session.begin_nested()
        session.add(
            Workspace(
                slug=f"doctor-{os.getpid()}",
                name="doctor",
                timezone="UTC",
                region="RU",
                locale="ru",
                hours={},
                created_at=datetime.now(UTC),
            )
        )
        session.flush()
        attempt.rollback()


def _clock(database: Database) -> Finding:
    before = time.monotonic()
    with database.reading() as session:
        theirs = database_now(session)
    ours = datetime.now(UTC)
    apart = abs((ours - theirs).total_seconds()) - (time.monotonic() - before)
    words = f"This clock and the database's are {max(apart, 0):.1f} s apart."
    if apart > _MOST_CLOCK_SECONDS:
        return Finding("wrong", words, "Let both machines take their time from NTP.")
    return Finding("warning" if apart > _MOST_CLOCK_WARNING_SECONDS else "ok", words)


def _work(database: Database) -> Iterator[Finding]:
    with database.reading() as session:
        dead = session.scalar(select(func.count(DeliveryRow.id)).where(DeliveryRow.state == DeliveryState.DEAD)) or 0
        odd = session.scalar(select(func.count(InboxRow.id)).where(InboxRow.state == InboxState.QUARANTINED)) or 0
    if dead:
        yield Finding("warning", f"{dead} deliveries are dead.", "See why on the page, then: dozvon replay --dead")
    if odd:
        yield Finding("warning", f"{odd} webhooks were not understood.", "See them on the quarantine page.")


# --- Connections ----------------------------------------------------------------------------------


def _connections(settings: Settings, database: Database, broker_url: str | None) -> Iterator[Finding]:
    with database.reading() as session:
        rows = list(session.scalars(select(Connection).order_by(Connection.id)))
    if not rows:
        yield Finding(
            "warning",
            "There is no connection yet.",
            "Log in to the admin pages: Connections, Begin. Or write a provisioning file, then: dozvon apply FILE",
        )
        return
    with _open_runtime(settings, broker_url) as runtime:
        for row in rows:
            yield _connection(runtime, row)


@contextmanager
def _open_runtime(settings: Settings, broker_url: str | None) -> Iterator[Runtime]:
    from hub.jobs import connect_redis
    from hub.wiring import build_runtime

    client = connect_redis(broker_url) if broker_url else None
    runtime = build_runtime(settings, client)
    try:
        yield runtime
    finally:
        runtime.ledger.flush()
        runtime.database.close()
        if client is not None:
            client.close()


def _connection(runtime: Runtime, row: Connection) -> Finding:
    name = f"Connection {row.name} ({row.vendor})"
    connector = runtime.registry.get(row.vendor)
    if connector is None:
        return Finding("wrong", f"{name}: this version does not know {row.vendor}.", "Install a version that does.")
    if row.state != "active":
        return Finding("wrong", f"{name} is stopped: {row.state_reason}", row.state_mend)
    if connector.check is None:
        return Finding("ok", f"{name}: {_last_heard(row)}")
    from hub.delivery.doors import open_door

    try:
        with open_door(runtime, row.id, Lane.URGENT, purpose="check") as door:
            return Finding("ok", f"{name}: {connector.check(door)}")
    except DeliveryError as error:
        return Finding(
            "wrong", f"{name}: {error.message}", error.hint or "Check its settings and secrets, and the way there."
        )


def _last_heard(row: Connection) -> str:
    if row.last_event_at is None:
        return "it has sent nothing yet."
    return f"it sent something last at {row.last_event_at:%Y-%m-%d %H:%M} UTC."
