"""An OAuth server that takes each refresh token once and counts what it was asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.domain.access import TokenPair
from hub.domain.errors import AuthRevoked, OutcomeUnknown
from hub.net.client import HubHttp
from tests.net.servers import RawServer, answer

FIRST = TokenPair("access-1", "refresh-1", None)


@dataclass
class AuthServer:
    """`asked` are the refresh tokens it was given. `failing` makes it answer 500; `think_seconds` slow."""

    generation: int = 1
    failing: bool = False
    think_seconds: float = 0.0
    asked: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def talk(self, peer: socket.socket, server: RawServer) -> None:
        while server.read_request(peer):
            given = server.bodies[-1].decode()
            if self.think_seconds:
                server.stopping.wait(self.think_seconds)
            status, document = self._judge(given)
            answer(peer, json.dumps(document).encode(), status=status)

    def _judge(self, given: str) -> tuple[str, dict[str, str]]:
        with self._lock:
            self.asked.append(given)
            if self.failing:
                return "500 Internal Server Error", {}
            if given != f"refresh-{self.generation}":
                return "400 Bad Request", {"error": "invalid_grant"}
            self.generation += 1
            return "200 OK", {"access": f"access-{self.generation}", "refresh": f"refresh-{self.generation}"}


def refresh_at(url: str) -> Callable[[str], TokenPair]:
    """What a connector's folder does: one request, its answer read by code."""
    http = HubHttp(["127.0.0.1"])

    def refresh(token: str) -> TokenPair:
        got = http.request("POST", url, body=token.encode(), write=True, read_timeout_seconds=5)
        if got.status == 400:
            raise AuthRevoked("invalid_grant")
        if got.status != 200:
            raise OutcomeUnknown(f"the auth server answered {got.status}")
        document = json.loads(got.body)
        return TokenPair(document["access"], document["refresh"], datetime.now(UTC) + timedelta(hours=1))

    return refresh
