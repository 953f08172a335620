"""Notes of who changed or saw what, made in the transaction of the change itself."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tables import AuditRow
from hub.web.people import Person
from hub.web.services import web

_LONGEST_SUBJECT = 200
_SAME_VIEW = timedelta(hours=1)


def note(session: Session, person: Person, action: str, subject: str) -> None:
    """Note that `person` did `action` to `subject`; neither may hold a secret or a whole phone."""
    session.add(
        AuditRow(
            workspace_id=person.workspace_id,
            at=web().services.now(),
            actor=person.email,
            action=action,
            subject=subject[:_LONGEST_SUBJECT],
        )
    )


def note_view(person: Person, action: str, subject: str) -> None:
    """Note that `person` saw a secret; looking again within the hour makes no second note."""
    seen = (
        AuditRow.workspace_id == person.workspace_id,
        AuditRow.actor == person.email,
        AuditRow.action == action,
        AuditRow.subject == subject[:_LONGEST_SUBJECT],
        AuditRow.at > web().services.now() - _SAME_VIEW,
    )
    with web().database.reading() as session:
        if session.scalar(select(AuditRow.id).where(*seen).limit(1)) is not None:
            return
    with web().database.transaction() as session:
        note(session, person, action, subject)
