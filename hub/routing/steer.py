"""Telling a PBX that does not ask: a call that waits in the menu or a queue is sent to its right person."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.calls.record import CallChange
from hub.db.routing import CommandRow, RouteDecision
from hub.db.tables import Connection
from hub.domain.events import Place
from hub.routing.decide import Decision, decide
from hub.routing.facts import read_caller, read_settings, read_staff
from hub.routing.index import wish_look_up
from hub.routing.legs import leg_to_steer
from hub.routing.log import Asked, keep_decision
from hub.routing.orders import Wish, order_command
from hub.runtime import Runtime

log = structlog.get_logger()

ROUTE_LIVES = timedelta(seconds=30)
FRESH_FOR = timedelta(seconds=60)
"""News that waited for longer, because we were down, are of calls that have gone: commands about them only cost."""
_WAITING = (Place.MENU, Place.QUEUE)


def steer(session: Session, runtime: Runtime, change: CallChange, *, again: bool = False) -> Decision | None:
    """Decide once per call from the index, inside the transaction that changes it, and order the route.

    Only PBXs that take commands are told, and only for the reasons in the workspace's settings: a
    route costs one of few. `again` decides anew, after the CRM told who the caller is.
    """
    row, call = change.row, change.call
    leg = leg_to_steer(call)
    if leg is None or leg.place not in _WAITING or call.client is None or call.client.e164 is None:
        return None
    connection = session.get_one(Connection, row.connection_id)
    if runtime.registry[connection.vendor].commands is None or _was_routed(session, row.id):
        return None
    if not again and _was_decided(session, row.id):
        return None
    now = runtime.now()
    if now - row.last_received_at > FRESH_FOR:
        return None
    facts = read_caller(session, row.workspace_id, connection.id, call.client, now)
    decision = decide(facts, read_staff(session, row.workspace_id, connection.name), now)
    line = call.line.display if call.line else None
    asked = Asked(row.workspace_id, connection.id, "call", now, call.client, line, row.id, row.call_key)
    keep_decision(session, asked, decision)
    if not again and (not facts.parties or decision.stale):
        wish_look_up(session, row.workspace_id, call.client.e164)
    if decision.extension and decision.reason in read_settings(session, row.workspace_id).push:
        urgency = 0 if decision.vip else 1
        order = {"to": decision.extension}
        order_command(
            session,
            runtime,
            Wish(row.workspace_id, connection.id, "route", order, ROUTE_LIVES, urgency, call_id=row.id),
        )
    return decision


def _was_routed(session: Session, call_id: int) -> bool:
    found = select(CommandRow.id).where(CommandRow.call_id == call_id, CommandRow.kind == "route").limit(1)
    return session.scalar(found) is not None


def _was_decided(session: Session, call_id: int) -> bool:
    found = select(RouteDecision.id).where(RouteDecision.call_id == call_id).limit(1)
    return session.scalar(found) is not None
