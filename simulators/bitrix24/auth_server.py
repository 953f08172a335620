"""The auth server: `/oauth/token/`, `/oauth/authorize/` and its own `/rest/app.info` (bitrix24.md §1.3–§1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from .auth import caller_of_token, exchange_code, invalid_grant, issue_code, refresh
from .clock import iso
from .errors import RestError
from .portal import Grant, Portal
from .tenants import Tenants


def token_answer(tenants: Tenants, query: Mapping[str, str]) -> dict[str, Any]:
    """The body of `/oauth/token/`. Raises `RestError` with the codes of §1.7."""
    grant_type = query.get("grant_type", "")
    if grant_type not in {"authorization_code", "refresh_token"}:
        raise RestError(400, "invalid_request", "grant_type is missing or unknown")
    _check_client(tenants, query)
    portal = _portal_of(tenants, grant_type, query)
    with portal.lock:
        if portal.app.removed:
            raise RestError(401, "NOT_INSTALLED", "Application not installed")
        if portal.app.client_id != query.get("client_id"):
            raise RestError(400, "wrong_client", "Wrong client")
        if grant_type == "refresh_token":
            return token_body(portal, refresh(portal, query.get("refresh_token", "")))
        return token_body(portal, exchange_code(portal, query.get("code", "")))


def token_body(portal: Portal, grant: Grant) -> dict[str, Any]:
    """A pair of tokens in the words of the auth server; `domain` is the auth server's own."""
    return {
        "access_token": grant.access,
        "refresh_token": grant.refresh,
        "expires": int(grant.expires_at),
        "expires_in": int(grant.expires_at - portal.clock()),
        "scope": ",".join(grant.scope),
        "domain": portal.auth_domain,
        "server_endpoint": portal.server_endpoint,
        "client_endpoint": portal.client_endpoint,
        "member_id": portal.member_id,
        "status": "L",
        "user_id": grant.user_id,
    }


def app_info(tenants: Tenants, token: str) -> dict[str, Any]:
    """The auth server's `app.info`: which application on which portal a token belongs to."""
    portal = next((one for one in tenants.portals if any(grant.access == token for grant in one.grants)), None)
    if portal is None:
        raise RestError(401, "NO_AUTH_FOUND", "Wrong authorization data")
    caller = caller_of_token(portal, token)
    grant = next(one for one in portal.grants if one.access == token)
    install = {
        "installed": portal.app.installed,
        "version": portal.app.version,
        "status": "L",
        "scope": ",".join(portal.app.scope),
        "domain": portal.domain,
        "uri": portal.base_url,
        "client_endpoint": portal.client_endpoint,
        "member_id": portal.member_id,
        "member_type": "member",
    }
    result = {
        "client_id": portal.app.client_id,
        "scope": ",".join(caller.scope),
        "expires": iso(grant.expires_at),
        "user_id": caller.user.id,
        "install": install,
    }
    return {"result": result, "time": {}}


def authorize_location(portal: Portal, query: Mapping[str, str], user_id: int) -> str | None:
    """Where the browser goes after consent; None when the portal shows an error page instead."""
    if query.get("client_id") != portal.app.client_id or portal.app.removed or not portal.app.redirect_uri:
        return None
    with portal.lock:
        code = issue_code(portal, user_id)
    back = {
        "code": code,
        "state": query.get("state", ""),
        "domain": portal.domain,
        "member_id": portal.member_id,
        "scope": ",".join(portal.app.scope),
        "server_domain": portal.auth_domain,
    }
    joint = "&" if "?" in portal.app.redirect_uri else "?"
    return f"{portal.app.redirect_uri}{joint}{urlencode(back)}"


def _check_client(tenants: Tenants, query: Mapping[str, str]) -> None:
    apps = [portal.app for portal in tenants.portals if portal.app.client_id == query.get("client_id")]
    if not any(app.client_secret == query.get("client_secret") for app in apps):
        raise RestError(401, "invalid_client", "Invalid client")


def _portal_of(tenants: Tenants, grant_type: str, query: Mapping[str, str]) -> Portal:
    for portal in tenants.portals:
        with portal.lock:
            if grant_type == "authorization_code":
                found = query.get("code", "") in portal.codes
            else:
                found = any(one.refresh and one.refresh == query.get("refresh_token") for one in portal.grants)
        if found:
            return portal
    raise invalid_grant()
