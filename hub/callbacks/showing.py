"""A request as outsiders see it."""

from __future__ import annotations

from datetime import datetime

from hub.callbacks.words import say, say_moment
from hub.db.callbacks import CallbackRow, CallbackState


def words_for_visitor(row: CallbackRow, locale: str, now: datetime) -> str:
    """What a page may show of the request's state, in the visitor's language and zone."""
    if row.state == CallbackState.SCHEDULED:
        return say(locale, "later", moment=say_moment(locale, row.scheduled_for or row.due_at, now, row.zone))
    if row.state == CallbackState.REQUESTED and not row.tried:
        return say(locale, "at_once")
    return say(locale, f"state_{row.state}")
