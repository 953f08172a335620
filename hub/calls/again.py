"""Calls whose caller is asked about again, since the tracker learned more after the answer; and what is learned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.calls.intake import OnChange
from hub.calls.record import refold
from hub.db.engine import database_now
from hub.db.locks import take_turn
from hub.db.retrying import in_transaction
from hub.db.tables import CallRow
from hub.db.tracking import AttributionRow, LeaseRow, SiteRow, VisitRow
from hub.domain.attribution import CallFact, LeaseFact, VisitFact
from hub.runtime import Runtime
from hub.tracking.attribution import learn
from hub.tracking.places import NumberingPlan, area_of, area_of_number, plan_in

_LEARN_EVERY = timedelta(hours=20)
_LEARN_FROM = timedelta(days=60)
_MOST_LEASES = 50_000
_FEWEST_CALLS = 20
_AT_ONCE = 200


def ask_again(runtime: Runtime, on_change: OnChange) -> int:
    """Fold each call anew whose answer is stale; returns how many. What a CRM has is patched by the same path."""
    with runtime.database.reading() as session:
        stale = select(AttributionRow.call_id).where(AttributionRow.stale.is_(True)).limit(_AT_ONCE)
        ids = session.scalars(stale).all()
    return sum(in_transaction(runtime.database, _asking(runtime, on_change, call_id)) for call_id in ids)


def _asking(runtime: Runtime, on_change: OnChange, call_id: int) -> Callable[[Session], bool]:
    def work(session: Session) -> bool:
        row = session.get_one(CallRow, call_id)
        take_turn(session, "call", row.connection_id, row.call_key)
        session.refresh(row)
        answer = session.get_one(AttributionRow, call_id)
        answer.stale = False
        on_change(session, refold(session, runtime, row, stale=row.closing == "stale"))
        return True

    return work


def learn_laws(runtime: Runtime) -> int:
    """Learn the delay law of each site whose law is a day old; returns how many were learned."""
    with runtime.database.reading() as session:
        limit = database_now(session) - _LEARN_EVERY
        due = select(SiteRow.id).where(or_(SiteRow.law_learned_at.is_(None), SiteRow.law_learned_at < limit))
        ids = session.scalars(due).all()
    return sum(_learn(runtime, site_id) for site_id in ids)


def _learn(runtime: Runtime, site_id: int) -> bool:
    with runtime.database.reading() as session:
        now = database_now(session)
        visits, leases, calls = _facts(session, site_id, now - _LEARN_FROM, plan_in(runtime.settings.home))
    law = learn(visits, leases, calls).to_document() if len(calls) >= _FEWEST_CALLS else None
    with runtime.database.transaction() as session:
        site = session.get_one(SiteRow, site_id)
        site.law_learned_at = now
        site.law = law or site.law
    return law is not None


def _facts(
    session: Session, site_id: int, since: datetime, plan: NumberingPlan
) -> tuple[list[VisitFact], list[LeaseFact], list[CallFact]]:
    calls = [
        CallFact(
            str(call.id), call.line or "", call.started_at, call.client_e164, area_of_number(call.client_e164, plan)
        )
        for call in session.scalars(
            select(CallRow)
            .join(AttributionRow, AttributionRow.call_id == CallRow.id)
            .where(AttributionRow.site_id == site_id, CallRow.started_at > since)
        )
    ]
    if len(calls) < _FEWEST_CALLS:
        return [], [], calls
    held = session.execute(
        select(LeaseRow, VisitRow)
        .join(VisitRow, VisitRow.uid == LeaseRow.visit_uid)
        .where(LeaseRow.site_id == site_id, LeaseRow.since > since)
        .order_by(LeaseRow.since.desc())
        .limit(_MOST_LEASES)
    ).all()
    visits = [VisitFact(v.uid, v.started_at, v.last_seen_at, v.visitor_id, area_of(v.region)) for _, v in held]
    leases = [LeaseFact(one.visit_uid, one.number, one.since, one.until) for one, _ in held]
    return list({visit.id: visit for visit in visits}.values()), leases, calls
