"""The rules that hold, put beside the facts of a call that is being planned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import CallRow, Connection
from hub.routing.facts import read_staff
from hub.routing.staff import Staff
from hub.rules.gather import ask_for_duty, gather, on_duty, told
from hub.rules.store import in_force, vendor_rules
from hub.rules.turns import queues_for
from mapping.facts import PlanFacts


def ruled(
    session: Session, registry: Registry, pbx: Connection, crm: Connection, row: CallRow, facts: PlanFacts
) -> PlanFacts:
    """`facts` of the call `row` with the rules of `crm` and all that they may ask about the client."""
    held = in_force(session, registry, crm)
    gathered = gather(session, crm, vendor_rules(registry, crm.vendor), [row])
    queues = queues_for(session, crm.id, held.rules, row.uid)
    named = replace(facts, rules=held.rules, rules_version=held.version, queues=queues)
    if ask_for_duty(held.rules):
        staff = read_staff(session, pbx.workspace_id, pbx.name)
        named = replace(named, on_duty=on_duty(staff, crm, row.started_at))
    return told(named, row, gathered)


@dataclass(frozen=True, slots=True)
class AskedNow:
    """A request for a callback, as far as what is known of its client goes: later than every call."""

    client_e164: str | None
    started_at: datetime
    ended_at: datetime | None
    id: int = 0
    outcome: str = "unanswered"


def ruled_request(
    session: Session, registry: Registry, crm: Connection, facts: PlanFacts, *, client_e164: str, key: str
) -> PlanFacts:
    """`facts` of a request, whose rows hang on `key`, with the rules of `crm` and all that they may ask."""
    held = in_force(session, registry, crm)
    asked = AskedNow(client_e164, facts.call.started_at, facts.call.ended_at)
    gathered = gather(session, crm, vendor_rules(registry, crm.vendor), [asked])
    queues = queues_for(session, crm.id, held.rules, key)
    named = replace(facts, rules=held.rules, rules_version=held.version, queues=queues)
    if ask_for_duty(held.rules):
        named = replace(named, on_duty=on_duty_anywhere(staffs(session, registry, crm), crm, asked.started_at))
    return told(named, asked, gathered)


def on_duty_anywhere(of_pbxs: Sequence[Staff], crm: Connection, at: datetime) -> tuple[str, ...]:
    """The CRM users who are at work at that moment, on whichever PBX."""
    return tuple(dict.fromkeys(user for staff in of_pbxs for user in on_duty(staff, crm, at)))


def staffs(session: Session, registry: Registry, crm: Connection) -> Sequence[Staff]:
    """Who works on each of the workspace's PBXs."""
    vendors = [vendor for vendor, connector in registry.items() if connector.pbx is not None]
    pbxs = session.scalars(
        select(Connection.name).where(Connection.workspace_id == crm.workspace_id, Connection.vendor.in_(vendors))
    ).all()
    return [read_staff(session, crm.workspace_id, name) for name in pbxs]
