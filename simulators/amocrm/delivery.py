"""Webhooks: posted, tried again, disabled (amocrm.md §5.3)."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

from .account import Account, Entity, Occurrence
from .brackets import flatten

RETRY_SECONDS = (300.0, 900.0, 900.0, 3600.0)
"""Waits before tries 2 to 5; the last two only after 499 and 5xx."""
_TRIES_AFTER_ANY_FAILURE = 3
_WINDOW_SECONDS = 2 * 3600
_MOST_FAILURES = 100
_TICK_SECONDS = 0.01
_SUBSCRIBED_AS = {"add_unsorted": "add_lead", "delete_unsorted": "status_lead"}
"""The codes for incoming leads are not documented; here they follow those of leads."""


@dataclass(eq=False)
class _Delivery:
    webhook_id: int
    url: str
    code: str
    form: str
    due_at: float
    tries: int = 0


@dataclass
class Postman:
    """Posts the webhooks of one account from a thread of its own; waits go by the account's clock."""

    account: Account
    _waiting: list[_Delivery] = field(default_factory=list)
    _failures: dict[int, deque[float]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _busy: bool = False
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.account.emit = self.put
        self._thread = threading.Thread(target=self._work, name=f"amocrm-{self.account.subdomain}", daemon=True)
        self._thread.start()

    def put(self, occurrence: Occurrence) -> None:
        """Takes an occurrence for every webhook that asked for it; called while the account's lock is held."""
        account = self.account
        wanted = _SUBSCRIBED_AS.get(occurrence.code, occurrence.code)
        links = {"self": account.base_url}
        about = {"account": {"subdomain": account.subdomain, "id": account.id, "_links": links}}
        form = urlencode(flatten({**occurrence.body, **about}))
        for row in account.webhooks.values():
            if wanted in row["settings"] and not row["disabled"]:
                with self._lock:
                    self._waiting += [
                        _Delivery(row["id"], row["destination"], occurrence.code, form, account.clock())
                        for _ in range(max(1, account.settings.webhook_copies))
                    ]

    def settle(self, timeout_seconds: float = 10.0) -> bool:
        """Waits until nothing is due any more; False when that did not happen in time."""
        ends = time.monotonic() + timeout_seconds
        while self._is_busy() and time.monotonic() < ends:
            self._stop.wait(_TICK_SECONDS / 2)
        return not self._is_busy()

    def pending(self) -> int:
        """How many wait for another try."""
        with self._lock:
            return len(self._waiting)

    def close(self) -> None:
        """Ends the thread."""
        self._stop.set()
        self._thread.join(timeout=5)

    def _is_busy(self) -> bool:
        with self._lock:
            return self._busy or bool(self._due())

    def _due(self) -> list[_Delivery]:
        now = self.account.clock()
        due = [one for one in self._waiting if one.due_at <= now]
        return due[::-1] if self.account.settings.webhook_shuffled else due

    def _work(self) -> None:
        while not self._stop.wait(_TICK_SECONDS):
            with self._lock:
                due = self._due()
                self._waiting = [one for one in self._waiting if one not in due]
                self._busy = bool(due)
            for delivery in due:
                self._try(delivery)
            with self._lock:
                self._busy = False

    def _try(self, delivery: _Delivery) -> None:
        account = self.account
        delivery.tries += 1
        status, seconds = _post(delivery, account.settings.webhook_timeout_seconds)
        is_good = status is not None and 100 <= status < 300
        with account.lock:
            row = account.webhooks.get(delivery.webhook_id)
        account.ledger.write(
            "delivery",
            account=account.subdomain,
            code=delivery.code,
            url=delivery.url,
            form=delivery.form,
            tries=delivery.tries,
            status=status,
            seconds=round(seconds, 3),
            time=account.clock(),
        )
        if not is_good and row is not None:
            self._failed(delivery, status, row)

    def _failed(self, delivery: _Delivery, status: int | None, row: Entity) -> None:
        now = self.account.clock()
        self.account.offence("webhook_refused", f"{delivery.code}: {status or 'no answer'}")
        failures = self._failures.setdefault(delivery.webhook_id, deque())
        failures.append(now)
        while failures[0] < now - _WINDOW_SECONDS:
            failures.popleft()
        if len(failures) > _MOST_FAILURES:
            row["disabled"] = True
        if not row["disabled"] and _tried_again(delivery.tries, status):
            delivery.due_at = now + RETRY_SECONDS[delivery.tries - 1] * self.account.settings.webhook_scale
            with self._lock:
                self._waiting.append(delivery)


def _tried_again(tries: int, status: int | None) -> bool:
    if tries < _TRIES_AFTER_ANY_FAILURE:
        return True
    is_server = status is not None and (status == 499 or status >= 500)
    return is_server and tries <= len(RETRY_SECONDS)


def _post(delivery: _Delivery, timeout_seconds: float) -> tuple[int | None, float]:
    begun = time.monotonic()
    status: int | None = None
    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "amoCRM-Webhooks/3.0"}
    options: dict[str, Any] = {"timeout": urllib3.Timeout(total=timeout_seconds), "retries": False, "redirect": False}
    try:
        status = urllib3.request("POST", delivery.url, body=delivery.form, headers=headers, **options).status
    except (urllib3.exceptions.HTTPError, ValueError):
        status = None
    return status, time.monotonic() - begun
