"""The session cookie: signed, renewed by each page, untouched by pictures and scripts."""

from __future__ import annotations

from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookie, but a file answered late does not bring back the session that a log-out has ended."""

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        endpoint = request.endpoint or ""
        return not endpoint.endswith("static") and super().should_set_cookie(app, session)
