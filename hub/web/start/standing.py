"""How far a workspace has come: which of the four steps are done, and how each of its systems stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Connector, Registry
from hub.db.tables import CallRow, Connection, ConnectionToken, EmployeeRow
from hub.staff.systems import is_crm, is_pbx


class Stand(StrEnum):
    """`works`: let in, or heard; `unheard`: a PBX whose first event has not come; `log_in`: nobody has logged in yet;
    `refused`: it does not let the hub in; `paused`: held back."""

    WORKS = "works"
    UNHEARD = "unheard"
    LOG_IN = "log_in"
    REFUSED = "refused"
    PAUSED = "paused"


_STANDS_WELL = frozenset({Stand.WORKS, Stand.UNHEARD, Stand.PAUSED})

__all__ = ["Standing", "is_crm", "is_pbx", "standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """The workspace's PBXs and CRMs, the newest last, and what has come of them; `stands` is by a connection's id."""

    pbxs: Sequence[Connection]
    crms: Sequence[Connection]
    people_known: bool
    call_seen: bool
    stands: Mapping[int, Stand] = field(default_factory=dict)

    @property
    def done(self) -> dict[str, bool]:
        """By the endpoint of each step, in order."""
        return {
            "pages.start_pbx": any(map(self.is_well, self.pbxs)),
            "pages.start_crm": any(map(self.is_well, self.crms)),
            "pages.start_people": self.people_known,
            "pages.start_call": self.call_seen,
        }

    @property
    def steps_done(self) -> int:
        return sum(self.done.values())

    @property
    def next_step(self) -> str:
        """The endpoint of the first step that is not done; the last one when all are."""
        return next((step for step, is_done in self.done.items() if not is_done), "pages.start_call")

    @property
    def unfinished(self) -> Connection | None:
        """The system that the next step is about and that was begun already: the newest one that is not let in."""
        rows = {"pages.start_pbx": self.pbxs, "pages.start_crm": self.crms}.get(self.next_step, ())
        return next((row for row in reversed(rows) if not self.is_well(row)), None)

    def is_well(self, row: Connection) -> bool:
        return self.stand(row) in _STANDS_WELL

    def stand(self, row: Connection) -> Stand:
        return self.stands.get(row.id, Stand.WORKS)


def standing(session: Session, workspace_id: int, registry: Registry) -> Standing:
    rows = session.scalars(
        select(Connection).where(Connection.workspace_id == workspace_id).order_by(Connection.id)
    ).all()
    people = session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id)).all()
    crms = [row for row in rows if is_crm(registry.get(row.vendor))]
    call = session.scalar(select(CallRow.id).where(CallRow.workspace_id == workspace_id).limit(1))
    ids = [row.id for row in rows]
    logged_in = set(
        session.scalars(select(ConnectionToken.connection_id).where(ConnectionToken.connection_id.in_(ids)))
    )
    return Standing(
        pbxs=[row for row in rows if is_pbx(registry.get(row.vendor))],
        crms=crms,
        people_known=any(one.extensions and any(one.users.get(crm.name) for crm in crms) for one in people),
        call_seen=call is not None,
        stands={row.id: _stand(row, registry.get(row.vendor), has_pair=row.id in logged_in) for row in rows},
    )


def _stand(row: Connection, connector: Connector | None, *, has_pair: bool) -> Stand:
    logs_in = connector is not None and connector.oauth is not None and row.settings.get("auth") == "oauth"
    if logs_in and not has_pair:
        return Stand.LOG_IN
    if row.state == "needs_reconnect" or (row.failing_since is not None and never_let_in(row)):
        return Stand.REFUSED
    if row.state != "active":
        return Stand.PAUSED if not never_let_in(row) else Stand.REFUSED
    return Stand.UNHEARD if is_pbx(connector) and row.last_event_at is None else Stand.WORKS


def never_let_in(row: Connection) -> bool:
    """Whether nothing has ever come from the other system, and nothing was written there."""
    return row.last_event_at is None and row.last_success_at is None
