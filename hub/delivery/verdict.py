"""What a try comes to: one pure function from what was raised to what becomes of the row."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.contract import StepResult
from hub.db.work import DeliveryState
from hub.delivery.schedule import retry_delay
from hub.domain.errors import (
    AlreadyThere,
    AuthExpired,
    AuthRevoked,
    NotReady,
    OutcomeUnknown,
    OverBudget,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)

_THROTTLED_AGAIN_IN = timedelta(seconds=1)


class Health(StrEnum):
    """What a try says of the connection."""

    GOOD = "good"
    TROUBLE = "trouble"
    THROTTLED = "throttled"
    REVOKED = "revoked"
    PAUSED = "paused"
    SILENT = "silent"  # it says nothing


@dataclass(frozen=True, slots=True)
class Verdict:
    """`due_at` None for a closed row; `costs_attempt` False when the try does not count.

    `unknown_at` is the moment of an earlier try whose outcome is still unknown, by the database's clock; with
    `unknown_from_now` it is the moment at which the row is written, for it was this try.
    """

    state: DeliveryState
    health: Health
    outcome: str
    words: str = ""
    result: StepResult = field(default_factory=dict)
    due_at: datetime | None = None
    costs_attempt: bool = False
    unknown_at: datetime | None = None
    unknown_from_now: bool = False
    hold_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Odds:
    """What judging needs beside the error: the clock, the schedule, chance, and the row's past.

    `has_left` False when no write of this try was handed to the network.
    """

    now: datetime
    schedule: Sequence[float]
    chance: random.Random
    attempts: int
    repeatable: bool
    unknown_since: datetime | None
    has_left: bool = True

    def later(self, more: int = 1) -> datetime:
        return self.now + retry_delay(self.attempts + more, self.schedule, self.chance)


def done(result: StepResult, words: str = "") -> Verdict:
    return Verdict(DeliveryState.DONE, Health.GOOD, "done", words, result)


def judge(error: Exception, odds: Odds) -> Verdict:
    """What becomes of a row whose try ended with `error`."""
    still_unknown = DeliveryState.VERIFYING if odds.unknown_since else DeliveryState.WAITING
    words = str(error)
    match error:
        case AlreadyThere():
            return done(error.result, words)
        case Throttled():
            due_at = error.until or odds.now + _THROTTLED_AGAIN_IN * (1 + odds.chance.random())
            by_vendor = error.scope == "connection" and not isinstance(error, OverBudget)
            hold = error.until if by_vendor else None
            health = Health.THROTTLED if by_vendor else Health.SILENT
            return Verdict(
                still_unknown, health, "throttled", words, due_at=due_at, unknown_at=odds.unknown_since, hold_until=hold
            )
        case AuthRevoked() | Paused():
            health = Health.REVOKED if isinstance(error, AuthRevoked) else Health.PAUSED
            return Verdict(still_unknown, health, health.value, words, due_at=odds.now, unknown_at=odds.unknown_since)
        case Rejected():
            # It may be the look-up that was refused: what may have been carried out is looked up on a replay, too.
            return Verdict(DeliveryState.DEAD, Health.GOOD, "rejected", words, unknown_at=odds.unknown_since)
        case NotReady() | AuthExpired():
            return Verdict(
                still_unknown,
                Health.SILENT,
                "not_ready",
                words,
                due_at=odds.later(),
                costs_attempt=True,
                unknown_at=odds.unknown_since,
            )
        case Unreachable():
            return Verdict(
                still_unknown,
                Health.TROUBLE,
                "unreachable",
                words,
                due_at=odds.later(),
                costs_attempt=True,
                unknown_at=odds.unknown_since,
            )
        case _:
            return _unknown(error, odds)


def _unknown(error: Exception, odds: Odds) -> Verdict:
    """Nobody knows whether it happened; a bug of the hub is taken for that, too, once a write has left."""
    if isinstance(error, OutcomeUnknown):
        health, outcome, words = Health.TROUBLE, "outcome_unknown", str(error)
    else:
        health, outcome, words = Health.SILENT, "bug", f"the hub failed: {type(error).__name__}"
        if not odds.has_left:
            return _not_sent(f"{words}, before anything was sent", odds)
    return Verdict(
        DeliveryState.WAITING if odds.repeatable else DeliveryState.VERIFYING,
        health,
        outcome,
        words,
        due_at=odds.later(),
        costs_attempt=True,
        unknown_from_now=not odds.repeatable,
    )


def _not_sent(words: str, odds: Odds) -> Verdict:
    """A bug of the hub that came before the write; an update may mend it. An earlier try may still be unknown."""
    return Verdict(
        DeliveryState.VERIFYING if odds.unknown_since else DeliveryState.WAITING,
        Health.SILENT,
        "bug",
        words,
        due_at=odds.later(),
        costs_attempt=True,
        unknown_at=odds.unknown_since,
    )
