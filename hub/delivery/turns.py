"""Whose turn a duty is: a lease row in database time, so that two schedulers do not do it twice."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from hub.db.engine import Database, database_now
from hub.db.statements import DutyRow
from hub.net.upserts import insert_into


def take_duty(database: Database, name: str, *, every: timedelta, lease: timedelta) -> bool:
    """Whether this process is to do `name` now: it was last done longer than `every` ago, and nobody is at it."""
    return take_duty_since(database, name, not_since=None, every=every, lease=lease)


def take_duty_since(
    database: Database,
    name: str,
    *,
    not_since: datetime | None,
    every: timedelta = timedelta(0),
    lease: timedelta,
) -> bool:
    """The same for a duty that is due when it was not done since a moment, like half past three this morning."""
    with database.transaction() as session:
        now = database_now(session)
        limit = not_since or now - every
        # A new duty counts as done: a connection that was made just now has nothing to make up for.
        session.execute(insert_into(session, DutyRow).values(name=name, done_at=now).on_conflict_do_nothing())
        taken = session.execute(
            update(DutyRow)
            .where(
                DutyRow.name == name,
                or_(DutyRow.lease_until.is_(None), DutyRow.lease_until <= now),
                or_(DutyRow.done_at.is_(None), DutyRow.done_at < limit),
            )
            .values(lease_until=now + lease)
            .execution_options(synchronize_session=False)
        )
        return bool(taken.rowcount)  # type: ignore[attr-defined]


def finish_duty(database: Database, name: str) -> None:
    """It is done; the next turn comes when its time has passed again."""
    with database.transaction() as session:
        _set(session, name, lease_until=None, done_at=database_now(session))


def put_off_duty(database: Database, name: str, pause: timedelta) -> None:
    """It could not be done: nobody need try again before `pause` has passed."""
    with database.transaction() as session:
        put_off(session, name, pause)


def put_off(session: Session, name: str, pause: timedelta) -> None:
    """The same within a transaction."""
    _set(session, name, lease_until=database_now(session) + pause)


def _set(session: Session, name: str, **values: datetime | None) -> None:
    session.execute(update(DutyRow).where(DutyRow.name == name).values(**values))
