"""What the CRMs are told of a request, in the transaction that changes it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.callbacks.store import more_of
from hub.callbacks.words import say, say_moment
from hub.db.callbacks import CallbackRow
from hub.db.tables import Workspace
from hub.db.tracking import SiteRow
from hub.delivery.requests import AskedOf, deliver_request
from hub.domain.intents import FormFacts
from hub.domain.party import Party, Source, VisitStory
from hub.domain.phone import Phone
from hub.runtime import Runtime
from hub.tracking.live.answers import visit_behind
from mapping.request import Request

_EVIDENCE = {"ru": "посетитель сам попросил перезвонить", "en": "the visitor asked for this call"}


def tell_crms(session: Session, runtime: Runtime, row: CallbackRow) -> None:
    """The request is a card with visit and source at once; one that has failed leaves a task."""
    site = _site_of(session, row)
    if site is not None and row.visit is not None:
        runtime.carry_journal(session, site.id)
    deliver_request(session, runtime, row, asked_of(session, row))


def asked_of(session: Session, row: CallbackRow) -> AskedOf:
    """The request as the planner is told of it. Reads only."""
    workspace = session.get_one(Workspace, row.workspace_id)
    site = _site_of(session, row)
    source, visit = _where_from(session, row, site, workspace)
    more = more_of(row)
    form = FormFacts(
        sent_at=row.created_at,
        name=row.name or "",
        comment=row.comment or "",
        site=site.name if site is not None else "",
        page=row.page or "",
        referrer=more.referrer,
        ip=more.ip,
    )
    failed = say(workspace.locale, f"failed_{row.failed_because}") if row.state == "failed" else None
    at = row.scheduled_for
    words = say_moment(workspace.locale, at, row.created_at, workspace.timezone) if at else ""
    request = Request(Phone(row.e164, row.e164), form, words, failed, row.closed_at)
    party = {more.party.connection_id: Party(more.party.kind, more.party.id)} if more.party else {}
    return AskedOf(request, source, visit, party)


def _site_of(session: Session, row: CallbackRow) -> SiteRow | None:
    return session.scalar(
        select(SiteRow).where(SiteRow.workspace_id == row.workspace_id, SiteRow.key == (row.site or ""))
    )


def _where_from(
    session: Session, row: CallbackRow, site: SiteRow | None, workspace: Workspace
) -> tuple[Source | None, VisitStory | None]:
    """The visit's own source; without a visit, what the program that asked says of it."""
    evidence = _EVIDENCE["ru" if workspace.locale == "ru" else "en"]
    source: Source | None = None
    visit: VisitStory | None = None
    if site is not None and row.visit is not None:
        source, visit = visit_behind(session, site, row.visit, row.created_at, evidence)
    utm = more_of(row).utm
    if source is None and utm.get("utm_source"):
        source = Source(
            source=utm["utm_source"],
            medium=utm.get("utm_medium"),
            campaign=utm.get("utm_campaign"),
            content=utm.get("utm_content"),
            term=utm.get("utm_term"),
            evidence=evidence,
        )
    return source, visit
