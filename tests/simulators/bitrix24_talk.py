"""A plain client for the tests of the Bitrix24 simulator: it hides nothing and repairs nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import urllib3

from simulators.bitrix24 import Bitrix24Simulator, SimulatedPortal

MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\x00" * 64
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt " + b"\x00" * 64


@dataclass
class Talk:
    """Calls methods as the application; `status` and `body` of the last answer stay readable."""

    portal: SimulatedPortal
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=10))

    def ask(self, method: str, params: dict[str, Any] | None = None, **named: Any) -> tuple[int, dict[str, Any]]:
        """One call with JSON; gives status and body."""
        body = {"auth": self.portal.access_token, **(params or {}), **named}
        answer = self.pool.request("POST", self.portal.client_endpoint + method, json=body, redirect=False)
        return answer.status, answer.json()

    def ok(self, method: str, params: dict[str, Any] | None = None, **named: Any) -> Any:
        """The `result` of a call that must succeed."""
        status, body = self.ask(method, params, **named)
        assert status == 200, body
        assert "error" not in body, body
        return body["result"]

    def refused(self, method: str, params: dict[str, Any] | None = None, **named: Any) -> tuple[int, str, str]:
        """(status, code, description) of a call that must fail."""
        status, body = self.ask(method, params, **named)
        assert "error" in body, body
        return status, body["error"], body["error_description"]

    def register(self, **changes: Any) -> Any:
        """The result of a usual inbound register."""
        return self.ok("telephony.externalCall.register", REGISTER | changes)

    def finished_call(self, **changes: Any) -> str:
        """CALL_ID of a call that was registered and finished."""
        call_id = str(self.register(**changes)["CALL_ID"])
        self.ok("telephony.externalCall.finish", CALL_ID=call_id, USER_ID=7, DURATION=30)
        return call_id


REGISTER = {
    "USER_ID": 7,
    "PHONE_NUMBER": "+79001234567",
    "TYPE": 2,
    "LINE_NUMBER": "74950000001",
    "EXTERNAL_CALL_ID": "pbx-1",
    "CRM_CREATE": 1,
    "SHOW": 0,
}


def token_request(simulator: Bitrix24Simulator, **query: str) -> tuple[int, dict[str, Any]]:
    """`GET /oauth/token/` with the right client, unless the query says otherwise."""
    fields = {"client_id": simulator.client_id, "client_secret": simulator.client_secret, **query}
    answer = urllib3.request("GET", f"http://{simulator.auth_domain}/oauth/token/", fields=fields)
    return answer.status, answer.json()


@dataclass
class Inbox:
    """What a handler received: one list of (name, text) pairs for each POST."""

    url: str
    answers: int = 200
    posts: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def listening_handler() -> Iterator[Inbox]:
    """A web server that keeps every form that is posted to it."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.posts.append(dict(parse_qsl(body.decode(), keep_blank_values=True)))
            self.send_response(inbox.answers)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox = Inbox(f"http://127.0.0.1:{server.server_port}/events")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield inbox
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)
