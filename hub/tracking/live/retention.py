"""Visits are kept as long as their site says, and then go with all that was seen of them."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.engine import database_now
from hub.db.tracking import FormReport, LeaseRow, PageRow, SiteRow, TouchRow, VisitRow
from hub.runtime import Runtime
from hub.tracking.live.rules import rules_of

log = structlog.get_logger()

BATCH = 500
MOST_BATCHES = 200


def sweep_visits(runtime: Runtime, *, batch: int = BATCH) -> int:
    """Delete the visits that are older than their site's `retention_days`; returns how many went.

    Each batch is a transaction of its own, so that nobody waits for long. Answers for calls stay: they name a visit
    that is not there any more.
    """
    with runtime.database.reading() as session:
        now = database_now(session)
        limits = {row.id: now - timedelta(days=rules_of(row.settings).retention_days) for row in _sites(session)}
    gone = sum(_sweep_site(runtime, site_id, limit, batch) for site_id, limit in limits.items())
    if gone:
        log.info("old_visits_deleted", visits=gone)
    return gone


def _sites(session: Session) -> list[SiteRow]:
    return list(session.scalars(select(SiteRow).order_by(SiteRow.id)))


def _sweep_site(runtime: Runtime, site_id: int, limit: datetime, batch: int) -> int:
    gone = 0
    for _ in range(MOST_BATCHES):
        with runtime.database.transaction() as session:
            deleted = _sweep_batch(session, site_id, limit, batch)
        gone += deleted
        if deleted < batch:
            break
    return gone


def _sweep_batch(session: Session, site_id: int, limit: datetime, batch: int) -> int:
    """A visit that still gives a sign of life is not old, whenever it began."""
    old = session.execute(
        select(VisitRow.id, VisitRow.uid)
        .where(VisitRow.site_id == site_id, VisitRow.started_at < limit, VisitRow.last_seen_at < limit)
        .order_by(VisitRow.started_at, VisitRow.id)
        .limit(batch)
    ).all()
    uids = [row.uid for row in old]
    for table in (TouchRow, PageRow, LeaseRow, FormReport):
        session.execute(delete(table).where(table.visit_uid.in_(uids)).execution_options(synchronize_session=False))
    ids = [row.id for row in old]
    session.execute(delete(VisitRow).where(VisitRow.id.in_(ids)).execution_options(synchronize_session=False))
    return len(old)
