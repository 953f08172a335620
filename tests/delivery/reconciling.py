"""A world whose PBX keeps a history and whose CRM shows its log, for the tests of reconciliation."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from connectors.contract import Door, LoggedCall
from hub.calls.record import CallChange
from hub.delivery.outbox import plan_deliveries
from hub.delivery.reconcile.difference import Window
from hub.delivery.reconcile.statement import Found, reconcile
from hub.domain.errors import DeliveryError
from hub.domain.events import CallEvent, RecordingNews, RecordingState
from tests.delivery.story import answers, ends, leaves, rings
from tests.delivery.world import START, LedgerCrm, World

DAY = Window(START - timedelta(hours=1), START + timedelta(hours=1), START + timedelta(hours=2))


@dataclass
class ListedHistory:
    """Answers with what it was given; raises `trouble` when it has some."""

    events: list[CallEvent] = field(default_factory=list)
    trouble: DeliveryError | None = None
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def history(self, door: Door, since: datetime, until: datetime) -> Sequence[CallEvent]:
        door.spend("history")
        self.asked.append((since, until))
        if self.trouble is not None:
            raise self.trouble
        return [event for event in self.events if since <= START <= until]


@dataclass
class ShownLog:
    """Shows the calls that the ledger has finished, less those in `hidden`; `doubled` ones twice."""

    crm: LedgerCrm
    hidden: set[str] = field(default_factory=set)
    doubled: set[str] = field(default_factory=set)
    trouble: DeliveryError | None = None

    def logged(self, door: Door, since: datetime, until: datetime) -> Mapping[str, LoggedCall]:
        if self.trouble is not None:
            raise self.trouble
        finished = {call for call, step in self.crm.ledger if step == "finish"} - self.hidden
        return {call: LoggedCall(f"crm-{call}", recorded=False, copies=1 + (call in self.doubled)) for call in finished}


@dataclass
class Reconciled:
    """The world with its two lists; `run` reconciles the day and delivers what came of it."""

    world: World
    history: ListedHistory
    log: ShownLog

    def on_change(self, session: Session, change: CallChange) -> None:
        plan_deliveries(session, self.world.runtime, change)

    def run(self, window: Window = DAY) -> Found:
        found = reconcile(self.world.runtime, self.world.pbx_id, window, self.on_change)
        self.deliver()
        return found

    def deliver(self) -> None:
        """Deliver everything, also what waits for another call of the same client."""
        for _ in range(3):
            self.world.deliver()
            self.world.make_due()

    def kinds(self, window: Window = DAY) -> list[tuple[str, bool]]:
        """What one run finds: (kind, repaired)."""
        return [(str(one.kind), one.repaired) for one in self.run(window).differences]


def with_lists(world: World) -> Reconciled:
    history, log = ListedHistory(), ShownLog(world.crm)
    registry = {
        "pbx": dataclasses.replace(world.runtime.registry["pbx"], history=history),
        "crm": dataclasses.replace(world.runtime.registry["crm"], crm_log=log),
    }
    world.runtime = dataclasses.replace(world.runtime, registry=registry)
    return Reconciled(world, history, log)


def from_history(*events: CallEvent) -> list[CallEvent]:
    """These events as a history tells them: the same legs, keys of their own."""
    return [
        dataclasses.replace(event, event_key=f"history:{event.event_key}", seq=None, from_history=True)
        for event in events
    ]


def whole_call(call: str = "c1") -> tuple[CallEvent, ...]:
    return (
        rings("101", 1, call),
        answers("101", 5, call),
        leaves("101", 65, call),
        ends(65, call, answered_at=5, extension="101"),
    )


def recording(call: str = "c1", key: str = "rec1", **facts: Any) -> CallEvent:
    base = ends(66, call, answered_at=5, extension="101")
    return CallEvent(
        kind=base.kind.RECORDING,
        call_key=call,
        event_key=f"recording:{key}",
        at=base.at,
        recording=RecordingNews(key, RecordingState.AVAILABLE, "101"),
        **facts,
    )
