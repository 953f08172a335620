"""The way to one account's API over the hub's own HTTP client.

Everything is bound to the door of one connection: address, token, budget. Nothing here outlives the
piece of work but what `Memory` keeps under that connection's name (amocrm.md §7.3).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from connectors.amocrm.envelope import Envelope, complaint, mapping, opened, without_nulls
from connectors.amocrm.errors import BLOCKED_FOR, RIGHTS, Refused
from connectors.amocrm.hosts import host_of
from connectors.amocrm.jwt import api_domain_of
from connectors.amocrm.memory import Key, Memory
from connectors.amocrm.settings import AccountSettings, account_settings
from connectors.contract import Door, Json
from hub.domain.access import AccessToken
from hub.domain.errors import AuthRevoked, OutcomeUnknown, OverBudget, Paused, Unreachable
from hub.net.http import HttpAnswer

API = "/api/v4/"
_READ_TIMEOUT_SECONDS = 25.0
_PATIENCE_SECONDS = 20.0
_RECONNECT = "Connect amoCRM again: the access that was given does not work any more."
_NEW_TOKEN = "Make a new long-lived token in the integration and enter it as access_token."  # noqa: S105 - a hint


class Account:
    """One account for one piece of work: it knows where the account is now, also after it was renamed."""

    def __init__(self, door: Door, memory: Memory | None = None) -> None:
        self.door = door
        self.memory = memory or Memory()
        self.settings: AccountSettings = account_settings(door.connection)
        self.base_url = self._moved_to() or self.settings.base_url
        self._patience_seconds = 0.0
        if not self.base_url:
            raise AuthRevoked("The account's address is not set.", "Enter base_url in the connection.")

    def key(self, what: str) -> Key:
        """A key of `Memory` that no other connection, account or integration has."""
        client_id = self.door.connection.secrets.get("client_id", "")
        return (what, self.door.connection.id, self.settings.base_url, client_id)

    # --- Requests ---------------------------------------------------------------------------------

    def read(self, path: str, params: Mapping[str, Json] | None = None) -> Json:
        """What a GET under /api/v4 answers; None for 204 and for 404, which both mean "none" (amocrm.md §0)."""
        query = f"?{urlencode(without_null_values(params), doseq=True)}" if params else ""
        try:
            return self._sent("GET", f"{API}{path}{query}", None, write=False)
        except Refused as refusal:
            if refusal.status != 404:
                raise
            return None

    def write(self, method: str, path: str, body: Json) -> Json:
        """What a POST or PATCH under /api/v4 answers; a list of items must be given as an array."""
        return self._sent(method, f"{API}{path}", without_nulls(body), write=True)

    def as_admin(self, method: str, path: str, body: Json = None) -> Json:
        """A request that only an administrator's token may make: a 401 to it is a lack of rights (amocrm.md §5.1).

        It would be one after a renewal as well, so none is tried: ask something else first to be sure of the token.
        """
        answer = self._request(method, f"{API}{path}", without_nulls(body), self._token(None), write=method != "GET")
        if answer.status == 401:
            raise Refused(f"amoCRM: {self._words(answer)}", status=401, hint=RIGHTS)
        return opened(answer, write=method != "GET", now=self.door.now(), throttled_lately=self._throttled_lately())

    def ring(self, body: Json) -> None:
        """`/api/v2/events`; any success will do, whatever it says (amocrm.md §3.11)."""
        self._attempted("POST", "/api/v2/events", without_nulls(body), write=True)

    def _sent(self, method: str, path: str, body: Json, *, write: bool) -> Json:
        answer = self._attempted(method, path, body, write=write)
        return opened(answer, write=write, now=self.door.now(), throttled_lately=self._throttled_lately())

    # --- One answer -------------------------------------------------------------------------------

    def _attempted(self, method: str, path: str, body: Json, *, write: bool) -> HttpAnswer:
        """A success of one request, or the delivery error for what it was.

        Only what was certainly not carried out is ever sent again, and once: a request that died of
        its token, and one to an address that the account has left.
        """
        token = self._token(None)
        answer = self._request(method, path, body, token, write=write)
        if _is_lost(answer) or answer.status == 401:
            token = self._after(answer, token)
            answer = self._request(method, path, body, token, write=write)
        if answer.status == 401:
            raise AuthRevoked(f"amoCRM refuses a token that it has just given: {self._words(answer)}", _RECONNECT)
        if _is_lost(answer):
            raise Unreachable(f"{host_of(self.base_url)} does not answer as an amoCRM account (HTTP {answer.status}).")
        if answer.status == 429:
            now = self.door.now()
            self.memory.keep(self.key("429"), True, now + BLOCKED_FOR)
        if not 200 <= answer.status < 300:
            opened(answer, write=write, now=self.door.now(), throttled_lately=self._throttled_lately())
        return answer

    def _after(self, answer: HttpAnswer, token: AccessToken) -> AccessToken:
        """A newer token, and the address where the account has been found meanwhile."""
        if self.settings.long_lived:
            if answer.status == 401:
                words = f"amoCRM refuses the long-lived token: {self._words(answer)}"
                raise AuthRevoked(words, _NEW_TOKEN).because("wrong_token")
            hint = "Enter the account's new address as base_url."
            if 300 <= answer.status < 400:
                raise Paused(f"{host_of(self.base_url)} redirects elsewhere.", hint).because("moved")
            words = f"{host_of(self.base_url)} does not answer as an amoCRM account."
            raise Unreachable(words, hint).because("not_this_system")
        newer = self._token(token)
        self.base_url = self._moved_to() or self.base_url
        return newer

    def _token(self, stale: AccessToken | None) -> AccessToken:
        """A token; an unknown outcome of the refresh is none of the request, which has not been sent."""
        if self.settings.long_lived and self.door.connection.secrets.get("access_token"):
            return AccessToken(self.door.connection.secrets["access_token"], 0)
        try:
            token = self.door.tokens.current() if stale is None else self.door.tokens.renewed(stale)
        except OutcomeUnknown as error:
            raise Unreachable(error.message, error.hint) from error
        self._learn_api_domain(token)
        return token

    def _learn_api_domain(self, token: AccessToken) -> None:
        """Only a token says where to ask for an account that was renamed, and by then it may be too late to read it."""
        domain = "" if self.settings.api_domain else api_domain_of(token.value)
        if domain and self.memory.recall(self.key("api_domain"), self.door.now()) != domain:
            self.door.remember({"api_domain": domain})
            self.memory.keep(self.key("api_domain"), domain, self.door.now() + timedelta(hours=1))

    def _moved_to(self) -> str | None:
        moved = self.memory.recall(self.key("moved"), self.door.now())
        return moved if isinstance(moved, str) else None

    def _throttled_lately(self) -> bool:
        return self.memory.recall(self.key("429"), self.door.now()) is not None

    def _words(self, answer: HttpAnswer) -> str:
        return complaint(answer, self.door.now()).words

    def _request(self, method: str, path: str, body: Json, token: AccessToken, *, write: bool) -> HttpAnswer:
        self._spend(path)
        headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.door.http.request(
            method,
            self.base_url + path,
            headers=headers,
            body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            write=write,
            read_timeout_seconds=_READ_TIMEOUT_SECONDS,
        )

    def _spend(self, path: str) -> None:
        """Take one request from the budget.

        Work that has begun may wait a little for its next request. To start over would spend the
        same requests once more, and under load no work of several requests would ever end.
        """
        name = re.sub(r"/\d+", "/id", path.partition("?")[0].removeprefix(API))
        while True:
            try:
                self.door.spend(name)
            except OverBudget as error:
                wait_seconds = (error.until - self.door.now()).total_seconds() if error.until else 0.2
                if wait_seconds > self._patience_seconds:
                    raise
                self._patience_seconds -= max(wait_seconds, 0.05)
                threading.Event().wait(max(wait_seconds, 0.05))
            else:
                self._patience_seconds = self._patience_seconds or _PATIENCE_SECONDS
                return


def _is_lost(answer: HttpAnswer) -> bool:
    """Whether no account answered: a redirect, or a 404 that is none of the API's own."""
    if 300 <= answer.status < 400:
        return True
    return answer.status == 404 and bool(answer.body.strip()) and answer.body.lstrip()[:1] not in (b"{", b"[")


def without_null_values(params: Mapping[str, Json]) -> Envelope:
    return {name: value for name, value in mapping(dict(params)).items() if value is not None}
