"""The way to the provider: the hub's one HTTP client, and the little that Authlib wants of a session of `requests`.

Authlib opens no connection of its own here, so that time-outs, sizes and the rule on outside hosts hold for it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlencode

from hub.domain.errors import DeliveryError, Rejected
from hub.net.http import Http, HttpAnswer
from hub.web.oidc.refusals import Reason, Refused

READ_TIMEOUT_SECONDS = 8.0
"""Somebody sits before the page and waits."""
_MOST_BYTES = 512 * 1024


class _Auth(Protocol):
    def prepare(self, method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]: ...


class Wire:
    """Requests to one provider. All raise `Refused`: AWAY when it cannot be reached, SETUP when it may not be."""

    def __init__(self, http: Http) -> None:
        self._http = http

    def document(self, url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at `url`. Raises `Refused` for anything else."""
        answer = _Answer(self._send("GET", url, {"Accept": "application/json", **(headers or {})}, None))
        answer.raise_for_status()
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise Refused(Reason.SETUP, "the provider answered with something that is no JSON object")
        return found

    def post(
        self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: _Auth, **_: object
    ) -> _Answer:
        """A form, with the client's credentials added by `auth`: what Authlib calls."""
        uri, prepared, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Answer(self._send("POST", uri, prepared, body.encode()))

    def _send(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> HttpAnswer:
        try:
            return self._http.request(
                method,
                url,
                headers=headers,
                body=body,
                write=method == "POST",
                read_timeout_seconds=READ_TIMEOUT_SECONDS,
                max_bytes=_MOST_BYTES,
            )
        except Rejected as error:
            raise Refused(Reason.SETUP, error.message) from None
        except DeliveryError as error:
            raise Refused(Reason.AWAY, error.message) from None


class _Answer:
    """An answer as `requests` would give it."""

    def __init__(self, answer: HttpAnswer) -> None:
        self.status_code = answer.status
        self._body = answer.body

    def json(self) -> Any:
        return json.loads(self._body)

    def raise_for_status(self) -> None:
        if self.status_code != 200:
            reason = Reason.AWAY if self.status_code >= 500 or self.status_code == 429 else Reason.SETUP
            raise Refused(reason, f"the provider answered with status {self.status_code}")
