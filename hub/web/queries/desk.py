"""What one employee has before them: calls that are going on, who is calling, and who waits to be called back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.db.callbacks import OPEN_STATES, CallbackRow
from hub.web.queries.callers import EarlierCalls, KnownParty, earlier_calls, keyword_of, parties_of
from hub.web.queries.calls import CallFilter, ListedCall, Seat, list_calls

_MOST_LIVE = 10
_MOST_RECENT = 15
_MOST_CALLBACKS = 30
_A_LIVE_CALL_IS_YOUNGER = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class CallerCard:
    """A call that is going on, and what is known of who calls. `is_ringing` here; else somebody talks."""

    listed: ListedCall
    is_ringing: bool
    is_talking: bool
    parties: Sequence[KnownParty]
    earlier: EarlierCalls
    keyword: str


@dataclass(frozen=True, slots=True)
class Desk:
    live: Sequence[CallerCard]
    callbacks: Sequence[CallbackRow]
    recent: Sequence[ListedCall]


def desk_of(session: Session, workspace_id: int, region: str, seats: Sequence[Seat], now: datetime) -> Desk:
    """Everything of the seats; the callbacks are those asked of them, and those that nobody was asked for by name."""
    going_on = CallFilter(seats=seats, is_open=True, since=now - _A_LIVE_CALL_IS_YOUNGER)
    live = list_calls(session, workspace_id, region, going_on, cursor=None, limit=_MOST_LIVE).items
    recent = list_calls(session, workspace_id, region, CallFilter(seats=seats), cursor=None, limit=_MOST_RECENT).items
    cards = [_card(session, workspace_id, listed, seats) for listed in live]
    return Desk(cards, _callbacks(session, workspace_id, seats) if seats else [], recent)


def _card(session: Session, workspace_id: int, listed: ListedCall, seats: Sequence[Seat]) -> CallerCard:
    call = listed.call
    mine = {seat.extension for seat in seats if seat.connection in (None, listed.connection)}
    return CallerCard(
        listed,
        is_ringing=bool(mine.intersection(map(str, call.facts.get("ringing") or ()))),
        is_talking=call.answered_by in mine,
        parties=parties_of(session, workspace_id, call.client_e164),
        earlier=earlier_calls(session, workspace_id, call.client_e164, call.started_at, most=3),
        keyword=keyword_of(session, call),
    )


def _callbacks(session: Session, workspace_id: int, seats: Sequence[Seat]) -> Sequence[CallbackRow]:
    asked_of_them = CallbackRow.extension.in_([seat.extension for seat in seats])
    query = select(CallbackRow).where(
        CallbackRow.workspace_id == workspace_id,
        CallbackRow.state.in_(OPEN_STATES),
        or_(asked_of_them, CallbackRow.extension.is_(None)),
    )
    return session.scalars(query.order_by(CallbackRow.due_at, CallbackRow.id).limit(_MOST_CALLBACKS)).all()
