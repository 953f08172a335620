"""How far a workspace has come: which of the four steps are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Connector, Registry
from hub.db.tables import CallRow, Connection, EmployeeRow


@dataclass(frozen=True, slots=True)
class Standing:
    """The workspace's PBXs and CRMs, the newest last, and what has come of them."""

    pbxs: Sequence[Connection]
    crms: Sequence[Connection]
    people_known: bool
    call_seen: bool

    @property
    def done(self) -> dict[str, bool]:
        """By the endpoint of each step, in order."""
        return {
            "pages.start_pbx": bool(self.pbxs),
            "pages.start_crm": bool(self.crms),
            "pages.start_people": self.people_known,
            "pages.start_call": self.call_seen,
        }

    @property
    def next_step(self) -> str:
        """The endpoint of the first step that is not done; the last one when all are."""
        return next((step for step, is_done in self.done.items() if not is_done), "pages.start_call")


def is_pbx(connector: Connector | None) -> bool:
    return connector is not None and connector.hook is not None and connector.crm is None


def is_crm(connector: Connector | None) -> bool:
    return connector is not None and connector.crm is not None


def standing(session: Session, workspace_id: int, registry: Registry) -> Standing:
    rows = session.scalars(
        select(Connection).where(Connection.workspace_id == workspace_id).order_by(Connection.id)
    ).all()
    people = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id)).all()
    crms = [row for row in rows if is_crm(registry.get(row.vendor))]
    call = session.scalar(select(CallRow.id).where(CallRow.workspace_id == workspace_id).limit(1))
    return Standing(
        pbxs=[row for row in rows if is_pbx(registry.get(row.vendor))],
        crms=crms,
        people_known=any(one.extensions and any(one.users.get(crm.name) for crm in crms) for one in people),
        call_seen=call is not None,
    )
