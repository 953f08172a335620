"""Whose visit a call was, as people and programs are told it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tracking import AttributionRow, PageRow, VisitRow
from hub.domain.attribution import Attribution, Candidate, Touch
from hub.domain.codec import from_document
from hub.tracking.live.answers import CLOCKS_DIFFER, touches_before
from hub.tracking.sources import TouchModel, credit


@dataclass(frozen=True, slots=True)
class ShownCandidate:
    """A visit that may have called; `visit` is None when its row was cleaned away."""

    candidate: Candidate
    visit: VisitRow | None

    @property
    def source(self) -> str | None:
        return self.visit.source if self.visit else None

    @property
    def medium(self) -> str | None:
        return self.visit.medium if self.visit else None

    @property
    def campaign(self) -> str | None:
        return self.visit.campaign if self.visit else None


@dataclass(frozen=True, slots=True)
class ShownAttribution:
    answer: Attribution
    candidates: Sequence[ShownCandidate]
    visit: VisitRow | None
    pages: Sequence[PageRow]
    credits: Mapping[str, Sequence[tuple[Touch, float]]]
    """By model (first, last, last_non_direct, linear) the touches that get the call, with their shares."""


def attribution_of(session: Session, call_id: int, called_at: datetime) -> ShownAttribution | None:
    """The kept answer for a call, with the visits it speaks of; None for a call that no site's number was called by."""
    row = session.get(AttributionRow, call_id)
    if row is None:
        return None
    answer = from_document(row.document, Attribution)
    uids = [candidate.visit_id for candidate in answer.candidates]
    visits = {visit.uid: visit for visit in session.scalars(select(VisitRow).where(VisitRow.uid.in_(uids)))}
    chosen = visits.get(answer.visit_id or "")
    pages = pages_of(session, chosen.uid, until=called_at + CLOCKS_DIFFER) if chosen else []
    shown = [ShownCandidate(candidate, visits.get(candidate.visit_id)) for candidate in answer.candidates]
    return ShownAttribution(answer, shown, chosen, pages, _credits(session, chosen, called_at + CLOCKS_DIFFER))


def _credits(session: Session, visit: VisitRow | None, until: datetime) -> Mapping[str, Sequence[tuple[Touch, float]]]:
    if visit is None:
        return {}
    touches = touches_before(session, visit, until)
    return {str(model): credit(touches, until, model) for model in TouchModel}


def pages_of(session: Session, visit_uid: str, *, until: datetime | None = None, most: int = 50) -> Sequence[PageRow]:
    """The pages of a visit in the order they were looked at."""
    query = select(PageRow).where(PageRow.visit_uid == visit_uid)
    if until is not None:
        query = query.where(PageRow.at <= until)
    return session.scalars(query.order_by(PageRow.at, PageRow.id).limit(most)).all()
