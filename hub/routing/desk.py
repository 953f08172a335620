"""Answering "who should get this caller?" at once: from the index and from memory, and always with something."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub.domain.errors import DeliveryError
from hub.domain.phone import Phone, parse_phone
from hub.routing.decide import CallerFacts, Decision, Reason, RuleTried, decide
from hub.routing.facts import read_caller, read_staff
from hub.routing.index import look_up_now, wish_look_up
from hub.routing.log import Asked, DecisionLog, Noted
from hub.routing.staff import Staff
from hub.runtime import Runtime

log = structlog.get_logger()
T = TypeVar("T")

ANSWER_SECONDS = 0.9
"""How long the database may take; then the PBX goes on by its own scheme, which is better than silence."""
LONGEST_WAIT_SECONDS = 5.0
_REMEMBERED_SECONDS = 2.0
_AT_ONCE = 16
_MOST_WISHES_AT_ONCE = 5


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: a PBX by its connection, or a program by its key; `pbx_name` says whose extensions are meant."""

    workspace_id: int
    connection_id: int | None
    pbx_name: str
    region: str
    by: str = "pbx"


@dataclass(frozen=True, slots=True)
class Question:
    """`wait_seconds`: how long the CRMs may be asked about a caller whom the index does not know."""

    caller: str
    line: str | None = None
    call_key: str | None = None
    wait_seconds: float = 0.0


class RouteDesk:
    """Answers for one process. People are remembered for two seconds, and for longer while the database is away."""

    def __init__(self, runtime: Runtime, decisions: DecisionLog) -> None:
        self._runtime = runtime
        self._decisions = decisions
        self._staff: dict[tuple[int, str], tuple[float, Staff]] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="route")
        self._asking = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="route_look_up")

    def answer(self, asker: Asker, question: Question) -> Decision:
        """Who gets the caller. Raises nothing: whatever fails leaves the call to the PBX's own scheme."""
        at = self._runtime.now()
        caller = parse_phone(question.caller, asker.region)
        try:
            decision = self._decide(asker, question, caller, at)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not cost a call
            log.warning("route_answered_blindly", workspace_id=asker.workspace_id, error=type(error).__name__)
            decision = self._blind(asker, caller, at)
        asked = Asked(
            asker.workspace_id, asker.connection_id, asker.by, at, caller, question.line, call_key=question.call_key
        )
        self._decisions.note(asked, decision)
        return decision

    def in_time(self, work: Callable[[], T]) -> T:
        """What `work` returns. Raises `TimeoutError` when it takes too long; it then goes on by itself."""
        return self._threads.submit(work).result(timeout=ANSWER_SECONDS)

    def _decide(self, asker: Asker, question: Question, caller: Phone | None, at: datetime) -> Decision:
        facts, staff = self.in_time(lambda: self._read(asker, caller, at))
        if question.wait_seconds > 0 and caller is not None and caller.e164 and not facts.parties and not facts.blocked:
            facts = self._ask_the_crms(asker, caller, question.wait_seconds, at) or facts
        return decide(facts, staff, at)

    def _read(self, asker: Asker, caller: Phone | None, at: datetime) -> tuple[CallerFacts, Staff]:
        with self._runtime.database.reading() as session:
            facts = read_caller(session, asker.workspace_id, asker.connection_id, caller, at)
            return facts, self._people(session, asker)

    def _people(self, session: Session, asker: Asker) -> Staff:
        key = (asker.workspace_id, asker.pbx_name)
        known = self._staff.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        staff = read_staff(session, asker.workspace_id, asker.pbx_name)
        self._staff[key] = (time.monotonic() + _REMEMBERED_SECONDS, staff)
        return staff

    def _blind(self, asker: Asker, caller: Phone | None, at: datetime) -> Decision:
        """By the people we remember, without anything about the caller."""
        known = self._staff.get((asker.workspace_id, asker.pbx_name))
        unread = RuleTried(Reason.OWNER, False, "nothing could be read about the caller in time")
        if known is None:
            return Decision(None, None, Reason.DEFAULT, False, None, (unread,))
        decision = decide(CallerFacts(caller), known[1], at)
        return replace(decision, steps=(unread, *decision.steps))

    def _ask_the_crms(self, asker: Asker, caller: Phone, wait_seconds: float, at: datetime) -> CallerFacts | None:
        """The facts after a look-up; None when nothing was found in time. What comes later is kept for next time."""
        assert caller.e164 is not None
        e164 = caller.e164
        job: Future[bool] = self._asking.submit(look_up_now, self._runtime, asker.workspace_id, e164)
        try:
            if not job.result(timeout=min(wait_seconds, LONGEST_WAIT_SECONDS)):
                return None
            return self.in_time(lambda: self._read(asker, caller, at)[0])
        except (TimeoutError, DeliveryError, SQLAlchemyError) as error:
            log.info("route_look_up_not_in_time", workspace_id=asker.workspace_id, reason=type(error).__name__)
            return None


def wish_what_is_missing(session: Session, decisions: Sequence[Noted]) -> None:
    """After answers that rested on nothing, or on something old: know better the next time."""
    missing = {
        (asked.workspace_id, asked.caller.e164)
        for asked, decision in decisions
        if asked.by == "pbx" and _is_unsure(decision) and asked.caller is not None and asked.caller.e164
    }
    for workspace_id, e164 in sorted(missing)[:_MOST_WISHES_AT_ONCE]:
        wish_look_up(session, workspace_id, e164)


def _is_unsure(decision: Decision) -> bool:
    return decision.stale or (decision.party is None and not decision.vip)
