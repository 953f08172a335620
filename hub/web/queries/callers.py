"""What is known of whoever calls: the parties that CRMs keep behind the number, and the calls before this one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from hub.db.directory import DirectoryUser
from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, Connection
from hub.db.tracking import AttributionRow, TouchRow

_MOST_PARTIES = 20


@dataclass(frozen=True, slots=True)
class KnownParty:
    """A person, company or lead with exactly this number. `kind` and `id` are the CRM's own; `owner` is a name."""

    connection_id: int
    connection: str
    kind: str
    id: str
    name: str
    owner: str
    vip: bool


def parties_of(session: Session, workspace_id: int, e164: str | None) -> list[KnownParty]:
    """Everybody whom the CRMs keep behind a number, the one to prefer first (contact, company, lead; the eldest)."""
    if not e164:
        return []
    rows = session.execute(
        select(PhoneOwner, Connection.name, DirectoryUser.name)
        .join(Connection, Connection.id == PhoneOwner.connection_id)
        .outerjoin(
            DirectoryUser,
            and_(
                DirectoryUser.connection_id == PhoneOwner.connection_id,
                DirectoryUser.user_id == PhoneOwner.owner_user_id,
            ),
        )
        .where(PhoneOwner.workspace_id == workspace_id, PhoneOwner.e164 == e164)
        .order_by(PhoneOwner.connection_id, PhoneOwner.place, PhoneOwner.id)
        .limit(_MOST_PARTIES)
    )
    return [
        KnownParty(row.connection_id, connection, row.kind, row.party_id, row.name or "", owner or "", row.vip)
        for row, connection, owner in rows
    ]


@dataclass(frozen=True, slots=True)
class EarlierCalls:
    """The last of a client's calls before a moment, the newest first, and how many there were in all."""

    count: int
    latest: Sequence[CallRow]


def earlier_calls(
    session: Session, workspace_id: int, e164: str | None, before: datetime, *, most: int = 5
) -> EarlierCalls:
    if not e164:
        return EarlierCalls(0, ())
    theirs = (CallRow.workspace_id == workspace_id, CallRow.client_e164 == e164, CallRow.started_at < before)
    count = session.scalar(select(func.count()).select_from(CallRow).where(*theirs)) or 0
    latest = session.scalars(select(CallRow).where(*theirs).order_by(CallRow.started_at.desc()).limit(most)).all()
    return EarlierCalls(count, latest)


def keyword_of(session: Session, call: CallRow) -> str:
    """The word that was searched or bought when the visit behind the call arrived; "" when that is not known."""
    attribution = session.get(AttributionRow, call.id)
    if attribution is None or attribution.visit_uid is None:
        return ""
    term = session.scalar(
        select(TouchRow.term)
        .where(
            TouchRow.visit_uid == attribution.visit_uid,
            TouchRow.at <= call.started_at,
            TouchRow.source == call.source,
        )
        .order_by(TouchRow.at.desc(), TouchRow.id.desc())
        .limit(1)
    )
    return term or ""
