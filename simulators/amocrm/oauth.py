"""Codes and tokens: issued, rotated, recognised (amocrm.md §1.5–§1.8)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from .account import Account, Code, Grant, Integration, User, World, new_secret
from .asking import Caller
from .errors import Problem, oauth_problem
from .jwt import access_jwt, widget_jwt

CODE_SECONDS = 20 * 60
ACCESS_SECONDS = 86400
REFRESH_SECONDS = 90 * 86400
WIDGET_TOKEN_SECONDS = 30 * 60
_EARLY_SECONDS = 3660
_BAD_REQUEST = "The request is missing a required parameter, includes an invalid parameter value, or is malformed."
_REVOKED = "The refresh token is invalid."


def issue_code(world: World, account: Account, client_id: str, user_id: int) -> str:
    """A code of the consent step; the integration is installed by it."""
    code = f"def50200{new_secret(600)}"
    with world.lock:
        world.codes[code] = Code(account.id, client_id, user_id, world.clock() + CODE_SECONDS)
    account.installed.add(client_id)
    return code


def issue(world: World, account: Account, client_id: str, user_id: int, seed: str = "") -> Grant:
    """A new pair; with a `seed` the same pair in every run."""
    now = world.clock()
    salt = seed or new_secret(32)
    grant = Grant(
        access=_access(account, client_id, user_id, now, ACCESS_SECONDS, salt),
        refresh=f"def50200{(salt * 40)[:600] if seed else new_secret(600)}",
        account_id=account.id,
        client_id=client_id,
        user_id=user_id,
        expires_at=now + ACCESS_SECONDS,
        refresh_expires_at=now + REFRESH_SECONDS,
    )
    world.grants.append(grant)
    return grant


def issue_long_lived(world: World, account: Account, client_id: str, user_id: int, days: int) -> Grant:
    """A token without a refresh token, for 1 day to 5 years."""
    now, seconds = world.clock(), days * 86400
    access = _access(account, client_id, user_id, now, seconds, new_secret(32))
    grant = Grant(access, "", account.id, client_id, user_id, now + seconds, 0.0)
    world.grants.append(grant)
    return grant


def token_answer(world: World, account: Account, given: Mapping[str, Any]) -> dict[str, Any]:
    """The body for a token request to this account. Raises `Problem` 400 or 401."""
    integration = world.integrations.get(str(given.get("client_id", "")))
    if integration is None or given.get("client_secret") != integration.client_secret:
        raise oauth_problem(401, "invalid client", "Client authentication failed")
    if given.get("redirect_uri") != integration.redirect_uri:
        raise _bad("Check the `redirect_uri` parameter")
    with world.lock:
        match given.get("grant_type"):
            case "authorization_code":
                grant = _exchanged(world, account, integration, str(given.get("code", "")))
            case "refresh_token":
                grant = _refreshed(world, account, integration, str(given.get("refresh_token", "")))
            case _:
                raise _bad("Check the `grant_type` parameter")
    tokens = {"access_token": grant.access, "refresh_token": grant.refresh}
    return {"token_type": "Bearer", "expires_in": ACCESS_SECONDS, **tokens}


def caller_of(world: World, account: Account, token: str, context_user: str | None) -> Caller:
    """Who a Bearer token speaks for in this account. Raises `Problem` 401."""
    with world.lock:
        grant = world.grant_of_access(token)
        if grant is None or not _is_good(world, account, grant):
            if grant is not None:
                grant.refused = True
            raise unauthorized()
        _retire_predecessor(world, grant)
        grant.used = True
    user = account.users[grant.user_id]
    if context_user and user.is_admin and context_user.isdigit() and int(context_user) in account.users:
        user = account.users[int(context_user)]
    if not user.is_active:
        raise unauthorized()
    return Caller(user, world.integrations[grant.client_id])


def unauthorized() -> Problem:
    """What a dead, unknown or foreign access token hears."""
    return Problem(401, "Invalid or expired access token")


def current_subdomain(world: World, refresh_token: str) -> dict[str, Any]:
    """Where the account of a refresh token is now. Raises `Problem` 401."""
    grant = world.grant_of_refresh(refresh_token)
    if grant is None or grant.revoked or world.clock() >= grant.refresh_expires_at:
        raise oauth_problem(401, "Unauthorized", _REVOKED, "Token has been revoked")
    account = world.accounts[grant.account_id]
    names = {"id": account.id, "subdomain": account.subdomain, "domain": account.host}
    return {**names, "top_level_domain": "ru"}


def widget_token(account: Account, integration: Integration, user: User, audience: str) -> str:
    """A one-time token as the widget sends it in `X-Auth-Token` (amocrm.md §1.9)."""
    now = account.now()
    claims = {
        "iss": f"https://{account.subdomain}.amocrm.ru",
        "aud": audience,
        "jti": str(uuid.uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + WIDGET_TOKEN_SECONDS,
        "account_id": account.id,
        "subdomain": account.subdomain,
        "client_uuid": integration.client_id,
        "user_id": user.id,
        "is_admin": user.is_admin,
    }
    return widget_jwt(claims, integration.client_secret)


def revoke_all(world: World, account: Account, client_id: str) -> None:
    """The integration is disabled in the account: everything of it answers 401 from now on."""
    with world.lock:
        account.installed.discard(client_id)
        for grant in world.grants:
            if (grant.account_id, grant.client_id) == (account.id, client_id):
                grant.revoked = True


def expire(world: World, account: Account) -> None:
    """Ends the day of every access token of the account."""
    with world.lock:
        for grant in world.grants:
            if grant.account_id == account.id:
                grant.expires_at = min(grant.expires_at, world.clock())


def _exchanged(world: World, account: Account, integration: Integration, text: str) -> Grant:
    if not text:
        raise _bad("Check the `code` parameter")
    code = world.codes.get(text)
    if code is None or code.client_id != integration.client_id or code.account_id != account.id:
        raise _bad("Cannot decrypt the authorization code")
    if text in world.used_codes:
        account.offence("code_reused", "an authorization code was sent again")
        raise _bad("Authorization code has been revoked")
    if world.clock() >= code.expires_at:
        raise _bad("Authorization code has expired")
    world.used_codes.add(text)
    return issue(world, account, integration.client_id, code.user_id)


def _refreshed(world: World, account: Account, integration: Integration, text: str) -> Grant:
    if not text:
        raise _bad("Check the `refresh_token` parameter")
    grant = world.grant_of_refresh(text)
    is_mine = grant is not None and (grant.account_id, grant.client_id) == (account.id, integration.client_id)
    if grant is None or not is_mine or grant.revoked or world.clock() >= grant.refresh_expires_at:
        raise _revoked()
    if grant.replaced:
        return _refreshed_again(world, account, grant)
    _watch_haste(world, account, grant)
    _retire_predecessor(world, grant)
    grant.used = True
    grant.replaced = True
    grant.successor = issue(world, account, integration.client_id, grant.user_id)
    return grant.successor


def _refreshed_again(world: World, account: Account, grant: Grant) -> Grant:
    """A refresh token that was used comes again: dead in strict mode, good once more in grace mode (§1.6)."""
    successor = grant.successor
    is_graceful = account.settings.refresh_mode == "grace" and successor is not None and not successor.used
    if not is_graceful or successor is None:
        account.offence("refresh_token_reused", "a refresh token was sent again after it had been replaced")
        raise _revoked()
    successor.revoked = True
    grant.successor = issue(world, account, grant.client_id, grant.user_id)
    return grant.successor


def _retire_predecessor(world: World, grant: Grant) -> None:
    """The first use of a pair ends what it replaced."""
    for older in world.grants if not grant.used else []:
        if older.successor is grant and not world.accounts[grant.account_id].settings.rotated_access_lives:
            older.expires_at = min(older.expires_at, world.clock())


def _is_good(world: World, account: Account, grant: Grant) -> bool:
    is_here = grant.account_id == account.id and grant.client_id in account.installed
    user = account.users.get(grant.user_id)
    is_active = user is not None and user.is_active
    return is_here and is_active and not grant.revoked and world.clock() < grant.expires_at


def _watch_haste(world: World, account: Account, grant: Grant) -> None:
    left = grant.expires_at - world.clock()
    if left > _EARLY_SECONDS and not grant.refused:
        account.offence("refresh_before_expiry", f"the access token was good for {int(left)} s more")


def _access(account: Account, client_id: str, user_id: int, now: float, seconds: int, salt: str) -> str:
    claims = {
        "aud": client_id,
        "jti": salt,
        "iat": int(now),
        "nbf": int(now),
        "exp": int(now) + seconds,
        "sub": str(user_id),
        "grant_type": "",
        "account_id": account.id,
        "base_domain": "amocrm.ru",
        "api_domain": account.api_domain,
        "version": 2,
        "scopes": ["crm", "files", "notifications"],
    }
    return access_jwt(claims, salt)


def _bad(hint: str) -> Problem:
    return oauth_problem(400, "Bad Request", _BAD_REQUEST, hint)


def _revoked() -> Problem:
    return oauth_problem(401, "Unauthorized", _REVOKED, "Token has been revoked")


def fire(account: Account, user_id: int) -> None:
    """A person is fired: tokens of theirs are dead, and nothing can be given to them."""
    account.users[user_id] = replace(account.users[user_id], is_active=False)
