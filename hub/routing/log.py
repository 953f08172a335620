"""Keeping decisions: what was asked, who it was answered with, and each rule on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from hub.db.routing import RouteDecision
from hub.domain.codec import to_document
from hub.domain.phone import Phone
from hub.routing.decide import Decision


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked about whom: `by` is "pbx", "call", "callback" or "person"."""

    workspace_id: int
    connection_id: int | None
    by: str
    at: datetime
    caller: Phone | None
    line: str | None = None
    call_id: int | None = None
    call_key: str | None = None


def keep_decision(session: Session, asked: Asked, decision: Decision) -> RouteDecision:
    row = RouteDecision(
        workspace_id=asked.workspace_id,
        connection_id=asked.connection_id,
        call_id=asked.call_id,
        call_key=asked.call_key[:200] if asked.call_key else None,
        at=asked.at,
        caller=asked.caller.display[:200] if asked.caller else None,
        line=asked.line[:200] if asked.line else None,
        asked_by=asked.by,
        extension=decision.extension,
        name=decision.name,
        reason=decision.reason,
        vip=decision.vip,
        steps=to_document(decision.steps),
    )
    session.add(row)
    return row
