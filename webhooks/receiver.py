"""`/hooks/<token>[/<topic…>]`: verify raw bytes, keep them, answer. A raw WSGI function in front of Flask."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from connectors.contract import Registry
from hub.db.engine import Database
from hub.db.tables import Connection
from hub.domain.errors import BadSignature
from hub.observe.crash import crash_point
from webhooks.contract import Hook, HookAnswer, HookRequest
from webhooks.inbox import Inbox, InboxUnavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

BODY_CAP_BYTES = 256 * 1024
PREFIX = "/hooks/"
_REMEMBERED_SECONDS = 2.0
_ANSWER_SECONDS = 0.95
_AT_ONCE = 16
_NOT_FOUND = HookAnswer(404, b'{"error":"not found"}')
_TOO_LARGE = HookAnswer(413, b'{"error":"the body is over 256 KiB"}')
_UNAVAILABLE = HookAnswer(503, b'{"error":"not kept, please send again"}')
_REASONS = {200: "200 OK", 404: "404 Not Found", 413: "413 Content Too Large", 503: "503 Service Unavailable"}


def hash_token(token: str) -> str:
    """How a hook token is stored: it cannot be read back from the database."""
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Sender:
    connection_id: int
    hook: Hook
    secrets: tuple[Mapping[str, str], ...]
    remembered_until: float


class Receiver:
    """The door. `ring` is called after the commit, and costs the sender nothing."""

    def __init__(
        self,
        database: Database,
        inbox: Inbox,
        registry: Registry,
        *,
        now: Callable[[], datetime],
        ring: Callable[[], None],
    ) -> None:
        self._database = database
        self._inbox = inbox
        self._registry = registry
        self._now = now
        self._ring = ring
        self._senders: dict[str, _Sender] = {}
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="receive")
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._answer(environ)
        reason = _REASONS.get(answer.status, f"{answer.status} Answer")
        headers = [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body)))]
        if answer.status == 503:
            headers.append(("Retry-After", "2"))
        start_response(reason, headers)
        return [answer.body]

    def _answer(self, environ: WSGIEnvironment) -> HookAnswer:
        body = _read_body(environ)
        if body is None:
            return _TOO_LARGE
        token, topic = _split_path(environ.get("PATH_INFO", ""))
        return self._in_time(token, _request(environ, topic, body, self._now()))

    def _in_time(self, token: str, request: HookRequest) -> HookAnswer:
        """The answer, or 503 after a second: a database that has fallen silent says nothing for minutes.

        What it was waiting for may still be kept afterwards; the sender's next try then finds it there.
        """
        gives_up_at = time.monotonic() + _ANSWER_SECONDS
        if not self._free.acquire(timeout=_ANSWER_SECONDS):
            return _UNAVAILABLE
        job = self._threads.submit(self._admit, token, request)
        job.add_done_callback(lambda _job: self._free.release())
        try:
            return job.result(timeout=max(0.0, gives_up_at - time.monotonic()))
        except TimeoutError:
            return _UNAVAILABLE

    def _admit(self, token: str, request: HookRequest) -> HookAnswer:
        try:
            sender = self._sender(token)
        except SQLAlchemyError:
            return _UNAVAILABLE
        if sender is None:
            hashlib.sha256(request.body).digest()  # an unknown token takes the time of a check, too
            return _NOT_FOUND
        return self._receive(sender, request)

    def _receive(self, sender: _Sender, request: HookRequest) -> HookAnswer:
        try:
            admitted = sender.hook.admit(request, sender.secrets)
        except BadSignature:
            return _NOT_FOUND
        if admitted.items:
            try:
                self._inbox.keep(sender.connection_id, admitted.items, request.received_at)
            except InboxUnavailable:
                return _UNAVAILABLE
            crash_point("after_inbox_commit")
            self._ring()
        return admitted.answer

    def _sender(self, token: str) -> _Sender | None:
        """Who sends with this token; remembered for two seconds, so that a changed secret works at once."""
        key = hash_token(token)
        known = self._senders.get(key)
        if known is not None and known.remembered_until > time.monotonic():
            return known
        with self._database.reading() as session:
            row = session.scalar(select(Connection).where(Connection.hook_token_hash == key))
        hook = self._registry[row.vendor].hook if row is not None and row.vendor in self._registry else None
        if row is None or hook is None:
            self._senders.pop(key, None)
            return None
        sets = tuple(secrets for secrets in (row.secrets, row.previous_secrets) if secrets)
        sender = _Sender(row.id, hook, sets, time.monotonic() + _REMEMBERED_SECONDS)
        self._senders[key] = sender
        return sender


def _read_body(environ: WSGIEnvironment) -> bytes | None:
    """The body, or None when it is over the cap; what is announced as too large is not even read."""
    announced = environ.get("CONTENT_LENGTH") or ""
    if announced.isdigit() and int(announced) > BODY_CAP_BYTES:
        return None
    limit = int(announced) if announced.isdigit() else BODY_CAP_BYTES + 1
    body: bytes = environ["wsgi.input"].read(limit) if limit else b""
    return body if len(body) <= BODY_CAP_BYTES else None


def _split_path(path: str) -> tuple[str, str]:
    parts = [part for part in path[len(PREFIX) :].split("/") if part]
    return (parts[0], "/".join(parts[1:])) if parts else ("", "")


def _request(environ: Mapping[str, Any], topic: str, body: bytes, received_at: datetime) -> HookRequest:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name.startswith("HTTP_")}
    headers["content-type"] = environ.get("CONTENT_TYPE") or ""
    return HookRequest(
        method=environ["REQUEST_METHOD"],
        topic=topic,
        query=environ.get("QUERY_STRING", ""),
        headers=headers,
        body=body,
        received_at=received_at,
    )
