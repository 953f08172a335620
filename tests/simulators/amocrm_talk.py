"""A plain client for the tests of the amoCRM simulator: it hides nothing and repairs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import urllib3

from simulators.amocrm import SimulatedAccount

PHONE = "+79001234567"
KEY = "9001234567"
REDIRECT = "http://127.0.0.1:8080/amocrm/callback"


@dataclass
class Talk:
    """Asks as the integration; `token` replaces the account's newest access token."""

    account: SimulatedAccount
    token: str = ""
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=10))

    def raw(self, verb: str, path: str, body: Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """One request below `/api/v4/`, or with a leading slash below the host."""
        url = self.account.base_url + (path if path.startswith("/") else f"/api/v4/{path}")
        known = {"Authorization": f"Bearer {self.token or self.account.access_token}"}
        options = {} if body is None else {"json": body}
        return self.pool.request(verb, url, headers={**known, **headers}, redirect=False, **options)

    def ask(self, verb: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded body, None for an empty one."""
        answer = self.raw(verb, path, body)
        return answer.status, answer.json() if answer.data else None

    def ok(self, verb: str, path: str, body: Any = None) -> Any:
        """The body of a request that must succeed."""
        status, answer = self.ask(verb, path, body)
        assert status in (200, 201), (status, answer)
        return answer

    def refused(self, verb: str, path: str, body: Any = None) -> list[tuple[str, str, str]]:
        """(request id, code, path) of each validation error of a request that must fail."""
        status, answer = self.ask(verb, path, body)
        assert status == 400, (status, answer)
        return [
            (item["request_id"], error["code"], error["path"])
            for item in answer["validation-errors"]
            for error in item["errors"]
        ]


def call(**changes: Any) -> dict[str, Any]:
    """A usual item for `/calls`."""
    usual = {"direction": "inbound", "duration": 40, "source": "Hub", "phone": PHONE, "uniq": "pbx-1"}
    return {**usual, "call_responsible": 504, "request_id": "c-1", **changes}


def phone_field(*numbers: str) -> dict[str, Any]:
    """`custom_fields_values` item of a contact's numbers."""
    return {"field_code": "PHONE", "values": [{"value": number, "enum_code": "WORK"} for number in numbers]}


def sip(phone: str = PHONE, **metadata: Any) -> dict[str, Any]:
    """A usual item for `unsorted/sip`."""
    usual = {"phone": phone, "from": phone, "called_at": 1_788_000_000, "duration": 0, "service_code": "hub"}
    return {
        "request_id": "u-1",
        "source_uid": "did:74950001122",
        "source_name": "Hub",
        "metadata": {**usual, "uniq": "pbx-1", **metadata},
        "_embedded": {
            "leads": [{"name": "Missed call"}],
            "contacts": [{"name": phone, "custom_fields_values": [phone_field(phone)]}],
        },
    }


def token_request(account: SimulatedAccount, **given: Any) -> tuple[int, dict[str, Any]]:
    """`POST /oauth2/access_token` with the right client, unless it is given otherwise."""
    client = {"client_id": account.client_id, "client_secret": account.client_secret}
    body = {**client, "redirect_uri": account.redirect_uri, **given}
    answer = urllib3.request("POST", f"{account.base_url}/oauth2/access_token", json=body, retries=False)
    return answer.status, answer.json() if answer.data else {}


def refresh(account: SimulatedAccount, token: str) -> tuple[int, dict[str, Any]]:
    """A refresh with this token."""
    return token_request(account, grant_type="refresh_token", refresh_token=token)


@dataclass
class Inbox:
    """What a hook heard, forms of POSTs and queries of GETs, and what it answers; `hold` keeps answers back."""

    url: str = ""
    status: int = 200
    posts: list[dict[str, str]] = field(default_factory=list)
    queries: list[dict[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    hold: threading.Event | None = None
    arrived: threading.Condition = field(default_factory=threading.Condition)


@contextmanager
def listening() -> Iterator[Inbox]:
    """A web server on the loopback address that keeps what it hears."""
    inbox = Inbox()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            inbox.queries.append(dict(parse_qsl(urlsplit(self.path).query)))
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with inbox.arrived:
                inbox.bodies.append(body)
                inbox.posts.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
                inbox.arrived.notify_all()
            if inbox.hold is not None:
                inbox.hold.wait(10)
            self._answer()

        def _answer(self) -> None:
            self.send_response(inbox.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)
