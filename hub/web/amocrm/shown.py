"""What the hub knows of a card's client and of a ringing telephone, as the widget shows it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import abort
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.routing import PhoneOwner
from hub.db.tables import CallRow, Connection, Workspace
from hub.delivery.doors import open_door
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.domain.errors import OverBudget
from hub.domain.events import Direction
from hub.domain.intents import Lane
from hub.domain.phone import format_phone
from hub.web.amocrm.people import telephones_of
from hub.web.queries.attribution import attribution_of
from hub.web.services import web

_PATIENCE_SECONDS = 3.0
_LOOK_EVERY_SECONDS = 0.1
_MOST_CALLS = 5
_MOST_PAGES = 20
_RINGS_AT_MOST = timedelta(minutes=10)
_MOST_RINGING = 50
_LISTS = {"contact": "contacts", "company": "companies", "lead": "leads"}


# --- A card -------------------------------------------------------------------------------------------


def phones_of_card(connection_id: int, kind: str, card_id: str) -> list[str]:
    """The numbers of a card's client: from the owner index, else asked of the account. Raises delivery errors."""
    if kind not in _LISTS or not card_id.isdigit():
        return []
    with web().database.reading() as session:
        indexed = session.scalars(
            select(PhoneOwner.e164).where(
                PhoneOwner.connection_id == connection_id, PhoneOwner.kind == kind, PhoneOwner.party_id == card_id
            )
        ).all()
    return list(indexed) or _asked(connection_id, kind, card_id)


def _asked(connection_id: int, kind: str, card_id: str) -> list[str]:
    """A person waits for it, so a budget that is empty for the moment is waited for as well."""
    runtime = web().services.runtime
    if runtime is None:
        abort(503)
    gives_up_at = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            with open_door(runtime, connection_id, Lane.URGENT, purpose="widget") as door:
                owners = runtime.registry[door.connection.vendor].owners
                found = owners.party(kind, card_id, door) if owners is not None else None
        except OverBudget:
            if time.monotonic() > gives_up_at:
                raise
            threading.Event().wait(_LOOK_EVERY_SECONDS)
        else:
            return list(dict.fromkeys(one.phone.e164 for one in found or () if one.phone.e164))


def calls_of(session: Session, workspace_id: int, phones: Sequence[str]) -> list[dict[str, Any]]:
    """The newest calls with these numbers, each with its source and visit."""
    rows = session.scalars(
        select(CallRow)
        .where(CallRow.workspace_id == workspace_id, CallRow.client_e164.in_(phones))
        .order_by(CallRow.started_at.desc(), CallRow.id.desc())
        .limit(_MOST_CALLS)
    )
    zone = ZoneInfo(session.get_one(Workspace, workspace_id).timezone)
    return [_call(session, row, zone) for row in rows]


def _call(session: Session, row: CallRow, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": row.uid,
        "at": row.started_at.astimezone(zone).strftime("%d.%m.%Y %H:%M"),
        "direction": row.direction,
        "answered": row.outcome == "answered",
        "talk_seconds": row.talk_seconds,
        "source": " / ".join(part for part in (row.source, row.medium, row.campaign) if part),
        "visit": _visit(session, row),
    }


def _visit(session: Session, row: CallRow) -> dict[str, Any] | None:
    shown = attribution_of(session, row.id, row.started_at)
    if shown is None or shown.visit is None:
        return None
    pages = [{"url": page.url, "title": page.title} for page in shown.pages[-_MOST_PAGES:]]
    return {"landing": shown.visit.landing_url, "referrer": shown.visit.referrer, "pages": pages}


# --- A telephone --------------------------------------------------------------------------------------


def ringing_for(session: Session, row: Connection, user_id: str) -> list[dict[str, Any]]:
    """The inbound calls that ring at this user's telephones now."""
    telephones = telephones_of(session, row, user_id)
    since = web().services.now() - _RINGS_AT_MOST
    rows = session.scalars(
        select(CallRow)
        .where(
            CallRow.workspace_id == row.workspace_id,
            CallRow.connection_id.in_(telephones),
            CallRow.closing == "open",
            CallRow.started_at > since,
        )
        .order_by(CallRow.started_at.desc())
        .limit(_MOST_RINGING)
    )
    calls = [(one, from_document(one.facts, Call)) for one in rows]
    return [
        _ringing(session, row, one, call)
        for one, call in calls
        if call.direction is Direction.INBOUND and telephones[one.connection_id] in call.ringing
    ]


def _ringing(session: Session, crm: Connection, row: CallRow, call: Call) -> dict[str, Any]:
    party = session.scalar(
        select(PhoneOwner)
        .where(PhoneOwner.connection_id == crm.id, PhoneOwner.e164 == (row.client_e164 or ""))
        .order_by(PhoneOwner.place, PhoneOwner.id)
        .limit(1)
    )
    found: dict[str, Any] = {
        "id": row.uid,
        "phone": format_phone(call.client) if call.client else "",
        "line": format_phone(call.line) if call.line else "",
        "started_at": int(row.started_at.timestamp()),
        "name": party.name if party else "",
    }
    if party is not None and party.kind in _LISTS:
        found["card"] = {"list": _LISTS[party.kind], "id": party.party_id}
    return found


def is_talking(session: Session, telephones: dict[int, str]) -> bool:
    """Whether one of these telephones is in a talk."""
    for connection_id, extension in telephones.items():
        talk = select(CallRow.id).where(
            CallRow.connection_id == connection_id,
            CallRow.closing == "open",
            CallRow.answered_by == extension,
            CallRow.started_at > web().services.now() - timedelta(hours=4),
        )
        if session.scalar(talk.limit(1)) is not None:
            return True
    return False
