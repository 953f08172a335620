"""Keeping decisions: what was asked, who it was answered with, and each rule on the way."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.routing import RouteDecision
from hub.domain.phone import Phone
from hub.routing.decide import Decision

log = structlog.get_logger()

_EVERY_SECONDS = 0.2
_MOST_WAITING = 20_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked about whom: `by` is "pbx", "call", "callback" or "person"."""

    workspace_id: int
    connection_id: int | None
    by: str
    at: datetime
    caller: Phone | None
    line: str | None = None
    call_id: int | None = None
    call_key: str | None = None


def keep_decision(session: Session, asked: Asked, decision: Decision) -> RouteDecision:
    row = RouteDecision(
        workspace_id=asked.workspace_id,
        connection_id=asked.connection_id,
        call_id=asked.call_id,
        call_key=asked.call_key[:200] if asked.call_key else None,
        at=asked.at,
        caller=asked.caller.display[:200] if asked.caller else None,
        line=asked.line[:200] if asked.line else None,
        asked_by=asked.by,
        extension=decision.extension,
        name=decision.name,
        reason=decision.reason,
        vip=decision.vip,
        steps=steps_document(decision),
    )
    session.add(row)
    return row


def steps_document(decision: Decision) -> list[dict[str, object]]:
    """The rules on the way as they are kept, for pages and programs."""
    return [
        {
            "rule": str(step.rule),
            "took": step.took,
            "fact": step.fact,
            "says": {"words": step.says.words, "values": dict(step.says.values)} if step.says else None,
        }
        for step in decision.steps
    ]


Noted = tuple[Asked, Decision]


class DecisionLog:
    """Decisions of a process that must answer faster than a disk: written together, some times a second.

    `also(session, decisions)` may write more in the same transaction. While the database is away they wait, up to
    a number; then the oldest ones are let go, for the answer is worth more than its note.
    """

    def __init__(self, database: Database, also: Callable[[Session, Sequence[Noted]], None]) -> None:
        self._database = database
        self._also = also
        self._waiting: queue.Queue[Noted] = queue.Queue(_MOST_WAITING)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="decisions", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=10)
        self.flush()

    def note(self, asked: Asked, decision: Decision) -> None:
        """Returns at once."""
        while True:
            try:
                self._waiting.put_nowait((asked, decision))
                return
            except queue.Full:
                self._take(1)

    def flush(self) -> int:
        """Write what waits; returns how many were written."""
        written = 0
        while batch := self._take(_AT_ONCE):
            try:
                self._write(batch)
            except OperationalError:
                for one in batch:
                    self.note(*one)
                raise
            written += len(batch)
        return written

    def _take(self, most: int) -> list[Noted]:
        taken: list[Noted] = []
        while len(taken) < most:
            try:
                taken.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return taken

    def _write(self, batch: Sequence[Noted]) -> None:
        with self._database.transaction() as session:
            for asked, decision in batch:
                keep_decision(session, asked, decision)
            self._also(session, batch)

    def _run(self) -> None:
        while not self._stopping.wait(_EVERY_SECONDS):
            try:
                self.flush()
            except OperationalError as error:
                log.warning("decisions_wait", reason=type(error).__name__)
                self._stopping.wait(10 * _EVERY_SECONDS)
            except Exception:
                log.exception("decisions_failed")
