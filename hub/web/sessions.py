"""The session cookie: signed, renewed by each page, untouched by pictures and scripts, over at last.

A session ends when nothing was asked for `IDLE`, by the signature's own time; and `LONGEST` after the
log-in, however busy it was.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface, SessionMixin

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
_SINCE = "since"


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, but a file answered late does not bring back the session that a log-out has ended."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        endpoint = request.endpoint or ""
        return not endpoint.endswith("static") and super().should_set_cookie(app, session)


def note_beginning(now: datetime) -> None:
    """Say that the session of this request begins now."""
    session[_SINCE] = int(now.timestamp())


def has_lasted(now: datetime) -> bool:
    """Whether the session of this request has had its time; one that does not know its beginning has."""
    since = session.get(_SINCE)
    if not isinstance(since, int):
        return True
    return now - datetime.fromtimestamp(since, tz=now.tzinfo) >= LONGEST
