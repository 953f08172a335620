"""A new token pair from the auth server that the portal named at installation (bitrix24.md §1.6, §1.7).

Bitrix24 departs from OAuth 2.0: the refresh is a GET with the client's secret in the query, and both
tokens are replaced at each use. So the address is never logged, and a lost answer is an unknown outcome.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from connectors.bitrix24.envelope import text
from connectors.bitrix24.hosts import host_of, may_move, origin_of
from connectors.bitrix24.settings import PortalSettings, portal_settings
from connectors.contract import Door, Json
from hub.domain.access import TokenPair
from hub.domain.errors import AuthRevoked, DeliveryError, OutcomeUnknown, Unreachable
from hub.net.http import HttpAnswer

_DEAD = frozenset(
    {
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "bad_verification_code",
        "insufficient_scope",
        "invalid_scope",
        "payment_required",
        "wrong_client",
        "not_installed",
        "unauthorized_client",
        "expired_token",
        "portal_deleted",
        "portal not found",
    }
)
_HINTS = {
    "payment_required": "The plan or the application is not paid for, or was removed: mend it, then connect again.",
    "wrong_client": "Check client_id, client_secret and server_endpoint: they are of another application or region.",
    "invalid_client": "Check client_id and client_secret of the connection, then connect again.",
}
_REASONS = {
    "payment_required": "not_paid",
    "wrong_client": "wrong_keys",
    "invalid_client": "wrong_keys",
    "unauthorized_client": "wrong_keys",
    "not_installed": "not_installed",
    "portal_deleted": "account_closed",
}
_RECONNECT = "Connect Bitrix24 again: install the application anew."


class Bitrix24OAuth:
    """Fills `connectors.contract.OAuth`."""

    def refresh(self, door: Door, refresh_token: str) -> TokenPair:
        """Ask once. Raises `AuthRevoked`, `Unreachable` or `OutcomeUnknown`."""
        portal = portal_settings(door.connection)
        if not portal.server_endpoint.startswith(("http://", "https://")):
            raise AuthRevoked("The auth server's address is not set.", "Enter server_endpoint in the connection.")
        query = {
            "grant_type": "refresh_token",
            "client_id": door.connection.secrets.get("client_id", ""),
            "client_secret": door.connection.secrets.get("client_secret", ""),
            "refresh_token": refresh_token,
        }
        address = f"{origin_of(portal.server_endpoint)}/oauth/token/?{urlencode(query)}"
        return token_pair(door.http.request("GET", address, write=True, read_timeout_seconds=15), portal, door.now())


def token_pair(answer: HttpAnswer, portal: PortalSettings, now: datetime) -> TokenPair:
    """The pair in the auth server's answer. Pure; raises as `refresh` does."""
    document = token_fields(answer)
    access, refresh = text(document.get("access_token")), text(document.get("refresh_token"))
    return TokenPair(access, refresh, _expires_at(document, now), _moved_to(document, portal))


def token_fields(answer: HttpAnswer) -> Mapping[str, Json]:
    """The fields of a token answer that has both tokens (bitrix24.md §1.5). Pure; raises as `refresh` does."""
    document = _document(answer.body)
    complete = text(document.get("access_token")) and text(document.get("refresh_token"))
    if answer.status != 200 or "error" in document or not complete:
        raise _refusal(answer.status, document)
    return document


def _document(body: bytes) -> Mapping[str, Json]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _refusal(status: int, document: Mapping[str, Json]) -> DeliveryError:
    code = text(document.get("error")).lower()
    words = text(document.get("error_description")) or code or f"HTTP {status}"
    message = f"Bitrix24's auth server: {words}"
    if code in _DEAD or words.lower() in _DEAD:
        return AuthRevoked(message, _HINTS.get(code, _RECONNECT)).because(_REASONS.get(code, "log_in_refused"))
    if "error" in document and status in {200, 400, 401, 403}:
        return AuthRevoked(message, _RECONNECT)
    if 300 <= status < 500 or status == 503:
        return Unreachable(message, "The hub asks again by itself.")
    return OutcomeUnknown(message, "The hub asks again by itself.")


def _expires_at(document: Mapping[str, Json], now: datetime) -> datetime | None:
    """`expires_in` counts from our own clock and needs no agreement about the time, so it goes first."""
    for name, start in (("expires_in", now), ("expires", datetime.fromtimestamp(0, UTC))):
        seconds = text(document.get(name))
        if seconds.isdigit() and len(seconds) < 11:
            return start + timedelta(seconds=int(seconds))
    return None


def _moved_to(document: Mapping[str, Json], portal: PortalSettings) -> dict[str, object]:
    """The portal's new address, when the auth server states another one for the same member id."""
    endpoint = text(document.get("client_endpoint"))
    same_portal = bool(portal.member_id) and text(document.get("member_id")) == portal.member_id
    if not endpoint or not same_portal or not may_move(portal.client_endpoint, endpoint):
        return {}
    endpoint = endpoint if endpoint.endswith("/") else endpoint + "/"
    if endpoint == portal.client_endpoint:
        return {}
    return {"client_endpoint": endpoint, "domain": host_of(endpoint)}
