"""Rudeness on command: what a portal does wrong, for which method, how often and how long."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .clock import Clock

KINDS = {
    "error_before": "an error is answered and nothing is executed (500 unless `status` says otherwise)",
    "error_after": "the method is executed, then an error is answered",
    "drop_before": "the connection is closed without an answer and nothing is executed",
    "drop_after": "the method is executed, then the connection is closed without an answer",
    "delay": "the answer waits for `seconds`",
    "html_502": "a gateway's page in HTML instead of JSON; nothing is executed",
    "html_502_after": "the method is executed, then a gateway's page is answered",
    "ok_with_error": "HTTP 200 with an `error` key; nothing is executed",
    "empty": "HTTP 200 with an empty result; nothing is executed",
    "redirect": "302 to `location`; nothing is executed",
    "empty_error": 'HTTP 400 with `"error": ""`; nothing is executed',
    "throttle": "503 QUERY_LIMIT_EXCEEDED, for `seconds` or `times`",
    "operating": "429 OPERATION_TIME_LIMIT",
}


@dataclass
class Fault:
    """One planned fault.

    `method` is a method's name, `upload`, `oauth/token`, `oauth/app.info` or a pattern with `*`.
    `times` None means until cleared;
    `seconds` is the length of a delay, or how long a throttle lasts; `skip` lets so many requests pass first.
    """

    kind: str
    method: str = "*"
    times: int | None = 1
    seconds: float | None = None
    skip: int = 0
    status: int = 500
    code: str = "INTERNAL_SERVER_ERROR"
    description: str = "Internal server error"
    location: str = ""
    hits: int = 0
    ends_at: float | None = None

    def spent(self, now: float) -> bool:
        """Whether the fault is over."""
        return (self.times is not None and self.hits >= self.times) or (
            self.ends_at is not None and now >= self.ends_at
        )

    def matches(self, method: str) -> bool:
        """Whether it is meant for this method; a bare `*` does not reach the auth server."""
        if self.method == "*":
            return not method.startswith("oauth/")
        return fnmatch.fnmatchcase(method.lower(), self.method.lower())


class Faults:
    """The faults of one portal."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def add(self, kind: str, method: str = "*", *, times: int | None = 1, **details: Any) -> Fault:
        """Plans a fault; see `Fault` for the details. Raises `ValueError` for unknown kinds and details."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; one of: {', '.join(sorted(KINDS))}")
        known = {item.name for item in fields(Fault)} - {"hits", "ends_at"}
        if unknown := set(details) - known:
            raise ValueError(f"unknown detail {min(unknown)!r}; one of: {', '.join(sorted(known))}")
        if kind == "throttle" and "seconds" in details:
            times = None
            details["ends_at"] = self._clock() + float(details["seconds"])
        fault = Fault(kind, method, times, **details)
        with self._lock:
            self._planned.append(fault)
        return fault

    def add_from_json(self, document: Mapping[str, Any]) -> Fault:
        """The same from the map that `POST /_sim/faults` takes."""
        details = dict(document)
        if "kind" not in details:
            raise ValueError("a fault needs a `kind`")
        return self.add(str(details.pop("kind")), str(details.pop("method", "*")), **details)

    def take(self, method: str) -> list[Fault]:
        """The faults that this request meets: at most one refusal, and any delays before it."""
        now = self._clock()
        taken: list[Fault] = []
        with self._lock:
            for fault in self._planned:
                if fault.spent(now) or not fault.matches(method):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.kind != "delay" and any(other.kind != "delay" for other in taken):
                    continue
                fault.hits += 1
                taken.append(fault)
        return taken

    def planned(self) -> list[Fault]:
        """All faults with their counters."""
        with self._lock:
            return list(self._planned)

    def clear(self) -> None:
        """Forgets every fault."""
        with self._lock:
            self._planned.clear()
