"""Log-ins under way, kept in the browser's signed session: each is good once, and for ten minutes."""

from __future__ import annotations

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from flask import session

from hub.web.oidc.provider import Attempt, Identity

_MINUTES = timedelta(minutes=10)
_TABS = 3
"""So many may be under way at once in one browser: a cookie has little room."""
_ATTEMPTS = "oidc_attempts"
_ARRIVAL = "oidc_arrival"
_LONGEST_PATH = 400


def begin(wanted: str, redirect_uri: str, now: datetime) -> Attempt:
    """A new attempt, remembered together with where the person wanted to go."""
    attempt = Attempt(
        secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), redirect_uri
    )  # fmt: skip
    kept = [row for row in _rows() if _is_fresh(row[-1], now)][-(_TABS - 1) :]
    path = wanted if len(json.dumps(wanted)) <= _LONGEST_PATH else ""
    row = [attempt.state, attempt.nonce, attempt.verifier, redirect_uri, path, int(now.timestamp())]
    session[_ATTEMPTS] = [*kept, row]
    return attempt


def take(state: str, now: datetime) -> tuple[Attempt, str] | None:
    """The attempt of that state and where it leads; None when there is none, it is too old, or it was taken before."""
    rows = _rows()
    found = next((row for row in rows if secrets.compare_digest(str(row[0]).encode(), state.encode())), None)
    session[_ATTEMPTS] = [row for row in rows if row is not found]
    if found is None or not _is_fresh(found[-1], now):
        return None
    return Attempt(*found[:4]), found[4]


def _rows() -> list[list[Any]]:
    rows: list[list[Any]] = session.get(_ATTEMPTS, [])
    return rows


def _is_fresh(moment: int, now: datetime) -> bool:
    return timedelta(0) <= now - datetime.fromtimestamp(moment, tz=now.tzinfo) < _MINUTES


def keep_arrival(identity: Identity, wanted: str, now: datetime) -> None:
    """Remember who has arrived while they choose the workspace."""
    session[_ARRIVAL] = [identity.issuer, identity.subject, identity.email, wanted, int(now.timestamp())]


def arrival(now: datetime) -> tuple[Identity, str] | None:
    """Who has arrived and where they wanted to go; None after ten minutes."""
    row = session.get(_ARRIVAL)
    if row is None or not _is_fresh(row[-1], now):
        return None
    return Identity(*row[:3]), row[3]
