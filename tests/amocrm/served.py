"""The account in memory behind a real socket on 127.0.0.1: it answers only to its own token."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from hub.net.http import HttpAnswer
from tests.amocrm.account import Asked, FakeAccount, answer, problem


@dataclass
class Served:
    """`token` opens it; `strangers` are tokens that came and were not it. `refresh` is the living refresh token."""

    account: FakeAccount
    token: str
    refresh: str = "R1"
    base_url: str = ""
    strangers: list[str] = field(default_factory=list)
    cut_after: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, asked: Asked) -> HttpAnswer:
        if asked.path == "/oauth2/access_token":
            return self._pair(asked)
        if asked.headers.get("Authorization") != f"Bearer {self.token}":
            self.strangers.append(str(asked.headers.get("Authorization")))
            return problem(401, "Unauthorized")
        with self.lock:
            self.account.asked.append(asked)
            return self.account.handle(asked)

    def _pair(self, asked: Asked) -> HttpAnswer:
        if asked.body["refresh_token"] != self.refresh:
            return problem(401, "", hint="Token has been revoked")
        return answer({"access_token": self.token, "refresh_token": self.refresh, "expires_in": 86400})


@contextmanager
def serving(account: FakeAccount, token: str) -> Iterator[Served]:
    served = Served(account, token)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = parse_qs(parts.query)
            asked = Asked(self.command, self.path, parts.path, query, body, dict(self.headers), body is not None)
            said = served.answer(asked)
            if served.cut_after == asked.call:
                served.cut_after = ""
                self.close_connection = True
                return
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_GET = do_POST = do_PATCH = handle_any  # noqa: N815 - the names are the library's

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the library's
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.base_url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
