"""Putting a process together: keys, stores, the way out. The one place besides `app` and `worker` that does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

import redis

from connectors.registry import REGISTRY
from hub.config import Settings
from hub.db.engine import Database
from hub.db.keyring import install_keys
from hub.domain.intents import Lane
from hub.net.bucket import Bucket
from hub.net.client import HubHttp
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.observe.crash import arm_crash_point
from hub.runtime import Runtime
from hub.tracking.live.journal import carry_journal


def prepare_process(settings: Settings) -> None:
    """What every process does first: the keys that open secrets, and the fault tests' crash point."""
    settings.home.mkdir(parents=True, exist_ok=True)
    install_keys(settings.secret_keys, settings.home)
    arm_crash_point(settings.crash_at)


def build_runtime(
    settings: Settings,
    client: redis.Redis | None,
    *,
    wake: Callable[[int, Lane, datetime], None] = lambda *_: None,
    want_recordings: Callable[[], None] = lambda: None,
    want_commands: Callable[[], None] = lambda: None,
    want_callbacks: Callable[[], None] = lambda: None,
) -> Runtime:
    database = Database(settings.database_url, pool_size=12)
    return Runtime(
        settings=settings,
        database=database,
        registry=REGISTRY,
        http=HubHttp(settings.allow_hosts),
        bucket=Bucket(client),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
        wake=wake,
        want_recordings=want_recordings,
        want_commands=want_commands,
        want_callbacks=want_callbacks,
        carry_journal=partial(carry_journal, client) if client is not None else lambda *_: None,
    )
