"""`/healthz`, `/readyz`, `/metrics`: for those who watch the hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flask import Blueprint, Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.callbacks import alarms as callback_alarms
from hub.db.callbacks import OPEN_STATES, CallbackRow
from hub.db.statements import NoticeRow
from hub.db.tables import Connection, RecordingRow
from hub.db.work import DeliveryState, InboxRow, InboxState
from hub.web.api.keys import api_caller
from hub.web.headers import is_from_this_machine
from hub.web.problems import problem
from hub.web.queries.deliveries import count_by_state
from hub.web.queries.inbox import conservation
from hub.web.services import Web, web

monitoring = Blueprint("monitoring", __name__)


@monitoring.get("/healthz")
def healthz() -> Response:
    """The process answers. It asks no store: a restart would not mend those."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@monitoring.get("/readyz")
def readyz() -> Response:
    missing = web().services.ready()
    text = "\n".join(missing) or "ready"
    return Response(text + "\n", status=503 if missing else 200, content_type="text/plain; charset=utf-8")


@monitoring.get("/metrics")
def metrics() -> Response:
    """The whole hub for this machine; for a key with `metrics:read` its own workspace."""
    workspace_id = None if is_from_this_machine(web().settings) else _workspace_of_key()
    registry = CollectorRegistry()
    registry.register(_Stores(web(), workspace_id))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _workspace_of_key() -> int:
    caller = api_caller()
    if caller is None:
        raise problem(401, headers={"WWW-Authenticate": 'Bearer realm="dozvon"'})
    if "metrics:read" not in caller.scopes:
        raise problem(403, "This needs the scope “metrics:read”.")
    return caller.workspace_id


class _Stores(Collector):
    """What the tables say at the moment of the scrape: true for all processes at once."""

    def __init__(self, parts: Web, workspace_id: int | None) -> None:
        self._parts = parts
        self._workspace_id = workspace_id

    def describe(self) -> Iterable[Metric]:
        return ()  # registering must not ask the database

    def collect(self) -> Iterator[Metric]:
        now = self._parts.services.now()
        with self._parts.database.reading() as session:
            yield _gauge(
                "dozvon_inbox",
                "Items of the inbox; received = processed + ignored + quarantined + waiting.",
                conservation(session, self._workspace_id),
            )
            outbox = {state.value: 0 for state in DeliveryState} | count_by_state(session, self._workspace_id)
            yield _gauge("dozvon_outbox", "Deliveries by state.", outbox)
            yield _gauge("dozvon_connections", "Connections by state.", _connections(session, self._workspace_id))
            yield _gauge("dozvon_recordings", "Recordings by state.", _recordings(session, self._workspace_id))
            yield _gauge(
                "dozvon_callbacks", "Callback requests that are open.", _callbacks(session, self._workspace_id)
            )
            yield _gauge(
                "dozvon_notices", "Notices that stand, by kind.", _notices(session, self._workspace_id), "kind"
            )
            oldest = _oldest_waiting(session, self._workspace_id)
            age = GaugeMetricFamily("dozvon_inbox_oldest_waiting_seconds", "Age of the oldest unprocessed item.")
            age.add_metric([], max(0.0, (now.timestamp() - oldest)) if oldest is not None else 0.0)
            yield age


def _gauge(name: str, words: str, numbers: dict[str, int], label: str = "state") -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for state, number in numbers.items():
        family.add_metric([state], number)
    return family


def _connections(session: Session, workspace_id: int | None) -> dict[str, int]:
    query = select(Connection.state, func.count()).group_by(Connection.state)
    if workspace_id is not None:
        query = query.where(Connection.workspace_id == workspace_id)
    found = {state: int(number) for state, number in session.execute(query)}
    return {"active": 0, "paused": 0, "needs_reconnect": 0} | found


def _recordings(session: Session, workspace_id: int | None) -> dict[str, int]:
    query = select(RecordingRow.state, func.count()).group_by(RecordingRow.state)
    if workspace_id is not None:
        query = query.where(RecordingRow.workspace_id == workspace_id)
    found = {state: int(number) for state, number in session.execute(query)}
    return {"wanted": 0, "stored": 0, "failed": 0} | found


def _callbacks(session: Session, workspace_id: int | None) -> dict[str, int]:
    query = select(CallbackRow.state, func.count()).where(CallbackRow.state.in_(OPEN_STATES))
    if workspace_id is not None:
        query = query.where(CallbackRow.workspace_id == workspace_id)
    found = {state: int(number) for state, number in session.execute(query.group_by(CallbackRow.state))}
    return {state.value: 0 for state in OPEN_STATES} | found


def _notices(session: Session, workspace_id: int | None) -> dict[str, int]:
    query = select(NoticeRow.kind, func.count()).where(NoticeRow.ended_at.is_(None))
    if workspace_id is not None:
        query = query.where(NoticeRow.workspace_id == workspace_id)
    found = {kind: int(number) for kind, number in session.execute(query.group_by(NoticeRow.kind))}
    return dict.fromkeys(("silence", *callback_alarms.KINDS), 0) | found


def _oldest_waiting(session: Session, workspace_id: int | None) -> float | None:
    query = select(func.min(InboxRow.received_at)).where(InboxRow.state == InboxState.RECEIVED.value)
    if workspace_id is not None:
        query = query.join(Connection, Connection.id == InboxRow.connection_id)
        query = query.where(Connection.workspace_id == workspace_id)
    oldest = session.scalar(query)
    return oldest.timestamp() if oldest is not None else None
