"""The flags of a call by the rules of the site whose number was called."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow, Provisioned
from hub.db.tracking import AttributionRow, SiteRow
from hub.domain.events import Direction
from hub.tracking.attribution.quality import Flags, QualityRules, flags_of
from hub.tracking.attribution.reading import same_number
from hub.tracking.live.rules import SiteRules, rules_of

_MOST_EARLIER = 200


def call_flags(session: Session, row: CallRow, group: str | None) -> Flags | None:
    """Unique, new and good, as far as it is known now; None for a call that no client made.

    `group` is the one that the call went to, if any. A site's rules hold for the calls to its numbers, the usual ones
    for all others.
    """
    if row.direction != Direction.INBOUND:
        return None
    rules = _rules(session, row)
    return flags_of(
        at=row.started_at,
        client=row.client_e164,
        earlier_calls_at=_earlier(session, row),
        talk_seconds=row.talk_seconds,
        group=group,
        line=same_number(row.line) if row.line else None,
        rules=QualityRules(
            least_talk_seconds=rules.quality_seconds,
            groups=rules.quality_groups,
            lines={same_number(line) for line in rules.quality_lines},
            unique_within=timedelta(days=rules.unique_days),
        ),
    )


def _rules(session: Session, row: CallRow) -> SiteRules:
    attributed = select(SiteRow.settings).join(AttributionRow, AttributionRow.site_id == SiteRow.id)
    settings = session.scalar(attributed.where(AttributionRow.call_id == row.id))
    if settings is None and row.line:
        settings = _settings_of_static(session, row.workspace_id, row.line)
    return rules_of(settings or {})


def _settings_of_static(session: Session, workspace_id: int, line: str) -> dict[str, Any] | None:
    """The settings of the site that names `line` as a static number."""
    found = session.execute(
        select(SiteRow.settings, Provisioned.document)
        .join(Provisioned, Provisioned.key == SiteRow.key)
        .where(
            SiteRow.workspace_id == workspace_id,
            Provisioned.workspace_id == workspace_id,
            Provisioned.section == "site",
        )
    )
    for settings, document in found:
        if any(one["number"] == line for one in document.get("static", [])):
            return dict(settings)
    return None


def _earlier(session: Session, row: CallRow) -> list[datetime]:
    if row.client_e164 is None:
        return []
    query = select(CallRow.started_at).where(
        CallRow.workspace_id == row.workspace_id,
        CallRow.client_e164 == row.client_e164,
        CallRow.direction == Direction.INBOUND,
        CallRow.started_at < row.started_at,
    )
    return list(session.scalars(query.order_by(CallRow.started_at.desc()).limit(_MOST_EARLIER)))
