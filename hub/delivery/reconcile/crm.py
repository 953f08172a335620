"""The hub's calls against a CRM's: what was to be logged, what the outbox says, what the CRM shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import LoggedCall
from hub.calls.intake import OnChange
from hub.calls.record import refold
from hub.db.locks import take_turn
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow, Connection
from hub.db.work import DeliveryRow, DeliveryState
from hub.delivery.reconcile.asking import patient_door
from hub.delivery.reconcile.calls import note_repair, settled_calls
from hub.delivery.reconcile.difference import CrmComparison, Difference, Kind, Window
from hub.delivery.reconcile.settling import settle
from hub.domain.errors import DeliveryError
from hub.domain.intents import IntentKind
from hub.runtime import Runtime

log = structlog.get_logger()

_GIVEN_UP: Mapping[str, str] = {
    DeliveryState.DEAD: "given up",
    DeliveryState.EXPIRED: "too late",
    DeliveryState.BLOCKED: "held back",
    DeliveryState.SUPERSEDED: "taken back",
}


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the CRM shows, by our id of the call; None when it could not be asked, for this `reason`."""

    calls: Mapping[str, LoggedCall] | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A call that the CRM is to show: the outbox rows that log it, and those that attach its recordings."""

    call: CallRow
    logs: Sequence[DeliveryRow]
    recordings: Sequence[DeliveryRow]

    @property
    def is_done(self) -> bool:
        return bool(self.logs) and all(row.state == DeliveryState.DONE for row in self.logs)

    @property
    def trouble(self) -> DeliveryRow | None:
        return next((row for row in self.logs if row.state in _GIVEN_UP), None)

    @property
    def has_recording(self) -> bool:
        return any(row.state == DeliveryState.DONE and "skipped" not in row.result for row in self.recordings)


def reconcile_crm(runtime: Runtime, pbx_id: int, crm_id: int, window: Window, on_change: OnChange) -> CrmComparison:
    """Compare and repair the calls of one PBX connection on one CRM connection.

    What was planned and delivered is never sent anew from here: a call that the CRM has lost is named.
    Raises nothing but what the database raises.
    """
    with runtime.database.reading() as session:
        pbx, crm = session.get_one(Connection, pbx_id), session.get_one(Connection, crm_id)
    replanned = _plan_what_was_not(runtime, pbx, crm, window, on_change)
    with runtime.database.reading() as session:
        sent = _sent(session, settled_calls(session, pbx.id, pbx.workspace_id, window), crm)
    # The outbox was read first: what it calls done was in the CRM when the CRM is asked.
    shown = _ask(runtime, crm, window) if sent else _Shown({})
    found = [difference for one in sent for difference in _differences(runtime, crm, one, shown)]
    return CrmComparison(
        connection=crm.name,
        asked=shown.calls is not None,
        reason=shown.reason,
        expected=len(sent),
        logged=sum(_is_logged(one, shown) for one in sent),
        under_way=sum(_is_under_way(one, shown) for one in sent),
        differences=(*replanned, *found),
    )


def _is_logged(sent: _Sent, shown: _Shown) -> bool:
    return sent.is_done if shown.calls is None else sent.call.uid in shown.calls


def _is_under_way(sent: _Sent, shown: _Shown) -> bool:
    return not _is_logged(sent, shown) and not sent.is_done and sent.trouble is None


# --- What is to be there ------------------------------------------------------------------------------


def _lines(call: CallRow, crm: Connection) -> list[dict[str, Any]]:
    """What the plan of the call says of this CRM; nothing when it was not planned for it."""
    return [line for line in call.plan_trace if line.get("connection") == crm.name]


def _is_expected(call: CallRow, crm: Connection) -> bool:
    return any(line.get("kind") == IntentKind.LOG_CALL and "unsupported" not in line for line in _lines(call, crm))


def _sent(session: Session, calls: Sequence[CallRow], crm: Connection) -> list[_Sent]:
    expected = [call for call in calls if _is_expected(call, crm)]
    rows = _deliveries(session, [call.id for call in expected], crm)
    return [_sent_one(call, rows.get(call.id, ())) for call in expected]


def _sent_one(call: CallRow, rows: Iterable[DeliveryRow]) -> _Sent:
    newest = {row.step_key: row for row in rows}.values()
    logs = [row for row in newest if row.intent_kind == IntentKind.LOG_CALL]
    return _Sent(call, logs, [row for row in newest if row.intent_kind == IntentKind.ATTACH_RECORDING])


def _deliveries(session: Session, call_ids: Sequence[int], crm: Connection) -> dict[int, list[DeliveryRow]]:
    found: dict[int, list[DeliveryRow]] = {}
    for start in range(0, len(call_ids), 500):
        query = (
            select(DeliveryRow)
            .where(DeliveryRow.call_id.in_(call_ids[start : start + 500]), DeliveryRow.connection_id == crm.id)
            .order_by(DeliveryRow.generation, DeliveryRow.id)
        )
        for row in session.scalars(query):
            if row.call_id is not None:
                found.setdefault(row.call_id, []).append(row)
    return found


def _plan_what_was_not(
    runtime: Runtime, pbx: Connection, crm: Connection, window: Window, on_change: OnChange
) -> list[Difference]:
    """Calls that nobody planned for this CRM are planned now, unless the connection is younger than they are."""
    with runtime.database.reading() as session:
        calls = settled_calls(session, pbx.id, pbx.workspace_id, window)
        without_rows = {one.call.id for one in _sent(session, calls, crm) if not one.logs}
    forgotten = [
        call
        for call in calls
        if call.id in without_rows or (not _lines(call, crm) and call.started_at >= crm.created_at)
    ]
    return [_plan(runtime, crm, call, on_change) for call in forgotten]


def _plan(runtime: Runtime, crm: Connection, call: CallRow, on_change: OnChange) -> Difference:
    words = "it was not decided what the CRM is to show of this call"

    def work(session: Session) -> bool:
        take_turn(session, "call", call.connection_id, call.call_key)
        row = session.get_one(CallRow, call.id)
        on_change(session, refold(session, runtime, row, stale=row.closing == "stale"))
        if not _lines(row, crm):
            return False
        note_repair(session, row, Kind.NOT_PLANNED, crm.name, words)
        return True

    try:
        planned = in_transaction(runtime.database, work)
    except Exception:
        log.exception("plan_failed", connection_id=crm.id, call_id=call.id)
        planned = False
    return Difference(Kind.NOT_PLANNED, call.id, call.call_key, crm.name, words, repaired=planned)


# --- What is there ------------------------------------------------------------------------------------


def _ask(runtime: Runtime, crm: Connection, window: Window) -> _Shown:
    connector = runtime.registry[crm.vendor]
    if connector.crm_log is None:
        return _Shown(None, f"{connector.title} has no list of calls that the hub can ask for")
    if crm.state != "active":
        return _Shown(None, f"the connection is {crm.state}: {crm.state_reason}")
    try:
        with patient_door(runtime, crm.id) as door:
            return _Shown(connector.crm_log.logged(door, window.since, window.until))
    except DeliveryError as error:
        log.warning("crm_log_not_read", connection_id=crm.id, reason=error.message[:200])
        return _Shown(None, error.message)


def _differences(runtime: Runtime, crm: Connection, sent: _Sent, shown: _Shown) -> list[Difference]:
    logged = shown.calls.get(sent.call.uid) if shown.calls is not None else None
    if logged is not None and not sent.is_done:
        settled = settle(runtime, crm, sent.call, Kind.UNSETTLED)
        return [_difference(crm, sent, Kind.UNSETTLED, "the CRM shows it: the hub checks", repaired=True)] * settled
    if sent.trouble is not None:
        words = f"{_GIVEN_UP[sent.trouble.state]}: {sent.trouble.last_error or 'no reason is known'}"
        return [_difference(crm, sent, Kind.NOT_LOGGED, words)]
    if shown.calls is None or not sent.is_done:
        return []
    if logged is None:
        words = "it was delivered, and the CRM does not show it: was it deleted there?"
        return [_difference(crm, sent, Kind.GONE, words)]
    return [*_doubled(crm, sent, logged), *_unrecorded(crm, sent, logged)]


def _doubled(crm: Connection, sent: _Sent, logged: LoggedCall) -> list[Difference]:
    if logged.copies < 2:
        return []
    return [_difference(crm, sent, Kind.DOUBLED, f"the CRM shows it {logged.copies} times")]


def _unrecorded(crm: Connection, sent: _Sent, logged: LoggedCall) -> list[Difference]:
    if logged.recorded or not sent.has_recording:
        return []
    return [_difference(crm, sent, Kind.UNRECORDED, "its recording was attached, and the CRM shows none")]


def _difference(crm: Connection, sent: _Sent, kind: Kind, words: str, *, repaired: bool = False) -> Difference:
    return Difference(kind, sent.call.id, sent.call.call_key, crm.name, words, repaired)
