"""A hub that only listens: it keeps every form that the PBX posts, and answers as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl


@dataclass
class Heard:
    path: str
    content_type: str
    form: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.form["json"])


@dataclass
class ListeningHub:
    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    status: Callable[[int], int] = lambda _: 200
    """Status of the n-th request, from 1."""
    on_event: Callable[[Heard], None] | None = None

    def events(self, path: str) -> list[Any]:
        return [each.json for each in self.heard if each.path.endswith(path) and "json" in each.form]


@contextmanager
def listening_hub() -> Iterator[ListeningHub]:
    hub = ListeningHub()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            heard = Heard(self.path, self.headers["Content-Type"], dict(parse_qsl(body, keep_blank_values=True)))
            with lock:
                hub.heard.append(heard)
                number = len(hub.heard)
            if hub.on_event:
                hub.on_event(heard)
            self.send_response(hub.status(number))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
