"""Whose call is this? The facts of one call from the rows, the posterior's answer, and what a CRM may be told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.db.tables import CallRow, Workspace
from hub.db.tracking import AttributionRow, FormReport, LeaseRow, PageRow, SiteNumber, SiteRow, TouchRow, VisitRow
from hub.domain.attribution import Attribution, CallFact, EarlierCall, LeaseFact, Model, Touch, VisitFact
from hub.domain.codec import from_document, to_document
from hub.domain.party import PageView, Source, VisitStory
from hub.tracking.attribution import DelayLaw, attribute_one, earlier_call, prior_law
from hub.tracking.attribution.answer import lost
from hub.tracking.attribution.told import told
from hub.tracking.live.rules import rules_of
from hub.tracking.places import area_of
from hub.tracking.sources import TouchModel, credit

LOOKS_BACK = timedelta(days=30)
CLOCKS_DIFFER = timedelta(seconds=5)
"""A PBX tells whole seconds of its own clock (mango.md §2): what began this little after a call began before it."""
_MOST_CANDIDATES = 2000
_MOST_EARLIER_CALLS = 20
_MOST_PAGES = 10
_MOST_TOUCHES = 50
_CERTAIN_FROM = 0.95


@dataclass(frozen=True, slots=True)
class AskedCall:
    """`call_id` is the row's id; `number` the called one and `client` the caller, both E.164.

    `area` is where the caller's number is from, as `hub.tracking.places` names it; None when that is not known.
    """

    call_id: int
    workspace_id: int
    number: str
    at: datetime
    client: str | None
    area: str | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """`source` and `visit` are None when it is honestly unknown who called."""

    attribution: Attribution
    site_id: int
    source: Source | None
    visit: VisitStory | None


def site_of_number(session: Session, workspace_id: int, number: str, at: datetime) -> SiteRow | None:
    """The site whose pool had `number` at `at`, or last before; else the one that shows it to everybody."""
    site_id = session.scalar(
        select(SiteNumber.site_id)
        .where(
            SiteNumber.workspace_id == workspace_id, SiteNumber.number == number, SiteNumber.since <= at + CLOCKS_DIFFER
        )
        .order_by(SiteNumber.usable_from > at + CLOCKS_DIFFER, SiteNumber.since.desc())
        .limit(1)
    )
    if site_id is not None:
        return session.get(SiteRow, site_id)
    shown = or_(SiteRow.default_number == number, SiteRow.post_default_number == number)
    return session.scalar(select(SiteRow).where(SiteRow.workspace_id == workspace_id, shown).order_by(SiteRow.id))


def answer_call(session: Session, site: SiteRow, asked: AskedCall) -> Answered:
    """Answer for a call to one of `site`'s numbers and keep the answer, in the transaction that changes the call."""
    fact = CallFact(str(asked.call_id), asked.number, asked.at, client=asked.client, region=asked.area)
    attribution = _attribute(session, site, asked, fact)
    _keep(session, site, asked, attribution)
    if attribution.visit_id is None:
        return Answered(attribution, site.id, None, None)
    visit = session.scalar(select(VisitRow).where(VisitRow.uid == attribution.visit_id))
    if visit is None:
        return Answered(attribution, site.id, None, None)
    until = asked.at + CLOCKS_DIFFER
    touch = _touch(session, site, visit, until)
    source = _source(touch, attribution, _locale(session, site))
    return Answered(attribution, site.id, source, _story(session, visit, until))


def answer_callback(session: Session, site: SiteRow, asked: AskedCall, visit_uid: str) -> Answered:
    """The same for a call that a visitor of `site` asked for: there is nothing to be guessed."""
    fact = CallFact(
        str(asked.call_id), asked.number, asked.at, asked.client, known_visit_id=visit_uid, known_by=Model.CALLBACK
    )
    attribution = attribute_one(fact, (), law_of(site))
    _keep(session, site, asked, attribution)
    evidence = _evidence(attribution, _locale(session, site))
    source, story = visit_behind(session, site, visit_uid, asked.at, evidence)
    return Answered(attribution, site.id, source, story)


def visit_behind(
    session: Session, site: SiteRow, visit_uid: str, at: datetime, evidence: str
) -> tuple[Source | None, VisitStory | None]:
    """Where a visit that is known for certain came from, and what it looked at until `at`."""
    visit = session.scalar(select(VisitRow).where(VisitRow.uid == visit_uid, VisitRow.site_id == site.id))
    if visit is None:
        return None, None
    until = at + CLOCKS_DIFFER
    touch = _touch(session, site, visit, until)
    certain = Attribution("", Model.CALLBACK, visit_uid, 1.0, evidence=(evidence,))
    return replace(_source(touch, certain, "en"), evidence=evidence), _story(session, visit, until)


def _attribute(session: Session, site: SiteRow, asked: AskedCall, fact: CallFact) -> Attribution:
    if asked.number in {site.default_number, site.post_default_number}:
        found = lost(fact)
    else:
        history = _earlier_calls(session, asked)
        found = attribute_one(fact, _candidates(session, asked), law_of(site), history)
    if found.is_answered:
        return found
    form = _form_of(session, asked)
    if form is None:
        return found
    known = CallFact(fact.id, fact.number, fact.at, fact.client, known_visit_id=form, known_by=Model.FORM)
    return attribute_one(known, (), law_of(site))


def law_of(site: SiteRow) -> DelayLaw:
    """The delay law that was learned from this site's calls, or what is believed before."""
    try:
        return DelayLaw.from_document(site.law) if site.law else prior_law()
    except (ValueError, TypeError, KeyError):
        return prior_law()  # it was learned by another version; the next night learns it anew


def _candidates(session: Session, asked: AskedCall) -> list[tuple[VisitFact, LeaseFact]]:
    rows = session.execute(
        select(LeaseRow, VisitRow)
        .join(VisitRow, VisitRow.uid == LeaseRow.visit_uid)
        .where(
            LeaseRow.workspace_id == asked.workspace_id,
            LeaseRow.number == asked.number,
            LeaseRow.until > asked.at - LOOKS_BACK,
            LeaseRow.since <= asked.at + CLOCKS_DIFFER,
        )
        .order_by(LeaseRow.until.desc())
        .limit(_MOST_CANDIDATES)
    )
    return [(_visit_fact(visit, lease, asked.at), _lease_fact(lease, asked.at)) for lease, visit in rows]


def _visit_fact(visit: VisitRow, lease: LeaseRow, at: datetime) -> VisitFact:
    """A lease that still runs says that its page is there, more freshly than the visit's own row does."""
    last_seen = None if lease.until > at else max(visit.last_seen_at, lease.since)
    return VisitFact(visit.uid, min(visit.started_at, at), last_seen, visit.visitor_id, area_of(visit.region))


def _lease_fact(lease: LeaseRow, at: datetime) -> LeaseFact:
    return LeaseFact(lease.visit_uid, lease.number, min(lease.since, at), lease.until)


def _earlier_calls(session: Session, asked: AskedCall) -> list[EarlierCall]:
    if asked.client is None:
        return []
    rows = session.execute(
        select(AttributionRow.document, CallRow.line, CallRow.started_at)
        .join(CallRow, CallRow.id == AttributionRow.call_id)
        .where(
            CallRow.workspace_id == asked.workspace_id,
            CallRow.client_e164 == asked.client,
            CallRow.started_at < asked.at,
            CallRow.started_at > asked.at - LOOKS_BACK,
            CallRow.id != asked.call_id,
        )
        .order_by(CallRow.started_at.desc())
        .limit(_MOST_EARLIER_CALLS)
    )
    return [
        earlier_call(CallFact("", line or "", at, asked.client), from_document(document, Attribution))
        for document, line, at in rows
    ]


def _form_of(session: Session, asked: AskedCall) -> str | None:
    """The visit of the newest form in which this client left their number before the call."""
    if asked.client is None:
        return None
    return session.scalar(
        select(FormReport.visit_uid)
        .where(
            FormReport.workspace_id == asked.workspace_id,
            FormReport.phone_e164 == asked.client,
            FormReport.at <= asked.at,
            FormReport.at > asked.at - LOOKS_BACK,
        )
        .order_by(FormReport.at.desc())
        .limit(1)
    )


def _keep(session: Session, site: SiteRow, asked: AskedCall, attribution: Attribution) -> None:
    row = session.get(AttributionRow, asked.call_id)
    if row is None:
        row = AttributionRow(call_id=asked.call_id, workspace_id=asked.workspace_id)
        session.add(row)
    row.site_id, row.visit_uid, row.model = site.id, attribution.visit_id, attribution.model
    row.probability, row.document = attribution.probability, to_document(attribution)
    row.called_at, row.stale = asked.at, False


# --- What may be told --------------------------------------------------------------------------------


def touches_before(session: Session, visit: VisitRow, at: datetime) -> list[tuple[datetime, Touch]]:
    """The visitor's touches up to `at`, the newest first; visits of one browser count together."""
    query = select(TouchRow).where(TouchRow.at <= at)
    if visit.visitor_id:
        ours = select(VisitRow.uid).where(VisitRow.site_id == visit.site_id, VisitRow.visitor_id == visit.visitor_id)
        query = query.where(TouchRow.visit_uid.in_(ours))
    else:
        query = query.where(TouchRow.visit_uid == visit.uid)
    rows = session.scalars(query.order_by(TouchRow.at.desc()).limit(_MOST_TOUCHES))
    return [(row.at, _touch_of(row)) for row in rows]


def _touch(session: Session, site: SiteRow, visit: VisitRow, at: datetime) -> Touch:
    """The touch that a CRM is told of, by the site's model."""
    credited = credit(touches_before(session, visit, at), at, TouchModel(rules_of(site.settings).touch_model))
    return credited[0][0] if credited else Touch(visit.source or "(direct)", visit.medium or "(none)", visit.campaign)


def _touch_of(row: TouchRow) -> Touch:
    return Touch(row.source, row.medium, row.campaign, row.content, row.term, click_ids=row.click_ids or {})


def _source(touch: Touch, attribution: Attribution, locale: str) -> Source:
    return Source(
        source=touch.source[:200],
        medium=touch.medium[:200],
        campaign=touch.campaign[:200] if touch.campaign else None,
        content=touch.content,
        term=touch.term,
        evidence=_evidence(attribution, locale),
        certain=attribution.probability >= _CERTAIN_FROM,
    )


def _evidence(attribution: Attribution, locale: str) -> str:
    """For the CRM, so in the workspace's language."""
    return f"{attribution.probability:.0%}: " + "; ".join(told(one, locale) for one in attribution.evidence)


def _locale(session: Session, site: SiteRow) -> str:
    return session.get_one(Workspace, site.workspace_id).locale


def _story(session: Session, visit: VisitRow, at: datetime) -> VisitStory:
    pages: Sequence[PageRow] = session.scalars(
        select(PageRow)
        .where(PageRow.visit_uid == visit.uid, PageRow.at <= at)
        .order_by(PageRow.at.desc(), PageRow.id.desc())
        .limit(_MOST_PAGES)
    ).all()
    return VisitStory(
        started_at=visit.started_at,
        landing_url=visit.landing_url,
        referrer=visit.referrer,
        pages=tuple(PageView(page.at, page.url, page.title) for page in reversed(pages)),
    )
