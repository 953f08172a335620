"""Posting events to handlers: form-encoded, once, in the background (bitrix24.md §5)."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import urllib3

from .auth import issue
from .brackets import flatten
from .events import keep_offline
from .ledger import Exchange, masked
from .portal import Grant, Handler, Occurrence, Portal

_TIMEOUT_SECONDS = 10.0
_SUCCESS = range(200, 300)


class EventQueue:
    """The queue server of one portal: its own thread, no second try."""

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._waiting: queue.Queue[Occurrence | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="bitrix24-events", daemon=True)
        self._thread.start()
        portal.emit = self.put

    def put(self, occurrence: Occurrence) -> None:
        """Takes an occurrence; called while the portal's lock is held."""
        if self._portal.app.installed and not self._portal.app.removed:
            keep_offline(self._portal, occurrence)
        self._waiting.put(occurrence)

    def settle(self, timeout_seconds: float = 10.0) -> bool:
        """Waits until everything was posted; False when that did not happen in time."""
        ends = time.monotonic() + timeout_seconds
        while self._waiting.unfinished_tasks and time.monotonic() < ends:
            threading.Event().wait(0.005)
        return not self._waiting.unfinished_tasks

    def close(self) -> None:
        """Ends the thread."""
        self._waiting.put(None)
        self._thread.join(timeout=1)

    def _work(self) -> None:
        while (occurrence := self._waiting.get()) is not None:
            try:
                self._tell_all(occurrence)
            finally:
                self._waiting.task_done()
        self._waiting.task_done()

    def _tell_all(self, occurrence: Occurrence) -> None:
        with self._portal.lock:
            app = self._portal.app
            ready = app.installed and not app.removed
            bound = [one for one in self._portal.handlers if one.event == occurrence.event and not one.offline]
        if not bound or not ready:
            return
        if self._portal.settings.event_delay_seconds:
            time.sleep(self._portal.settings.event_delay_seconds)
        for handler in bound:
            post(self._portal, handler.url, _body(self._portal, handler, occurrence))


def post(portal: Portal, url: str, body: Mapping[str, Any], query: str = "") -> tuple[int | None, bytes]:
    """Posts one event. The status is None when no answer came; failures are noted and forgotten."""
    begun = time.monotonic()
    status, content = None, b""
    try:
        answer = urllib3.request(
            "POST",
            url + query,
            body=urlencode(flatten(body)),
            headers={"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Bitrix24 Webhook Engine"},
            timeout=_TIMEOUT_SECONDS,
            retries=False,
            redirect=False,
        )
        status, content = answer.status, answer.data
    except (urllib3.exceptions.HTTPError, ValueError) as failure:
        content = type(failure).__name__.encode()
    _judge(portal, url, body, status, time.monotonic() - begun)
    return status, content


def auth_block(portal: Portal, grant: Grant | None, *, with_refresh: bool = False) -> dict[str, Any]:
    """`auth[…]` of an event: always the addresses and the application token; tokens when somebody acted."""
    settings, app = portal.settings, portal.app
    block: dict[str, Any] = {"domain": portal.domain, "client_endpoint": portal.client_endpoint}
    if settings.event_server_endpoint:
        block["server_endpoint"] = portal.server_endpoint
    block |= {"member_id": portal.member_id, "application_token": app.application_token}
    if grant is None:
        return block
    block |= {
        "access_token": grant.access,
        "expires": int(grant.expires_at),
        "expires_in": int(grant.expires_at - portal.clock()),
        "scope": ",".join(grant.scope),
        "status": "L",
        "user_id": grant.user_id,
    }
    return block | ({"refresh_token": grant.refresh} if with_refresh else {})


def _body(portal: Portal, handler: Handler, occurrence: Occurrence) -> dict[str, Any]:
    with portal.lock:
        user_id = handler.user_id or occurrence.user_id
        has_tokens = user_id in portal.users and portal.settings.event_tokens
        grant = issue(portal, int(user_id or 0), with_refresh=False) if has_tokens else None
        body: dict[str, Any] = {"event": occurrence.event}
        if portal.settings.event_handler_id:
            body["event_handler_id"] = handler.id
        return body | {"data": occurrence.params, "ts": int(occurrence.at), "auth": auth_block(portal, grant)}


def _judge(portal: Portal, url: str, body: Mapping[str, Any], status: int | None, seconds: float) -> None:
    name = str(body.get("event", "PLACEMENT"))
    portal.ledger.write(
        Exchange(
            at=portal.clock(),
            tenant=portal.member_id,
            side="event",
            http_method="POST",
            method=name,
            params=masked({"url": url, "data": body.get("data", {}), "auth": body.get("auth", {})}),
            status=status,
            error=None if status in _SUCCESS else "lost",
            source="portal",
            executed=status in _SUCCESS,
            seconds=round(seconds, 3),
        )
    )
    if status not in _SUCCESS:
        portal.offence("event_lost", f"{name}: {status or 'no answer'}")
    elif seconds > portal.settings.slow_handler_seconds:
        portal.offence("slow_handler", f"{name}: {seconds:.1f} s")
