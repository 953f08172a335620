"""The rows of callbacks: rules, stories, what was asked, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.callbacks.budgets import Earlier
from hub.callbacks.request import More
from hub.callbacks.rules import Rules
from hub.callbacks.words import say
from hub.db.callbacks import (
    OPEN_STATES,
    CallbackAsk,
    CallbackDay,
    CallbackRow,
    CallbackRules,
    CallbackState,
    CallbackStep,
)
from hub.db.tables import CallRow, Workspace
from hub.domain.call import Call
from hub.domain.codec import from_document
from hub.net.upserts import insert_into

ACCEPTED, MERGED = "accepted", "merged"


def read_rules(session: Session, workspace_id: int) -> tuple[Rules, str | None]:
    """The workspace's rules, and why calling back is switched off (None while it is on)."""
    row = session.get(CallbackRules, workspace_id)
    if row is None:
        return Rules(), None
    return from_document(row.document, Rules), (row.stopped_because or "-") if row.stopped else None


def open_request(session: Session, workspace_id: int, e164: str, *, lock: bool = False) -> CallbackRow | None:
    """The number's open request."""
    query = select(CallbackRow).where(
        CallbackRow.workspace_id == workspace_id, CallbackRow.e164 == e164, CallbackRow.state.in_(OPEN_STATES)
    )
    return session.scalar(query.with_for_update() if lock else query)


def tell(session: Session, row: CallbackRow, at: datetime, key: str, **values: object) -> None:
    """Add a line to the request's story, in the workspace's language."""
    locale = session.scalars(select(Workspace.locale).where(Workspace.id == row.workspace_id)).one()
    words = say(locale, key, **values)
    session.add(CallbackStep(callback_id=row.id, at=at, state=row.state, words=words[:500]))


def steps_of(session: Session, callback_id: int) -> Sequence[CallbackStep]:
    query = select(CallbackStep).where(CallbackStep.callback_id == callback_id).order_by(CallbackStep.id)
    return session.scalars(query).all()


def close(row: CallbackRow, state: CallbackState, at: datetime, because: str | None = None) -> None:
    row.state, row.failed_because, row.closed_at, row.command_uid = state, because, at, None


def more_of(row: CallbackRow) -> More:
    return from_document(row.more, More)


def call_of(session: Session, row: CallbackRow) -> Call | None:
    """The PBX's call of the ringing under way, as far as it was heard of."""
    found = session.get(CallRow, row.call_id) if row.call_id is not None else None
    return from_document(found.facts, Call) if found is not None and found.facts else None


# --- What was asked ---------------------------------------------------------------------------------------


def note_ask(
    session: Session, at: datetime, workspace_id: int, outcome: str, *, e164: str | None, **who: str | None
) -> None:
    """`who`: site, ip, visitor."""
    session.add(CallbackAsk(workspace_id=workspace_id, at=at, e164=e164, outcome=outcome, **who))


def earlier_asks(
    session: Session, workspace_id: int, scopes: dict[str, str | None], longest: timedelta, now: datetime
) -> dict[str, Sequence[Earlier]]:
    """Scope to what was asked in it: `scopes` has each one's value, None is left out.

    What a budget refused is not counted, or a limit that was hit once would never end. What was merged into an
    open request costs nothing, but many of them say that somebody plays with the number.
    """
    columns: dict[str, Any] = {
        "number": CallbackAsk.e164,
        "ip": CallbackAsk.ip,
        "visitor": CallbackAsk.visitor,
        "site": CallbackAsk.site,
    }
    found: dict[str, Sequence[Earlier]] = {}
    for scope, value in scopes.items():
        if value is None:
            continue
        query = select(CallbackAsk.at, CallbackAsk.e164).where(
            CallbackAsk.workspace_id == workspace_id,
            CallbackAsk.at > now - longest,
            CallbackAsk.outcome.in_((ACCEPTED, MERGED) if scope == "number" else (ACCEPTED,)),
        )
        if scope in columns:
            query = query.where(columns[scope] == value)
        found[scope] = [(row.at, row.e164) for row in session.execute(query)]
    return found


# --- What it costs ----------------------------------------------------------------------------------------


def local_day(now: datetime, zone: str) -> date:
    return now.astimezone(ZoneInfo(zone)).date()


def spend(session: Session, workspace_id: int, day: date, cost: int, cap: int) -> bool:
    """Count one ringing; False, and nothing counted, when it would go over the day's `cap` (0: no cap)."""
    values = {"workspace_id": workspace_id, "day": day, "calls": 0, "cost": 0}
    session.execute(insert_into(session, CallbackDay).values(**values).on_conflict_do_nothing())
    mine = (CallbackDay.workspace_id == workspace_id, CallbackDay.day == day)
    within = (CallbackDay.cost + cost <= cap,) if cap else ()
    counted = session.execute(
        update(CallbackDay)
        .where(*mine, *within)
        .values(calls=CallbackDay.calls + 1, cost=CallbackDay.cost + cost)
        .execution_options(synchronize_session=False)
    )
    return bool(counted.rowcount)  # type: ignore[attr-defined]


def spent_today(session: Session, workspace_id: int, day: date) -> int:
    row = session.get(CallbackDay, (workspace_id, day))
    return row.cost if row is not None else 0
