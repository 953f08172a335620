"""The statement: counts, differences and repairs of one PBX connection's calls (`docs/statement.md`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.calls.intake import OnChange
from hub.db.engine import database_now
from hub.db.retrying import in_transaction
from hub.db.statements import RepairRow, StatementRow
from hub.db.tables import CallRow, Connection, Workspace
from hub.delivery.reconcile.crm import reconcile_crm
from hub.delivery.reconcile.difference import CrmComparison, Difference, PbxComparison, Window
from hub.delivery.reconcile.pbx import reconcile_pbx
from hub.net.upserts import insert_into
from hub.runtime import Runtime

log = structlog.get_logger()

MOST_DIFFERENCES = 500
"""So many are named in a statement; the rest are counted."""

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Found:
    """What one run over a window came to."""

    window: Window
    pbx: PbxComparison
    crms: tuple[CrmComparison, ...]

    @property
    def differences(self) -> list[Difference]:
        return [*self.pbx.differences, *(one for crm in self.crms for one in crm.differences)]

    @property
    def repaired(self) -> int:
        return sum(one.repaired for one in self.differences)

    @property
    def open_differences(self) -> list[Difference]:
        return [one for one in self.differences if not one.repaired]


def _quietly(_words: str) -> None:
    return None


def pbx_connections(session: Session, registry: Registry, name: str | None = None) -> Sequence[Connection]:
    """The connections that state calls, by name; `name` chooses."""
    vendors = [vendor for vendor, one in registry.items() if one.hook is not None and one.crm is None]
    query = select(Connection).where(Connection.vendor.in_(vendors)).order_by(Connection.name, Connection.id)
    return session.scalars(query if name is None else query.where(Connection.name == name)).all()


def reconcile(
    runtime: Runtime, connection_id: int, window: Window, on_change: OnChange, tell: Tell = _quietly
) -> Found:
    """Compare a PBX connection's window with the hub, then the hub with each CRM, and repair on the way."""
    with runtime.database.reading() as session:
        pbx = session.get_one(Connection, connection_id)
        crms = _crm_connections(session, runtime.registry, pbx.workspace_id)
    tell(f"Asking {pbx.name} for its calls …")
    compared = reconcile_pbx(runtime, pbx.id, window, on_change)
    found = []
    for crm in crms:
        tell(f"Comparing {compared.hub_calls} calls with {crm.name} …")
        found.append(reconcile_crm(runtime, pbx.id, crm.id, window, on_change))
    result = Found(window, compared, tuple(found))
    log.info(
        "reconciled",
        connection_id=connection_id,
        hub_calls=compared.hub_calls,
        repaired=result.repaired,
        open_differences=len(result.open_differences),
    )
    return result


def _crm_connections(session: Session, registry: Registry, workspace_id: int) -> Sequence[Connection]:
    vendors = [vendor for vendor, one in registry.items() if one.crm is not None]
    return session.scalars(
        select(Connection)
        .where(Connection.workspace_id == workspace_id, Connection.vendor.in_(vendors))
        .order_by(Connection.name)
    ).all()


# --- A day --------------------------------------------------------------------------------------------


def day_window(day: date, zone: ZoneInfo, settled_before: datetime) -> Window:
    """The day in `zone`, which has 23 or 25 hours when the clocks change."""
    begins, ends = (datetime.combine(day + timedelta(days=more), time(), zone) for more in (0, 1))
    return Window(begins, ends, settled_before)


def make_statement(
    runtime: Runtime,
    connection_id: int,
    day: date,
    settled_before: datetime,
    on_change: OnChange,
    tell: Tell = _quietly,
    *,
    not_before: datetime | None = None,
) -> tuple[Found, dict[str, Any]]:
    """Reconcile one local day and keep its statement, in the place of an earlier one; returns it as a document.

    The repairs of earlier runs stay in it. Calls that began `not_before` that moment are left alone.
    """
    with runtime.database.reading() as session:
        pbx = session.get_one(Connection, connection_id)
        workspace = session.get_one(Workspace, pbx.workspace_id)
    window = day_window(day, ZoneInfo(workspace.timezone), settled_before)
    since, until = max(window.since, not_before or window.since), min(window.until, runtime.now())
    found = reconcile(runtime, connection_id, replace(window, since=since, until=until), on_change, tell)

    def keep(session: Session) -> dict[str, Any]:
        now = database_now(session)
        document = statement_document(found, _repairs(session, connection_id, day))
        insert = insert_into(session, StatementRow).values(
            workspace_id=pbx.workspace_id, connection_id=connection_id, day=day, document=document, made_at=now
        )
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["connection_id", "day"], set_={"document": document, "made_at": now}
            )
        )
        return document

    return found, in_transaction(runtime.database, keep)


def _repairs(session: Session, connection_id: int, day: date) -> list[dict[str, Any]]:
    rows = session.execute(
        select(RepairRow, CallRow.call_key)
        .join(CallRow, CallRow.id == RepairRow.call_id)
        .where(RepairRow.connection_id == connection_id, RepairRow.day == day)
        .order_by(RepairRow.id)
    )
    return [
        {
            "kind": row.kind,
            "call_id": row.call_id,
            "call_key": call_key,
            "connection": row.with_connection,
            "words": row.words,
            "at": row.at.isoformat(),
        }
        for row, call_key in rows
    ]


def statement_document(found: Found, repairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The statement as it is kept, shown and answered by the API. Pure."""
    differences = found.open_differences
    return {
        "since": found.window.since.astimezone(UTC).isoformat(),
        "until": found.window.until.astimezone(UTC).isoformat(),
        "agrees": agrees(found),
        "pbx": {
            "asked": found.pbx.asked,
            "reason": found.pbx.reason,
            "calls": found.pbx.pbx_calls if found.pbx.asked else None,
        },
        "hub": {"calls": found.pbx.hub_calls},
        "crm": [
            {
                "connection": crm.connection,
                "asked": crm.asked,
                "reason": crm.reason,
                "expected": crm.expected,
                "logged": crm.logged,
                "under_way": crm.under_way,
            }
            for crm in found.crms
        ],
        "differences": [_difference_document(one) for one in differences[:MOST_DIFFERENCES]],
        "difference_count": len(differences),
        "repairs": list(repairs),
    }


def agrees(found: Found) -> bool:
    """Whether every list that could be read has the same calls, and nothing is left to mend or on its way."""
    pbx = found.pbx
    return (
        not found.open_differences
        and (not pbx.asked or pbx.pbx_calls == pbx.hub_calls)
        and all(crm.expected == crm.logged for crm in found.crms)
    )


def _difference_document(one: Difference) -> dict[str, Any]:
    return {
        "kind": one.kind.value,
        "call_id": one.call_id,
        "call_key": one.call_key,
        "connection": one.connection,
        "words": one.words,
    }
