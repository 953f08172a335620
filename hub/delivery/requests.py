"""From a callback request to outbox rows: the same rows as a call's, which hang on the request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from connectors.contract import StepSpec, Unsupported
from hub.db.callbacks import CallbackRow
from hub.db.engine import database_now
from hub.db.tables import Connection, Workspace
from hub.db.work import DeliveryRow
from hub.delivery.outbox import UNSENT
from hub.delivery.people import default_user_id
from hub.delivery.rows import new_row
from hub.domain.codec import to_document
from hub.domain.intents import Intent, Lane
from hub.domain.party import Party, Source, VisitStory
from hub.rules.live import ruled_request
from hub.rules.turns import keep_turns
from hub.runtime import Runtime
from mapping.facts import PlanFacts
from mapping.request import Request, call_to_come, plan_request


@dataclass(frozen=True, slots=True)
class AskedOf:
    """What is told of a request, beside the request itself. `parties`: CRM connection to the form's own card."""

    request: Request
    source: Source | None
    visit: VisitStory | None
    parties: dict[int, Party]


def deliver_request(session: Session, runtime: Runtime, row: CallbackRow, asked: AskedOf) -> None:
    """Write the rows that are not there yet, for every CRM of the workspace; each is rung for after the commit."""
    workspace = session.get_one(Workspace, row.workspace_id)
    vendors = [vendor for vendor, connector in runtime.registry.items() if connector.crm is not None]
    connections = session.scalars(
        select(Connection)
        .where(Connection.workspace_id == row.workspace_id, Connection.vendor.in_(vendors))
        .order_by(Connection.id)
    ).all()
    for connection in connections:
        crm = runtime.registry[connection.vendor].crm
        assert crm is not None
        facts = PlanFacts(
            call=call_to_come(asked.request),
            call_id=row.uid,
            locale=workspace.locale,
            default_user_id=default_user_id(session, connection),
            source=asked.source,
            visit=asked.visit,
            party=asked.parties.get(connection.id),
        )
        facts = ruled_request(session, runtime.registry, connection, facts, client_e164=row.e164, key=row.uid)
        planned = plan_request(asked.request, facts)
        keep_turns(session, connection.id, row.uid, planned.turns, database_now(session))
        for intent in planned.intents:
            steps = crm.steps(intent)
            if not isinstance(steps, Unsupported):
                _write(session, runtime, row, connection, intent, steps)


def _write(
    session: Session,
    runtime: Runtime,
    row: CallbackRow,
    connection: Connection,
    intent: Intent,
    steps: Sequence[StepSpec],
) -> None:
    known = {
        one.step_key: one
        for one in session.scalars(
            select(DeliveryRow).where(DeliveryRow.callback_id == row.id, DeliveryRow.connection_id == connection.id)
        )
    }
    for spec in steps:
        there = known.get(spec.key)
        if there is None:
            session.add(_row(session, row, connection, intent, spec))
            _wake(session, runtime, connection.id, spec.lane)
        elif there.state in UNSENT and there.unknown_at is None:
            there.intent, there.why = to_document(intent), to_document(intent.why)


def _row(session: Session, row: CallbackRow, connection: Connection, intent: Intent, spec: StepSpec) -> DeliveryRow:
    serial_key = f"{connection.id}:{row.e164}" if spec.by_client else None
    return new_row(connection, intent, spec, database_now(session), callback_id=row.id, serial_key=serial_key)


def _wake(session: Session, runtime: Runtime, connection_id: int, lane: Lane) -> None:
    def ring(_session: Session) -> None:
        runtime.wake(connection_id, lane, runtime.now())

    event.listen(session, "after_commit", ring, once=True)
