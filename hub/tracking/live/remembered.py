"""What Redis remembers of a visit between two requests; read from the rows when it has forgotten."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from hub.db.engine import Database
from hub.db.tracking import VisitRow

VISIT_ENDS_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Remembered:
    """`fixed`: the number it sees instead of one of its own, "-" for the default one, "" when it may have its own.
    `touch` is the last touch, in short."""

    region: str
    fixed: str
    visitor: str
    touch: str

    def with_touch(self, touch: str) -> Remembered:
        return replace(self, touch=touch)


def forget_less_than(idle_seconds: int) -> int:
    """For how many seconds a visit without a sign of life may go on as the same one."""
    return max(int(VISIT_ENDS_AFTER.total_seconds()), idle_seconds * 2)


def read_remembered(kept: Any) -> Remembered | None:
    return Remembered(**json.loads(kept)) if kept else None


def recall_from_rows(database: Database, site_id: int, visit: str, now: datetime) -> Remembered | None:
    """A visit that Redis lost, as long as it has not ended; its number is a dynamic one again."""
    with database.reading() as session:
        row = session.scalar(
            select(VisitRow).where(
                VisitRow.uid == visit, VisitRow.site_id == site_id, VisitRow.last_seen_at > now - VISIT_ENDS_AFTER
            )
        )
    if row is None:
        return None
    return Remembered(row.region or "", "", row.visitor_id or "", f"{row.source}|{row.medium}|{row.campaign or ''}")
