"""Reading who may be rung: a PBX that takes commands, its people, who is free, and whose client it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.callbacks.cascade import Operator
from hub.db.callbacks import CallbackRow
from hub.db.routing import PbxExtension
from hub.db.tables import CallRow, Connection
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.phone import Phone
from hub.routing.decide import Decision, Reason, decide
from hub.routing.facts import read_caller, read_staff
from hub.routing.log import Asked, keep_decision
from hub.routing.staff import Staff
from hub.runtime import Runtime

_A_CALL_LASTS_AT_MOST = timedelta(hours=2)
_PERSONAL = frozenset({Reason.VIP, Reason.OWNER, Reason.LAST_TALKED})


def pbx_to_ring(session: Session, runtime: Runtime, workspace_id: int) -> Connection | None:
    """The workspace's first PBX that can be told to ring."""
    able = [vendor for vendor, connector in runtime.registry.items() if connector.commands is not None]
    return session.scalar(
        select(Connection)
        .where(Connection.workspace_id == workspace_id, Connection.vendor.in_(able), Connection.state == "active")
        .order_by(Connection.id)
        .limit(1)
    )


def operators_of(session: Session, pbx: Connection, staff: Staff, now: datetime) -> list[Operator]:
    """The people on `pbx`, in the order of their extensions; whom the PBX does not list are left out."""
    listed = set(
        session.scalars(
            select(PbxExtension.extension).where(PbxExtension.connection_id == pbx.id, PbxExtension.kind == "user")
        )
    )
    busy, calls = _busy(session, pbx, now), _calls_today(session, pbx, now)
    return [
        Operator(
            extension=one.extension,
            name=one.name,
            available=not one.absent(now) and (one.hours or staff.hours).is_open(now) and one.at_work is not False,
            busy=one.extension in busy,
            calls=calls[one.extension],
        )
        for one in sorted(staff.colleagues, key=lambda one: one.extension)
        if not listed or one.extension in listed
    ]


def _busy(session: Session, pbx: Connection, now: datetime) -> set[str]:
    """Who is rung or talks at this moment."""
    documents = session.scalars(
        select(CallRow.facts).where(
            CallRow.connection_id == pbx.id,
            CallRow.closing == "open",
            CallRow.started_at > now - _A_CALL_LASTS_AT_MOST,
        )
    )
    calls = [from_document(document, Call) for document in documents if document]
    return {leg.extension for call in calls for leg in call.legs if leg.extension and leg.ended_at is None}


def _calls_today(session: Session, pbx: Connection, now: datetime) -> Counter[str]:
    rows = session.execute(
        select(CallRow.answered_by, func.count())
        .where(
            CallRow.connection_id == pbx.id,
            CallRow.answered_by.is_not(None),
            CallRow.started_at > now - timedelta(hours=12),
        )
        .group_by(CallRow.answered_by)
    )
    return Counter({str(extension): int(number) for extension, number in rows})


def whose_client(session: Session, pbx: Connection, row: CallbackRow, staff: Staff, now: datetime) -> str | None:
    """The extension of who knows the visitor: by the VIP list, as owner, or who talked with them last.

    The decision is kept beside those for calls.
    """
    phone = Phone(row.e164, row.e164)
    decision: Decision = decide(read_caller(session, row.workspace_id, pbx.id, phone, now), staff, now)
    keep_decision(session, Asked(row.workspace_id, pbx.id, "callback", now, phone), decision)
    return decision.extension if decision.reason in _PERSONAL else None


def is_known(session: Session, workspace_id: int, e164: str, now: datetime) -> bool:
    """Whether the owner index has the number."""
    return bool(read_caller(session, workspace_id, None, Phone(e164, e164), now).parties)


def rings_in_now(session: Session, row: CallbackRow, now: datetime) -> bool:
    """Whether the visitor is calling us at this moment."""
    found: Sequence[int] = session.scalars(
        select(CallRow.id)
        .where(
            CallRow.workspace_id == row.workspace_id,
            CallRow.client_e164 == row.e164,
            CallRow.direction == "inbound",
            CallRow.closing == "open",
            CallRow.started_at > now - _A_CALL_LASTS_AT_MOST,
        )
        .limit(1)
    ).all()
    return bool(found)


def staff_of(session: Session, pbx: Connection) -> Staff:
    return read_staff(session, pbx.workspace_id, pbx.name)
