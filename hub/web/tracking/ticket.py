"""When a callback form was handed out, signed: nobody fills one in and presses its button within a second.

The bound is low on purpose. A browser that fills in the number by itself leaves a person to tick the consent and to
press the button, which takes longer; the script waits for the rest of the second on its own, so that no visitor
meets the refusal. Who sends no ticket, as a site's own form may, is held by the budgets alone
(callback-practice.md §7).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

SOONEST = timedelta(seconds=1)
_SALT = "callback form"


def hand_out(site: str, now: datetime) -> str:
    """A ticket that says when the form of `site` was handed out."""
    return str(_signer().dumps([site, now.timestamp()]))


def is_too_soon(ticket: str, site: str, now: datetime) -> bool:
    """Whether a good ticket says so. What is no ticket of this site's says nothing."""
    try:
        said_site, moment = _signer().loads(ticket)
    except (BadSignature, TypeError, ValueError):
        return False
    age_seconds = now.timestamp() - moment
    return bool(said_site == site and 0 <= age_seconds < SOONEST.total_seconds())


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=_SALT)
