"""The way to one portal's REST methods over the hub's own HTTP client."""

from __future__ import annotations

import json
from collections.abc import Mapping

from connectors.bitrix24.envelope import Envelope, opened
from connectors.bitrix24.hosts import host_of
from connectors.bitrix24.rename import is_redirect, proven_endpoint
from connectors.bitrix24.settings import PortalSettings, portal_settings
from connectors.contract import Door, Json
from hub.domain.access import AccessToken
from hub.domain.errors import AuthExpired, AuthRevoked, OutcomeUnknown, Paused, Unreachable
from hub.net.http import HttpAnswer

Params = Mapping[str, Json]

_READ_TIMEOUT_SECONDS = 65.0
"""The cloud ends a request after 60 s (bitrix24.md §2.1): leaving earlier would turn slow answers into unknown ones."""


class Portal:
    """One portal for one piece of work: it knows where the portal is now, also after a proven move."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.settings: PortalSettings = portal_settings(door.connection)
        self.endpoint = self.settings.client_endpoint
        if self.settings.webhook and not door.connection.secrets.get("webhook_url"):
            raise AuthRevoked("The webhook's address is not set.", "Enter webhook_url in the connection.")

    @property
    def host(self) -> str:
        return host_of(self.endpoint)

    def call(self, method: str, params: Params, *, write: bool) -> Json:
        """The `result` of one method, sent once. Raises the delivery errors.

        Only two things are ever sent again, both certainly not carried out: a call that died of its
        access token, once after the refresh, and one that met a proven move of the portal.
        """
        return self.envelope(method, params, write=write)["result"]

    def envelope(self, method: str, params: Params, *, write: bool) -> Envelope:
        """The same with `next` and `total` beside `result`."""
        if self.settings.webhook:
            return self._attempt(method, params, None, write=write)
        token = self._token(None)
        try:
            return self._attempt(method, params, token.value, write=write)
        except AuthExpired:
            token = self._token(token)
        except AuthRevoked:
            newer = self._token(None)
            if newer.version == token.version:
                raise
            token = newer  # this one was replaced while the call was under way; the access stands
        try:
            return self._attempt(method, params, token.value, write=write)
        except AuthExpired as error:
            raise Unreachable("Bitrix24 calls a token dead that its auth server has just given.") from error

    def _token(self, stale: AccessToken | None) -> AccessToken:
        """A token; an unknown outcome of the refresh is none of the call, which has not been sent."""
        try:
            return self.door.tokens.current() if stale is None else self.door.tokens.renewed(stale)
        except OutcomeUnknown as error:
            raise Unreachable(error.message, error.hint) from error

    def _attempt(self, method: str, params: Params, token: str | None, *, write: bool) -> Envelope:
        answer = self._send(method, params, token, write=write)
        if is_redirect(answer):
            self._move(answer.headers.get("location", ""), token)
            answer = self._send(method, params, token, write=write)
        if is_redirect(answer):
            raise Paused(f"The portal at {self.host} redirects further.", "Enter the portal's address anew.")
        return opened(answer, write=write, now=self.door.now())

    def _move(self, location: str, token: str | None) -> None:
        if token is None:
            hint = "Enter the webhook's new address in the connection."
            words = f"The portal redirects to {host_of(location) or 'another address'}."
            raise Paused(words, hint).because("moved")
        self.endpoint = proven_endpoint(self.door, self.settings, self.endpoint, location, token)

    def _send(self, method: str, params: Params, token: str | None, *, write: bool) -> HttpAnswer:
        self.door.spend(method)
        body = {**params, "auth": token} if token is not None else dict(params)
        return self.door.http.request(
            "POST",
            self.endpoint + method,
            headers={"Content-Type": "application/json"},
            body=json.dumps(body, ensure_ascii=False).encode(),
            write=write,
            read_timeout_seconds=_READ_TIMEOUT_SECONDS,
        )
