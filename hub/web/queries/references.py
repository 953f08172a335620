"""What the hub keeps of a CRM's own lists: how many entries of each kind, and as of when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.dials import ReferenceRow
from hub.db.directory import DirectoryUser

EMPLOYEES = "employee"


@dataclass(frozen=True, slots=True)
class KeptList:
    """One list: "employee", or a kind of `ReferenceItem`. `read_at` is when it was read last."""

    kind: str
    entries: int
    read_at: datetime


def kept_lists(session: Session, connection_id: int) -> Sequence[KeptList]:
    """The employees first, then the dictionaries by name; entries that are gone are not counted."""
    people = session.execute(
        select(func.count(), func.max(DirectoryUser.refreshed_at)).where(
            DirectoryUser.connection_id == connection_id, DirectoryUser.active.is_(True)
        )
    ).one()
    found = [KeptList(EMPLOYEES, people[0], people[1])] if people[0] else []
    rows = session.execute(
        select(ReferenceRow.kind, func.count(), func.max(ReferenceRow.refreshed_at))
        .where(ReferenceRow.connection_id == connection_id, ReferenceRow.active.is_(True))
        .group_by(ReferenceRow.kind)
        .order_by(ReferenceRow.kind)
    )
    return found + [KeptList(kind, entries, read_at) for kind, entries, read_at in rows]
