"""A new token pair (amocrm.md §1.5, §1.6), at the account's new address where it was renamed (§1.8).

amoCRM wants JSON where OAuth 2.0 has a form, and the `redirect_uri` in a refresh too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.amocrm.envelope import Envelope, mapping, text
from connectors.amocrm.errors import retry_at
from connectors.amocrm.hosts import moved_base, shared_api
from connectors.amocrm.jwt import api_domain_of
from connectors.amocrm.memory import Memory
from connectors.amocrm.settings import account_settings
from connectors.contract import Door
from hub.domain.access import TokenPair
from hub.domain.errors import AuthRevoked, DeliveryError, OutcomeUnknown, Throttled, Unreachable
from hub.net.http import HttpAnswer

RENEW_AFTER = timedelta(days=30)
"""A refresh token that nobody uses dies after three months (amocrm.md §1.5, §1.6)."""
_METHOD = "oauth2/access_token"
_TIMEOUT_SECONDS = 15.0
_SECOND_TIMEOUT_SECONDS = 8.0
_SECOND_TRY_WITHIN = timedelta(seconds=5)
"""Both tries together must end before the token service takes the refresher for dead."""
_MOVED_KNOWN_FOR = timedelta(days=1)
_RECONNECT = "Connect amoCRM again; what was kept of the access does not work any more."
_KEYS = (
    "Check client_id, client_secret and redirect_uri: they must be exactly as in the integration. Then connect again."
)


class AmocrmOAuth:
    """Fills `connectors.contract.OAuth`. `memory` tells work under way where a renamed account is now."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory or Memory()

    def refresh(self, door: Door, refresh_token: str) -> TokenPair:
        """A new pair. Raises `AuthRevoked`, `Throttled`, `Unreachable` or `OutcomeUnknown`.

        A lost answer is asked for once more: the old refresh token works until the new pair is used
        (amocrm.md §1.6). A refusal is believed only when the account still lives where we asked.
        """
        settings = account_settings(door.connection)
        moved = self._memory.recall(self._key(door), door.now())
        base_url = moved if isinstance(moved, str) else settings.base_url
        answer = _asked(door, base_url, refresh_token)
        if answer.status in {401, 404} or 300 <= answer.status < 400:
            found = _address_now(door, base_url, settings.api_domain, refresh_token)
            if found is not None and found != base_url:
                pair = token_pair(_asked(door, found, refresh_token), door.now(), {"base_url": found})
                self._memory.keep(self._key(door), found, door.now() + _MOVED_KNOWN_FOR)
                return pair
        return token_pair(answer, door.now(), {})

    def _key(self, door: Door) -> tuple[object, ...]:
        connection = door.connection
        base_url = account_settings(connection).base_url
        return ("moved", connection.id, base_url, connection.secrets.get("client_id", ""))


def _asked(door: Door, base_url: str, refresh_token: str) -> HttpAnswer:
    """The token endpoint's answer, asked again at once when the first one was cut off soon."""
    secrets = door.connection.secrets
    fields = {
        "client_id": secrets.get("client_id", ""),
        "client_secret": secrets.get("client_secret", ""),
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "redirect_uri": secrets.get("redirect_uri", ""),
    }
    address, body = f"{base_url}/oauth2/access_token", json.dumps(fields).encode()
    began = door.now()
    try:
        return _posted(door, address, body, _TIMEOUT_SECONDS)
    except OutcomeUnknown:
        if door.now() - began > _SECOND_TRY_WITHIN:
            raise
    return _posted(door, address, body, _SECOND_TIMEOUT_SECONDS)


def _posted(door: Door, address: str, body: bytes, timeout_seconds: float) -> HttpAnswer:
    door.spend(_METHOD)  # the vendor counts it among the requests of the integration
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    return door.http.request(
        "POST", address, headers=headers, body=body, write=True, read_timeout_seconds=timeout_seconds
    )


def _address_now(door: Door, base_url: str, api_domain: str, refresh_token: str) -> str | None:
    """Where the account is by the vendor's own word; None when nobody says so."""
    origin = shared_api(base_url, api_domain)
    if origin is None:
        return None
    try:
        answer = door.http.request(
            "GET",
            f"{origin}/oauth2/account/current/subdomain",
            headers={"X-Refresh-Token": refresh_token, "Accept": "application/json"},
            write=False,
            read_timeout_seconds=_SECOND_TIMEOUT_SECONDS,
        )
    except DeliveryError:
        return None  # then the refusal that led here stands, or the host that is gone
    if answer.status != 200:
        return None
    return moved_base(base_url, text(_document(answer.body).get("domain")))


def token_pair(answer: HttpAnswer, now: datetime, extra: Mapping[str, object]) -> TokenPair:
    """The pair in the token endpoint's answer. Pure; raises as `refresh` does."""
    document = _document(answer.body)
    access, refresh = text(document.get("access_token")), text(document.get("refresh_token"))
    if answer.status != 200 or not access or not refresh:
        raise _refusal(answer, document, now)
    seconds = text(document.get("expires_in"))
    expires_at = now + timedelta(seconds=int(seconds)) if seconds.isdigit() and len(seconds) < 10 else None
    domain = api_domain_of(access)
    return TokenPair(access, refresh, expires_at, {**extra, **({"api_domain": domain} if domain else {})})


def _refusal(answer: HttpAnswer, document: Envelope, now: datetime) -> DeliveryError:
    hint, title = text(document.get("hint")), text(document.get("title"))
    said = hint or text(document.get("detail")) or title or f"HTTP {answer.status}"
    message = f"amoCRM's log-in: {said}"
    status = answer.status
    if status in {400, 401, 422}:
        wrong_keys = not hint or "client" in f"{title} {hint}".lower() or "redirect" in hint.lower()
        mend = _KEYS if wrong_keys else _RECONNECT
        return AuthRevoked(message, mend).because("wrong_keys" if wrong_keys else "log_in_refused")
    if status == 404:
        words = f"{message}: there is no account at this address any more"
        return AuthRevoked(words, _RECONNECT).because("not_this_system")
    if status == 429:
        return Throttled(message, until=retry_at(answer.headers.get("retry-after"), document.get("retry_after"), now))
    if 300 <= status < 500:
        return Unreachable(message, "The hub asks again by itself.")
    return OutcomeUnknown(message, "The hub asks again by itself.")


def _document(body: bytes) -> Envelope:
    try:
        return mapping(json.loads(body))
    except (ValueError, RecursionError):
        return {}
