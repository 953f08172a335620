"""The way to a CRM that can be slow, rude or forgetful on command."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

import urllib3

from hub.domain.errors import DeliveryError, OutcomeUnknown, Unreachable
from hub.net.http import HttpAnswer

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
_JSON = {"content-type": "application/json"}
_REFUSAL = b'{"error":"SOMETHING_NEW","error_description":"no","title":"No","status":400,"detail":"no"}'

Send = Callable[[], HttpAnswer]
Rudeness = Callable[[Send, bool], HttpAnswer]
"""What becomes of one request: it may be sent by the first argument; the second says whether it writes."""


def _instead(status: int, body: bytes, **headers: str) -> Rudeness:
    return lambda _send, _write: HttpAnswer(status, {**_JSON, **headers}, body)


def _afterwards(status: int, body: bytes) -> Rudeness:
    def act(send: Send, _write: bool) -> HttpAnswer:
        send()
        return HttpAnswer(status, _JSON, body)

    return act


def _cut_off(words: str, *, after: bool) -> Rudeness:
    def act(send: Send, write: bool) -> HttpAnswer:
        if after:
            send()
        raise OutcomeUnknown(words) if write else Unreachable(words)

    return act


def _truncated(send: Send, _write: bool) -> HttpAnswer:
    answer = send()
    return HttpAnswer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])


def _refused_connection(_send: Send, _write: bool) -> HttpAnswer:
    raise Unreachable("connection refused")


RUDENESS: Mapping[str, Rudeness] = {
    "slow until the time-out": _cut_off("no answer in time", after=False),
    "reset after it was carried out": _cut_off("connection reset", after=True),
    "connection refused": _refused_connection,
    "500": _instead(500, b"Internal Server Error"),
    "500 after it was carried out": _afterwards(500, b"{}"),
    "502 in HTML": _instead(502, _HTML),
    "503 without words": _instead(503, b""),
    "503 of a limit": _instead(503, b'{"error":"QUERY_LIMIT_EXCEEDED","error_description":"Too many requests"}'),
    "429": _instead(429, b"", **{"retry-after": "7"}),
    "429 in nonsense": _instead(429, _HTML, **{"retry-after": "soon"}),
    "200 in HTML": _instead(200, _HTML),
    "200 with nothing": _instead(200, b""),
    "204": _instead(204, b""),
    "200 with an error": _instead(200, _REFUSAL),
    "200 with null": _instead(200, b"null"),
    "200 with a list": _instead(200, b"[]"),
    "200 with a word": _instead(200, b'"ok"'),
    "200 with result null": _instead(200, b'{"result":null}'),
    "200 with result list": _instead(200, b'{"result":[],"_embedded":[]}'),
    "200 with result true": _instead(200, b'{"result":true,"_embedded":{}}'),
    "200 with wrong types": _instead(200, b'{"result":{"ID":[],"CALL_ID":[]},"_embedded":{"leads":[7],"notes":{}}}'),
    "200 not UTF-8": _instead(200, b'{"result":"\xff\xfe"}'),
    "200 nested deeply": _instead(200, b'{"result":' + b"[" * 9000 + b"]" * 9000 + b"}"),
    "truncated JSON": _truncated,
    "400": _instead(400, _REFUSAL),
    "401": _instead(
        401, b'{"error":"expired_token","error_description":"expired","title":"Unauthorized","status":401}'
    ),
    "401 without words": _instead(401, b""),
    "402": _instead(402, b'{"title":"Payment Required","status":402}'),
    "403": _instead(403, b'{"error":"insufficient_scope","error_description":"no","title":"Forbidden","status":403}'),
    "403 of a gateway": _instead(403, _HTML),
    "404": _instead(404, b'{"error":"NOT_FOUND","error_description":"gone","title":"Not Found","status":404}'),
    "404 of a gateway": _instead(404, _HTML),
    "302 to a stranger": _instead(302, b"", location="https://thief.example/rest/"),
}


@dataclass
class RudeHttp:
    """An `Http` to a stand-in on the loopback address.

    `rudeness` befalls the requests whose numbers (0 is the first) are in `befalls`, or every one when
    that is None. `requests` counts; `strangers` are hosts other than those of `allowed` that were asked.
    """

    allowed: frozenset[str]
    rudeness: Rudeness | None = None
    befalls: frozenset[int] | None = None
    requests: int = 0
    strangers: list[str] = field(default_factory=list)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=20))

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        write: bool,
        read_timeout_seconds: float = 20.0,
        max_bytes: int = 8 * 1024 * 1024,
        sink: BinaryIO | None = None,
        files: Mapping[str, tuple[str, BinaryIO]] | None = None,
    ) -> HttpAnswer:
        number, self.requests = self.requests, self.requests + 1
        host = urllib3.util.parse_url(url).netloc or ""
        if host not in self.allowed:
            self.strangers.append(host)
            raise Unreachable("no such host")

        def send() -> HttpAnswer:
            return self._send(method, url, headers or {}, body, files)

        rude = self.rudeness is not None and (self.befalls is None or number in self.befalls)
        return self.rudeness(send, write) if rude and self.rudeness is not None else send()

    def _send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        files: Mapping[str, tuple[str, BinaryIO]] | None,
    ) -> HttpAnswer:
        if files:
            fields = {name: (called, stream.read()) for name, (called, stream) in files.items()}
            answer = self.pool.request(method, url, headers=dict(headers), fields=fields, redirect=False)
        else:
            answer = self.pool.request(method, url, headers=dict(headers), body=body, redirect=False)
        return HttpAnswer(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.data)


def error_of(work: Callable[[], object]) -> DeliveryError | None:
    """The delivery error that `work` raises, None when it raises nothing; anything else rises."""
    try:
        work()
    except DeliveryError as error:
        return error
    return None
