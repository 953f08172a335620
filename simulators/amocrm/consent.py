"""The consent step in the browser, already agreed to (amocrm.md §1.2, §1.3)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from .account import Account, World
from .oauth import issue_code

_PLATFORM = "1"


def consent_location(world: World, account: Account, query: Mapping[str, str]) -> str | None:
    """Where `/oauth?client_id=…&state=…` leads; None for an unknown integration.

    `deny=1` refuses; `user_id` names who agrees, an administrator by default.
    """
    integration = world.integrations.get(query.get("client_id", ""))
    if integration is None:
        return None
    state = {"state": query["state"]} if "state" in query else {}
    if query.get("deny"):
        refused = {"error": "access_denied", "client_id": integration.client_id, **state}
        return with_query(integration.redirect_uri, refused)
    user_id = int(query.get("user_id") or admin_id(account))
    granted = granted_query(world, account, integration.client_id, user_id)
    return with_query(integration.redirect_uri, granted | state)


def granted_query(world: World, account: Account, client_id: str, user_id: int) -> dict[str, str]:
    """What the redirect brings when the user agreed; `referer` is the account's host without a scheme."""
    code = issue_code(world, account, client_id, user_id)
    return {"code": code, "referer": account.host, "client_id": client_id, "platform": _PLATFORM}


def with_query(url: str, query: Mapping[str, str]) -> str:
    """The address with the query behind it."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query)}"


def admin_id(account: Account) -> int:
    """The first active administrator."""
    return next(user.id for user in account.users.values() if user.is_admin and user.is_active)
