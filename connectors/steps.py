"""The steps that an intent becomes: at most one write that cannot be repeated in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from connectors.door import StepResult
from hub.domain.intents import Intent, Lane


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One outbox row that an intent needs: at most one write that cannot be repeated.

    `key` is unique inside (connection, call): two intents that need the same step share the row.
    Rows of a call go by `rank`, then in the order made. `needs` are keys of steps without whose
    result this one cannot be sent. `by_client`: never two at a time for one client number.
    `settles`: wait until the call's facts have come to rest. `lives_seconds`: expires after that.
    `resend_is_safe`: after an unknown outcome the CRM itself recognises the second try, so an absent
    row may be sent at once; otherwise an `Absent` is believed only after a grace period.
    """

    key: str
    rank: int
    lane: Lane
    lives_seconds: int
    repeatable: bool
    needs: tuple[str, ...] = ()
    by_client: bool = False
    settles: bool = False
    resend_is_safe: bool = False


@dataclass(frozen=True, slots=True)
class Unsupported:
    """The vendor has no way to show this intent; said in the trace."""

    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """A step about to be sent, or looked up. `done` has the results of this call's finished steps by key."""

    key: str
    intent: Intent
    done: Mapping[str, StepResult]
    first_sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Found:
    result: StepResult


@dataclass(frozen=True, slots=True)
class Absent:
    """It is certainly not there: sending is safe."""


@dataclass(frozen=True, slots=True)
class Unclear:
    """The CRM cannot tell yet; ask again later."""

    reason: str


LookUp = Found | Absent | Unclear
