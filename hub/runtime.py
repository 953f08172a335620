"""What every service of a worker is handed: stores, registry, the way out, and the clock."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.config import Settings
from hub.db.engine import Database
from hub.domain.intents import Lane
from hub.net.bucket import Bucket
from hub.net.http import Http
from hub.net.ledger import UsageLedger
from hub.net.rests import LaneRests
from hub.net.tokens import TokenService

SETTLE_SECONDS = 3.0


def utc_now() -> datetime:
    return datetime.now(UTC)


def _nothing(*_arguments: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Runtime:
    """`wake(connection_id, lane, due_at)` tells the dispatcher of this process, or of another, of committed work.

    `carry_journal(session, site_id)` writes what the tracker has said of a site but not yet into its rows.
    `rests` are the lanes whose budget this process has found used up.
    `settle_seconds`: how long a call's facts must have rested before it is logged for good.
    """

    settings: Settings
    database: Database
    registry: Registry
    http: Http
    bucket: Bucket
    tokens: TokenService
    ledger: UsageLedger
    now: Callable[[], datetime] = utc_now
    random: random.Random = field(default_factory=random.SystemRandom)
    settle_seconds: float = SETTLE_SECONDS
    wake: Callable[[int, Lane, datetime], None] = _nothing
    want_recordings: Callable[[], None] = _nothing
    carry_journal: Callable[[Session, int], None] = _nothing
    want_commands: Callable[[], None] = _nothing
    want_callbacks: Callable[[], None] = _nothing
    rests: LaneRests = field(default_factory=LaneRests)
