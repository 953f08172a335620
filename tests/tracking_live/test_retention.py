"""Visits go when their site's time is over, with all that was seen of them, and nothing else goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.db.tables import Base
from hub.db.tracking import AttributionRow, FormReport, LeaseRow, PageRow, TouchRow, VisitRow
from hub.tracking.live import retention
from tests.tracking_live.conftest import CHROME, ORIGIN, Hub
from tests.tracking_live.ringing import Ring, runtime_of


def counts(hub: Hub) -> dict[str, int]:
    tables: tuple[type[Base], ...] = (VisitRow, TouchRow, PageRow, LeaseRow, FormReport, AttributionRow)
    with hub.database.reading() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


@pytest.fixture
def sweep(hub: Hub, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sweep at the moment that the test's clock shows."""
    monkeypatch.setattr(retention, "database_now", lambda _session: hub.clock())
    return lambda: retention.sweep_visits(runtime_of(hub, settings), batch=1)


def test_old_visits_go_with_what_was_seen_of_them_and_answers_stay(hub: Hub, ring: Ring, sweep: Any) -> None:
    hub.setup(retention_days=40)
    old = [hub.arrive() for _ in range(3)]
    around: Any = type("Around", (), {"address": "10.0.0.1", "user_agent": CHROME, "origin": ORIGIN})()
    hub.visitors.report(hub.site, {"v": old[0]["visit"], "form": "order", "fields": {"phone": "89001234567"}}, around)
    ring(old[0]["number"])
    hub.write()
    hub.clock.pass_time(days=39)
    assert sweep() == 0
    hub.arrive()
    hub.write()
    hub.clock.pass_time(days=2)
    assert sweep() == 3
    assert counts(hub) == {
        "visits": 1, "touches": 1, "visit_pages": 1, "leases": 1, "form_reports": 0, "attributions": 1,
    }  # fmt: skip
    assert sweep() == 0


def test_a_visit_that_still_lives_is_not_old(hub: Hub, sweep: Any) -> None:
    hub.setup(retention_days=31)
    hub.arrive()
    hub.write()
    with hub.database.transaction() as session:
        session.scalars(select(VisitRow)).one().last_seen_at = hub.clock() + timedelta(days=40)
    hub.clock.pass_time(days=50)
    assert sweep() == 0
