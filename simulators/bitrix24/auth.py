"""Tokens of a portal: how pairs are issued, replaced and recognised (bitrix24.md §1)."""

from __future__ import annotations

from .errors import RestError
from .methods import Caller
from .portal import Grant, Portal, new_secret

ACCESS_SECONDS = 3600
REFRESH_SECONDS = 180 * 86400
CODE_SECONDS = 30
_EARLY_SECONDS = 600


def issue(portal: Portal, user_id: int, *, with_refresh: bool = True) -> Grant:
    """A new pair for a user of the portal; an event's tokens come without the right to refresh."""
    now = portal.clock()
    # Every event brings a token; those that are over would only make the search longer.
    portal.grants[:] = [one for one in portal.grants if one.refresh or now < one.expires_at]
    grant = Grant(
        access=new_secret(70),
        refresh=new_secret(70) if with_refresh else "",
        user_id=user_id,
        scope=portal.app.scope,
        expires_at=now + ACCESS_SECONDS,
        refresh_expires_at=now + REFRESH_SECONDS,
    )
    portal.grants.append(grant)
    return grant


def issue_code(portal: Portal, user_id: int) -> str:
    """A code of the authorisation step: 30 seconds, one use."""
    code = new_secret(60)
    portal.codes[code] = (user_id, portal.clock() + CODE_SECONDS)
    return code


def exchange_code(portal: Portal, code: str) -> Grant:
    """Gives the pair for a code. Raises `RestError` invalid_grant for a late or used one."""
    user_id, expires_at = portal.codes.pop(code, (0, 0.0))
    if portal.clock() >= expires_at:
        raise invalid_grant()
    return issue(portal, user_id)


def refresh(portal: Portal, refresh_token: str) -> Grant:
    """Replaces a pair; the old one is dead from now on. Raises `RestError` invalid_grant.

    In grace mode the replaced token may be shown again for a while and gives the same new pair.
    """
    now = portal.clock()
    grant = next((one for one in portal.grants if one.refresh and one.refresh == refresh_token), None)
    if grant is None or now >= grant.refresh_expires_at:
        raise invalid_grant()
    if grant.dead_since is not None:
        portal.offence("refresh_token_reused", "a refresh token was sent again after it had been replaced")
        return _within_grace(portal, grant, now)
    if grant.expires_at - now > _EARLY_SECONDS:
        portal.offence("refresh_before_expiry", f"the access token was good for {int(grant.expires_at - now)} s more")
    grant.dead_since = now
    grant.successor = issue(portal, grant.user_id)
    return grant.successor


def invalid_grant() -> RestError:
    """What the auth server says to a code or refresh token that is expired, used or unknown."""
    return RestError(400, "invalid_grant", "Invalid grant")


def caller_of_token(portal: Portal, token: str) -> Caller:
    """Who an access token speaks for. Raises `RestError` 401 expired_token or NO_AUTH_FOUND."""
    grant = next((one for one in portal.grants if one.access == token), None)
    if not token or grant is None or portal.app.removed:
        raise no_auth()
    user = portal.users.get(grant.user_id)
    if user is None or not user.active:
        raise no_auth()
    if grant.dead_since is not None and not _grace(portal):
        raise RestError(401, portal.settings.rotated_access_error, "The access token was replaced by a refresh")
    if portal.clock() >= grant.expires_at:
        raise RestError(401, "expired_token", "The access token provided has expired.")
    return Caller(user, portal.app.client_id, is_app=True, scope=grant.scope, token=token)


def caller_of_webhook(portal: Portal, user_id: str, secret: str) -> Caller:
    """Who an inbound webhook speaks for. Raises `RestError` 401 NO_AUTH_FOUND."""
    number = int(user_id) if user_id.isdigit() else 0
    scope = portal.webhooks.get((number, secret))
    user = portal.users.get(number)
    if scope is None or user is None or not user.active:
        raise no_auth()
    return Caller(user, f"webhook.{number}", is_app=False, scope=scope, token="")


def no_auth() -> RestError:
    """What the portal says to a token or webhook that it does not know."""
    return RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")


def _grace(portal: Portal) -> bool:
    return portal.settings.refresh_mode == "grace"


def _within_grace(portal: Portal, grant: Grant, now: float) -> Grant:
    replaced_at = grant.dead_since or 0.0
    if not _grace(portal) or grant.successor is None or now - replaced_at > portal.settings.grace_seconds:
        raise invalid_grant()
    return grant.successor
