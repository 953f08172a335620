"""What every page with the table does when somebody keeps it: check, write, and note who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from connectors.contract import ListedExtension
from hub.db.tables import AuditRow, Workspace
from hub.staff.changes import Change, Refused, Wish, changes_of
from hub.staff.roster import keep, roster_of
from hub.staff.systems import Systems

ACTION = "employees.change"
_LONGEST_SUBJECT = 200


def settle(
    session: Session,
    systems: Systems,
    listed: Sequence[ListedExtension],
    wishes: Sequence[Wish],
    *,
    actor: str,
    now: datetime,
) -> list[Change] | Refused:
    """Make all wishes true, or none; returns what was changed, with a note in the audit log for each.

    `actor` is an e-mail, or "<vendor>:<user id>" for a user of the CRM.
    """
    session.get_one(Workspace, systems.crm.workspace_id, with_for_update=True)  # two who keep at once take turns
    changes = changes_of(roster_of(session, systems, listed), wishes)
    if isinstance(changes, Refused):
        return changes
    keep(session, systems, changes)
    where = "/".join(one.name for one in (systems.crm, systems.pbx) if one is not None)
    for change in changes:
        subject = f"{where}: {change.words}"[:_LONGEST_SUBJECT]
        workspace_id = systems.crm.workspace_id
        session.add(AuditRow(workspace_id=workspace_id, at=now, actor=actor, action=ACTION, subject=subject))
    return changes
