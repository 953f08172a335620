"""From a changed call to outbox rows, in the transaction that changes the call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import event, select
from sqlalchemy.orm import Session

from connectors.contract import Crm, StepSpec, Unsupported
from hub.calls.record import CallChange
from hub.db.callbacks import CallbackRow
from hub.db.engine import database_now
from hub.db.locks import take_turn
from hub.db.tables import Connection, RecordingRow, Workspace
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.history import open_task_ids, take_back_tasks
from hub.delivery.people import default_user_id, employees_for
from hub.delivery.rows import new_row
from hub.delivery.schedule import settled_at
from hub.domain.call import Outcome
from hub.domain.codec import to_document
from hub.domain.intents import Intent, IntentKind, Lane
from hub.domain.party import ClientHistory, Party
from hub.rules.live import ruled
from hub.rules.turns import keep_turns
from hub.runtime import Runtime
from mapping.facts import KeptRecording, PlanFacts
from mapping.plan import plan

_LANE_ORDER = (Lane.URGENT, Lane.CALLS, Lane.BULK)
UNSENT = (DeliveryState.PENDING, DeliveryState.WAITING, DeliveryState.BLOCKED)


def plan_deliveries(session: Session, runtime: Runtime, change: CallChange) -> None:
    """Plan `change` for every CRM of its workspace and write the rows that are not there yet."""
    row = change.row
    if row.client_e164:
        take_turn(session, "client", row.workspace_id, row.client_e164)
    pbx = session.get_one(Connection, row.connection_id)
    workspace = session.get_one(Workspace, row.workspace_id)
    recordings = _kept_recordings(session, runtime, row.id)
    recording_links = _recording_links(session, runtime, row.id)
    trace: list[Any] = []
    for connection in _crm_connections(session, runtime, row.workspace_id):
        crm = runtime.registry[connection.vendor].crm
        assert crm is not None
        open_tasks = open_task_ids(session, connection.id, row)
        if change.call.outcome is Outcome.ANSWERED:
            take_back_tasks(session, open_tasks)
        facts = PlanFacts(
            call=change.call,
            call_id=row.uid,
            locale=workspace.locale,
            employees=employees_for(session, pbx, connection),
            default_user_id=default_user_id(session, connection),
            source=change.source,
            visit=change.visit,
            unknown=change.unknown,
            history=ClientHistory(open_tasks),
            recordings=recordings,
            recording_links=recording_links,
            party=_form_party(session, change, connection),
        )
        facts = ruled(session, runtime.registry, pbx, connection, row, facts)
        trace += _write_plan(session, runtime, change, connection, crm, facts)
    row.plan_trace = trace
    event.listen(session, "after_commit", lambda _session: runtime.want_recordings(), once=True)


def _form_party(session: Session, change: CallChange, connection: Connection) -> Party | None:
    """The card on which this CRM's own form put whoever asked for the call."""
    if change.call.callback_id is None:
        return None
    more = session.scalar(select(CallbackRow.more).where(CallbackRow.uid == change.call.callback_id)) or {}
    party = more.get("party") or {}
    return Party(party["kind"], party["id"]) if party.get("connection_id") == connection.id else None


def _crm_connections(session: Session, runtime: Runtime, workspace_id: int) -> Iterable[Connection]:
    vendors = [vendor for vendor, connector in runtime.registry.items() if connector.crm is not None]
    return session.scalars(
        select(Connection)
        .where(Connection.workspace_id == workspace_id, Connection.vendor.in_(vendors))
        .order_by(Connection.id)
    ).all()


def _kept_recordings(session: Session, runtime: Runtime, call_id: int) -> tuple[KeptRecording, ...]:
    rows = session.scalars(
        select(RecordingRow)
        .where(RecordingRow.call_id == call_id, RecordingRow.state == "stored")
        .order_by(RecordingRow.id)
    )
    base = runtime.settings.public_url
    return tuple(KeptRecording(str(row.id), f"{base}/r/{row.token}", row.extension) for row in rows)


def _recording_links(session: Session, runtime: Runtime, call_id: int) -> tuple[str, ...]:
    """The addresses of a call's recordings as soon as they are wanted: until the file is there they answer 425."""
    tokens = session.scalars(
        select(RecordingRow.token)
        .where(RecordingRow.call_id == call_id, RecordingRow.state != "failed")
        .order_by(RecordingRow.id)
    )
    return tuple(f"{runtime.settings.public_url}/r/{token}" for token in tokens)


def _write_plan(
    session: Session, runtime: Runtime, change: CallChange, connection: Connection, crm: Crm, facts: PlanFacts
) -> list[dict[str, Any]]:
    planned = plan(facts)
    keep_turns(session, connection.id, change.row.uid, planned.turns, database_now(session))
    if planned.nothing_because:
        return [{"connection": connection.name, "kind": "nothing", "key": "", "reason": planned.nothing_because}]
    writer = _PlanWriter(session, runtime, change, connection)
    trace = []
    for intent in planned.intents:
        steps = crm.steps(intent)
        line: dict[str, Any] = {
            "connection": connection.name,
            "kind": intent.kind,
            "key": intent.key,
            "why": to_document(intent.why),
        }
        if isinstance(steps, Unsupported):
            line["unsupported"] = steps.reason
        else:
            writer.write(intent, steps)
        trace.append(line)
    _wake_after_commit(session, runtime, connection.id, writer.touched)
    return trace


def _wake_after_commit(
    session: Session, runtime: Runtime, connection_id: int, touched: Mapping[Lane, datetime]
) -> None:
    """The bell rings after the commit: nobody comes for rows that are not there yet."""
    for lane, due_at in touched.items():
        event.listen(
            session,
            "after_commit",
            lambda _session, lane=lane, due_at=due_at: runtime.wake(connection_id, lane, due_at),
            once=True,
        )


class _PlanWriter:
    """Writes one plan's rows; remembers the rows that the call has on this connection."""

    def __init__(self, session: Session, runtime: Runtime, change: CallChange, connection: Connection) -> None:
        self._session = session
        self._runtime = runtime
        self._change = change
        self._connection = connection
        self._now = database_now(session)
        rows = session.scalars(
            select(DeliveryRow)
            .where(DeliveryRow.call_id == change.row.id, DeliveryRow.connection_id == connection.id)
            .order_by(DeliveryRow.generation)
            .with_for_update()  # a worker that is claiming one goes first: what was sent is not taken back
            .execution_options(populate_existing=True)
        )
        self._rows = {row.step_key: row for row in rows}
        self.touched: dict[Lane, datetime] = {}

    def write(self, intent: Intent, steps: Sequence[StepSpec]) -> None:
        if intent.kind is IntentKind.HIDE_CARD and not self._card_was_shown(intent):
            return
        for spec in steps:
            row = self._rows.get(spec.key)
            if row is None:
                self._rows[spec.key] = self._insert(intent, spec, generation=0)
            elif row.state in UNSENT and row.unknown_at is None:
                self._renew(row, intent, spec)
            elif self._has_new_facts(row, intent, spec):
                self._rows[spec.key] = self._insert(intent, spec, generation=row.generation + 1)

    def _card_was_shown(self, intent: Intent) -> bool:
        """A card that has not gone out yet is taken back here instead of being shown and hidden."""
        shown = [
            row
            for row in self._rows.values()
            if row.intent_kind == IntentKind.SHOW_CARD and row.intent.get("about") == intent.about
        ]
        sent = False
        for row in shown:
            if row.state in UNSENT and row.first_sent_at is None and row.step_key.startswith("show"):
                row.state, row.closed_at = DeliveryState.SUPERSEDED, self._now
                row.last_error = "no longer rings"
            else:
                sent = sent or row.state != DeliveryState.SUPERSEDED
        return sent

    def _has_new_facts(self, row: DeliveryRow, intent: Intent, spec: StepSpec) -> bool:
        """A source that became known, or better known, after it was written is written again."""
        return (
            intent.kind is IntentKind.SET_SOURCE
            and spec.repeatable
            and row.state in {DeliveryState.DONE, DeliveryState.DEAD, DeliveryState.EXPIRED}
            and row.intent.get("call", {}).get("source") != to_document(intent)["call"].get("source")
        )

    def _insert(self, intent: Intent, spec: StepSpec, *, generation: int) -> DeliveryRow:
        client = self._change.row.client_e164
        row = new_row(
            self._connection,
            intent,
            spec,
            self._now,
            call_id=self._change.row.id,
            generation=generation,
            serial_key=f"{self._connection.id}:{client}" if spec.by_client and client else None,
            due_at=self._due_at(spec, self._now),
        )
        self._session.add(row)
        self._touch(row)
        return row

    def _touch(self, row: DeliveryRow) -> None:
        lane = Lane(row.lane)
        self.touched[lane] = min(self.touched.get(lane, row.due_at), row.due_at)

    def _renew(self, row: DeliveryRow, intent: Intent, spec: StepSpec) -> None:
        """Facts came in before the step was sent: it carries the newest ones, in the more urgent lane."""
        row.intent, row.why = to_document(intent), to_document(intent.why)
        row.lane = min(Lane(row.lane), spec.lane, key=_LANE_ORDER.index)
        if spec.settles and row.state == DeliveryState.PENDING:
            row.due_at = self._due_at(spec, row.created_at)
        self._touch(row)

    def _due_at(self, spec: StepSpec, over_since: datetime) -> datetime:
        if not spec.settles:
            return self._now
        return settled_at(self._now, over_since, self._runtime.settle_seconds)
