"""Sending one step: look it up first when an earlier try may have been carried out, then write, then close."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Absent, Crm, Door, Found, Step, StepResult, Unclear
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.work import DeliveryAttempt, DeliveryRow, DeliveryState
from hub.delivery.claim import ClaimedStep
from hub.delivery.departure import Departure
from hub.delivery.doors import open_door, open_listening_door
from hub.delivery.health import note_health
from hub.delivery.readiness import OPEN, same_subject
from hub.delivery.verdict import Health, Odds, Verdict, done, judge
from hub.domain.errors import DeliveryError, NotReady
from hub.domain.intents import Lane
from hub.observe.crash import crash_point
from hub.runtime import Runtime

log = structlog.get_logger()

GRACE_SECONDS = 60.0


class _StillUnclear(DeliveryError):
    """A look-up that settled nothing yet."""


def deliver(runtime: Runtime, claimed: ClaimedStep) -> datetime | None:
    """Bring one claimed step to its end; returns when it is due again, None when it is closed."""
    crash_point("after_lease_before_write")
    started = time.monotonic()
    verdict = _try(runtime, claimed)
    _settle(runtime, [(claimed, verdict)], started)
    return verdict.due_at


def deliver_together(runtime: Runtime, group: Sequence[ClaimedStep]) -> list[datetime]:
    """The same for steps that share one request: each has its own verdict. Returns when some are due again.

    An answer that is lost leaves each of them `verifying`; they are looked up one by one.
    """
    crash_point("after_lease_before_write")
    started = time.monotonic()
    verdicts = _try_together(runtime, group)
    _settle(runtime, list(zip(group, verdicts, strict=True)), started)
    return [verdict.due_at for verdict in verdicts if verdict.due_at is not None]


def _settle(runtime: Runtime, tried: Sequence[tuple[ClaimedStep, Verdict]], started: float) -> None:
    """Close the rows; what they say of the connection is said once, for it was one request."""
    took_ms = round((time.monotonic() - started) * 1000)
    news: dict[Health, tuple[ClaimedStep, Verdict]] = {}
    for claimed, verdict in tried:
        _log(claimed, verdict, took_ms)
        if _close(runtime, claimed, verdict, took_ms):
            news[verdict.health] = (claimed, verdict)
            _wake_what_waited(runtime, claimed)
    for claimed, verdict in news.values():
        note_health(runtime, claimed.connection_id, verdict, claimed.access_version)


def _try(runtime: Runtime, claimed: ClaimedStep) -> Verdict:
    departure = Departure()
    try:
        with open_door(
            runtime, claimed.connection_id, claimed.lane, purpose=claimed.intent.kind, delivers=True
        ) as door:
            crm = runtime.registry[door.connection.vendor].crm
            assert crm is not None
            result = _perform(runtime, claimed, crm, departure.watched(door))
        crash_point("after_crm_write_before_commit")
        return done(result)
    except _StillUnclear as unclear:
        return _wait_for_clarity(runtime, claimed, str(unclear))
    except DeliveryError as error:
        return judge(error, _odds(runtime, claimed))
    except Exception as error:
        log.exception("delivery_failed", delivery_id=claimed.id)
        return judge(error, _odds(runtime, claimed, has_left=departure.has_left))


def _try_together(runtime: Runtime, group: Sequence[ClaimedStep]) -> list[Verdict]:
    first = group[0]
    departure = Departure()
    try:
        opened = open_listening_door(runtime, first.connection_id, first.lane, purpose=first.intent.kind)
        with opened as (door, confidences):
            together = runtime.registry[door.connection.vendor].together
            assert together is not None
            outcomes = together.perform([_step(claimed) for claimed in group], departure.watched(door))
            confidences.hush_all(outcome for outcome in outcomes if isinstance(outcome, DeliveryError))
        crash_point("after_crm_write_before_commit")
        return [_verdict(runtime, one, outcome) for one, outcome in zip(group, outcomes, strict=True)]
    except DeliveryError as error:
        return [judge(error, _odds(runtime, one)) for one in group]
    except Exception as error:
        log.exception("delivery_failed", delivery_ids=[one.id for one in group])
        return [judge(error, _odds(runtime, one, has_left=departure.has_left)) for one in group]


def _verdict(runtime: Runtime, claimed: ClaimedStep, outcome: StepResult | DeliveryError) -> Verdict:
    return judge(outcome, _odds(runtime, claimed)) if isinstance(outcome, DeliveryError) else done(outcome)


def _step(claimed: ClaimedStep) -> Step:
    return Step(claimed.step_key, claimed.intent, claimed.done, claimed.first_sent_at)


def _perform(runtime: Runtime, claimed: ClaimedStep, crm: Crm, door: Door) -> StepResult:
    step = _step(claimed)
    if claimed.look_up_first:
        match crm.look_up(step, door):
            case Found(result):
                return result
            case Unclear(reason):
                raise _StillUnclear(reason)
            case Absent():
                if not _absence_is_sure(runtime, claimed):
                    raise _StillUnclear("not in the CRM yet; it may still be on its way")
    return crm.perform(step, door)


def _absence_is_sure(runtime: Runtime, claimed: ClaimedStep) -> bool:
    """A write that was cut off may still be carried out for a while; until then its absence proves nothing.

    How long ago it was is the database's word, like all that several workers have to agree on.
    """
    if claimed.resend_is_safe or claimed.unknown_since is None:
        return True
    return claimed.unknown_for >= timedelta(seconds=min(GRACE_SECONDS, runtime.settings.lease_seconds / 2))


def _odds(runtime: Runtime, claimed: ClaimedStep, *, has_left: bool = True) -> Odds:
    return Odds(
        now=runtime.now(),
        schedule=runtime.settings.retry_seconds,
        chance=runtime.random,
        attempts=claimed.attempts,
        repeatable=claimed.repeatable,
        unknown_since=claimed.unknown_since if claimed.look_up_first else None,
        has_left=has_left,
    )


def _wait_for_clarity(runtime: Runtime, claimed: ClaimedStep, words: str) -> Verdict:
    verdict = judge(NotReady(words), _odds(runtime, claimed))
    soon = runtime.now() + timedelta(seconds=min(15.0, runtime.settings.lease_seconds / 4))
    assert verdict.due_at is not None
    return Verdict(
        DeliveryState.VERIFYING,
        Health.SILENT,
        "verifying",
        words,
        due_at=min(verdict.due_at, soon),
        costs_attempt=False,
        unknown_at=claimed.unknown_since,
    )


def _close(runtime: Runtime, claimed: ClaimedStep, verdict: Verdict, took_ms: int) -> bool:
    """Write the verdict into the row; False when somebody else has taken the row over."""

    def work(session: Session) -> bool:
        row = session.get(DeliveryRow, claimed.id, with_for_update=True)
        if row is None or row.lease != claimed.lease or row.state != DeliveryState.LEASED:
            return False  # what the new holder finds counts
        now = database_now(session)
        row.state, row.last_error = verdict.state, verdict.words[:2000]
        row.attempts += 1 if verdict.costs_attempt else 0
        row.taken = 0
        row.unknown_at = now if verdict.unknown_from_now else verdict.unknown_at
        if verdict.due_at is None:
            row.closed_at, row.result = now, dict(verdict.result)
        else:
            row.due_at = now + max(verdict.due_at - runtime.now(), timedelta(0))
        session.add(
            DeliveryAttempt(
                delivery_id=row.id, at=now, outcome=verdict.outcome, words=verdict.words[:2000], took_ms=took_ms
            )
        )
        return True

    return in_transaction(runtime.database, work)


def _wake_what_waited(runtime: Runtime, claimed: ClaimedStep) -> None:
    """Later steps of the call may be in lanes of other workers, who were told of them too early."""
    with runtime.database.reading() as session:
        lanes = session.scalars(
            select(DeliveryRow.lane)
            .where(
                same_subject(claimed.call_id, claimed.callback_id),
                DeliveryRow.connection_id == claimed.connection_id,
                DeliveryRow.state.in_(OPEN),
                DeliveryRow.lane != claimed.lane,
            )
            .distinct()
        ).all()
    for lane in lanes:
        runtime.wake(claimed.connection_id, Lane(lane), runtime.now())


def _log(claimed: ClaimedStep, verdict: Verdict, took_ms: int) -> None:
    log.info(
        "delivered" if verdict.state == DeliveryState.DONE else "not_delivered",
        delivery_id=claimed.id,
        connection_id=claimed.connection_id,
        step=claimed.step_key,
        outcome=verdict.outcome,
        words=verdict.words[:300],
        took_ms=took_ms,
    )
