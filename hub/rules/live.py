"""The rules that hold, put beside the facts of a call that is being planned."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy.orm import Session

from connectors.contract import Registry
from hub.db.tables import CallRow, Connection
from hub.routing.facts import read_staff
from hub.rules.gather import ask_for_duty, gather, on_duty, told
from hub.rules.store import in_force, vendor_rules
from mapping.facts import PlanFacts


def ruled(
    session: Session, registry: Registry, pbx: Connection, crm: Connection, row: CallRow, facts: PlanFacts
) -> PlanFacts:
    """`facts` of the call `row` with the rules of `crm` and all that they may ask about the client."""
    held = in_force(session, registry, crm)
    gathered = gather(session, crm, vendor_rules(registry, crm.vendor), [row])
    named = replace(facts, rules=held.rules, rules_version=held.version)
    if ask_for_duty(held.rules):
        staff = read_staff(session, pbx.workspace_id, pbx.name)
        named = replace(named, on_duty=on_duty(staff, crm, row.started_at))
    return told(named, row, gathered)
