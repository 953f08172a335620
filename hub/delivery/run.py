"""Sending one step: look it up first when an earlier try may have been carried out, then write, then close."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Absent, Crm, Door, Found, Step, StepResult, Unclear
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.work import DeliveryAttempt, DeliveryRow, DeliveryState
from hub.delivery.claim import OPEN, ClaimedStep, same_subject
from hub.delivery.doors import open_door
from hub.delivery.health import note_health
from hub.delivery.verdict import Health, Odds, Verdict, done, judge
from hub.domain.errors import DeliveryError, NotReady
from hub.domain.intents import Lane
from hub.observe.crash import crash_point
from hub.runtime import Runtime

log = structlog.get_logger()

GRACE_SECONDS = 60.0


class _StillUnclear(Exception):
    """A look-up that settled nothing yet."""


def deliver(runtime: Runtime, claimed: ClaimedStep) -> datetime | None:
    """Bring one claimed step to its end; returns when it is due again, None when it is closed."""
    crash_point("after_lease_before_write")
    started = time.monotonic()
    verdict = _try(runtime, claimed)
    took_ms = round((time.monotonic() - started) * 1000)
    _log(claimed, verdict, took_ms)
    if _close(runtime, claimed, verdict, took_ms):
        note_health(runtime, claimed.connection_id, verdict, claimed.access_version)
        _wake_what_waited(runtime, claimed)
    return verdict.due_at


def _try(runtime: Runtime, claimed: ClaimedStep) -> Verdict:
    try:
        with open_door(runtime, claimed.connection_id, claimed.lane, purpose=claimed.intent.kind) as door:
            crm = runtime.registry[door.connection.vendor].crm
            assert crm is not None
            result = _perform(runtime, claimed, crm, door)
        crash_point("after_crm_write_before_commit")
        return done(result)
    except _StillUnclear as unclear:
        return _wait_for_clarity(runtime, claimed, str(unclear))
    except Exception as error:
        if not isinstance(error, DeliveryError):
            log.exception("delivery_failed", delivery_id=claimed.id)
        return judge(error, _odds(runtime, claimed))


def _perform(runtime: Runtime, claimed: ClaimedStep, crm: Crm, door: Door) -> StepResult:
    step = Step(claimed.step_key, claimed.intent, claimed.done, claimed.first_sent_at)
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
    """A write that was cut off may still be carried out for a while; until then its absence proves nothing."""
    if claimed.resend_is_safe or claimed.unknown_since is None:
        return True
    grace = timedelta(seconds=min(GRACE_SECONDS, runtime.settings.lease_seconds / 2))
    return runtime.now() - claimed.unknown_since >= grace


def _odds(runtime: Runtime, claimed: ClaimedStep) -> Odds:
    return Odds(
        now=runtime.now(),
        schedule=runtime.settings.retry_seconds,
        chance=runtime.random,
        attempts=claimed.attempts,
        repeatable=claimed.repeatable,
        unknown_since=claimed.unknown_since if claimed.look_up_first else None,
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
        row.unknown_at = verdict.unknown_at
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
