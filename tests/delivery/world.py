"""A small world for the engine's tests: real stores, a PBX that states what it is told, a CRM with a ledger."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from marshmallow import Schema
from sqlalchemy import select

from connectors.contract import Absent, Connector, CrmUser, Door, Found, LookUp, Step, StepResult, StepSpec, Unsupported
from hub.calls.intake import drain_inbox
from hub.config import load_settings
from hub.db.engine import Database
from hub.db.tables import Connection, EmployeeRow, Workspace
from hub.db.work import DeliveryRow, InboxRow
from hub.delivery.claim import claim
from hub.delivery.outbox import plan_deliveries
from hub.delivery.run import deliver
from hub.domain.access import QuotaRule
from hub.domain.codec import from_document, to_document
from hub.domain.events import CallEvent
from hub.domain.intents import Intent, IntentKind, Lane
from hub.net.bucket import Bucket
from hub.net.http import HttpAnswer
from hub.net.ledger import UsageLedger
from hub.net.tokens import TokenService
from hub.runtime import Runtime
from webhooks.contract import Admitted, HookRequest, InboxItem, Malformed, ParseContext, Parsed, Stated

START = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


class PlainHook:
    """States the `CallEvent` documents that a body holds; refuses and fails where the body says so."""

    def admit(self, request: HookRequest, secrets: Sequence[Mapping[str, str]]) -> Admitted:
        raise NotImplementedError("these tests put items into the inbox themselves")

    def parse(self, item: InboxItem, context: ParseContext) -> Parsed:
        document = json.loads(item.body)
        if document == "poison":
            raise ZeroDivisionError
        if document == "broken":
            return Malformed("broken on purpose")
        return Stated(tuple(from_document(one, CallEvent) for one in document))


@dataclass
class LedgerCrm:
    """Carries out steps into a list. `before` and `after` may raise around the work, once each time they are set."""

    ledger: list[tuple[str, str]] = field(default_factory=list)
    payloads: list[Step] = field(default_factory=list)
    before: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    on_perform: Callable[[Step], None] | None = None

    def steps(self, intent: Intent) -> Sequence[StepSpec] | Unsupported:
        register = StepSpec("register", 10, Lane.URGENT, 86400, repeatable=False, by_client=True)
        if intent.kind is IntentKind.SHOW_CARD:
            return (register, StepSpec(f"show:{intent.about}", 20, Lane.URGENT, 60, True, ("register",)))
        if intent.kind is IntentKind.HIDE_CARD:
            return (StepSpec(f"hide:{intent.about}", 21, Lane.URGENT, 60, True, ("register",)),)
        if intent.kind is IntentKind.ENSURE_LEAD:
            return (register,)
        if intent.kind is IntentKind.LOG_CALL:
            return (register, StepSpec("finish", 30, Lane.CALLS, 86400, False, ("register",), settles=True))
        if intent.kind is IntentKind.ADD_TASK:
            return (StepSpec("task", 60, Lane.CALLS, 86400, False, ("finish",)),)
        if intent.kind is IntentKind.CLOSE_TASK:
            return (StepSpec(f"close_task:{intent.about}", 61, Lane.CALLS, 86400, True),)
        if intent.kind is IntentKind.SET_SOURCE:
            return (StepSpec("source", 40, Lane.CALLS, 86400, True, ("register",)),)
        return Unsupported("this ledger has no column for it")

    def perform(self, step: Step, door: Door) -> StepResult:
        if self.before:
            raise self.before.pop(0)
        if self.on_perform is not None:
            self.on_perform(step)
        self.ledger.append((step.intent.call.call_id, step.key))
        self.payloads.append(step)
        if self.after:
            raise self.after.pop(0)
        return {"id": len(self.ledger), "task_id": f"t{len(self.ledger)}"}

    def look_up(self, step: Step, door: Door) -> LookUp:
        self.looked_up.append(step.key)
        for place, entry in enumerate(self.ledger, 1):
            if entry == (step.intent.call.call_id, step.key):
                return Found({"id": place})
        return Absent()

    def quota(self, connection: object) -> QuotaRule | None:
        return None

    def users(self, door: Door) -> Sequence[CrmUser]:
        return ()


class QuietHttp:
    """Answers every request with an empty 200."""

    def request(self, *_arguments: Any, **_options: Any) -> HttpAnswer:
        return HttpAnswer(200, {})


class NoSchema(Schema):
    """Takes nothing."""


@dataclass
class World:
    """One workspace with a PBX and a CRM; its clock stands still until it is moved."""

    database: Database
    runtime: Runtime
    crm: LedgerCrm
    workspace_id: int
    pbx_id: int
    crm_id: int
    clock: list[datetime]
    _items: int = 0

    def receive(self, *bodies: object) -> None:
        """Put bodies into the inbox as the door would have; a tuple of events is one body."""
        with self.database.transaction() as session:
            for body in bodies:
                self._items += 1
                text = json.dumps(to_document(body) if not isinstance(body, str) else body)
                session.add(
                    InboxRow(
                        connection_id=self.pbx_id,
                        dedupe_key=str(self._items),
                        topic="events",
                        body=text.encode(),
                        received_at=self.runtime.now(),
                        due_at=datetime(2020, 1, 1, tzinfo=UTC),
                    )
                )

    def drain(self) -> int:
        def on_change(session: Any, change: Any) -> None:
            plan_deliveries(session, self.runtime, change)

        return drain_inbox(self.runtime, on_change)

    def deliver(self, *, rounds: int = 20) -> None:
        """Deliver what is due, in this thread, until nothing more is."""
        for _ in range(rounds):
            steps = claim(self.runtime, self.crm_id, tuple(Lane), 10)
            if not steps:
                return
            for step in steps:
                deliver(self.runtime, step)

    def make_due(self) -> None:
        """Let the waiting time of every row pass."""
        with self.database.transaction() as session:
            for row in session.scalars(select(DeliveryRow).where(DeliveryRow.closed_at.is_(None))):
                row.due_at = datetime(2020, 1, 1, tzinfo=UTC)

    def rows(self) -> dict[str, DeliveryRow]:
        """The newest row of each step of the only call, by step key."""
        with self.database.reading() as session:
            return {row.step_key: row for row in session.scalars(select(DeliveryRow).order_by(DeliveryRow.id))}

    def states(self) -> dict[str, str]:
        return {key: str(row.state) for key, row in self.rows().items()}


def make_world(database: Database, home: Path, **environment: str) -> World:
    """A world on `database`, with employee Anna (extension 101, CRM user 7) and Boris (102, 8)."""
    crm = LedgerCrm()
    settings = load_settings({"DOZVON_RETRY_SECONDS": "0,5,30", **environment}, home=home)
    clock: list[datetime] = []
    registry = {
        "pbx": Connector("pbx", "PBX", NoSchema, NoSchema, hook=PlainHook()),
        "crm": Connector("crm", "CRM", NoSchema, NoSchema, crm=crm),
    }
    runtime = Runtime(
        settings=settings,
        database=database,
        registry=registry,
        http=QuietHttp(),
        bucket=Bucket(None),
        tokens=TokenService(database),
        ledger=UsageLedger(database),
        now=lambda: clock[-1] if clock else datetime.now(UTC),
        random=random.Random(1),
        settle_seconds=0.0,
    )
    with database.transaction() as session:
        workspace = Workspace(
            slug="acme", name="Acme", timezone="Europe/Moscow", region="RU", locale="en", created_at=START
        )
        session.add(workspace)
        session.flush()
        pbx, link = (
            Connection(workspace_id=workspace.id, name=name, vendor=name, settings={}, secrets={}, created_at=START)
            for name in ("pbx", "crm")
        )
        session.add_all([pbx, link])
        for name, extension, user in (("Anna", "101", "7"), ("Boris", "102", "8")):
            session.add(
                EmployeeRow(workspace_id=workspace.id, name=name, extensions={"*": extension}, users={"crm": user})
            )
        session.flush()
        return World(database, runtime, crm, workspace.id, pbx.id, link.id, clock)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)
