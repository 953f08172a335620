"""Rudeness on command: what an account does wrong, for which route, how often and how long."""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .clock import Clock

KINDS = {
    "error_before": "an error is answered and nothing is executed (500 unless `status` says otherwise)",
    "error_after": "the request is executed, then an error is answered",
    "drop_before": "the connection is closed without an answer and nothing is executed",
    "drop_after": "the request is executed, then the connection is closed without an answer",
    "delay": "the answer waits for `seconds`",
    "html_502": "a gateway's page in HTML; nothing is executed",
    "html_502_after": "the request is executed, then a gateway's page is answered",
    "throttle": "429, `times` requests or for `seconds`",
    "block": "403 with a page that is not problem+json, `times` requests or for `seconds`",
    "unauthorized": "401 as for a dead access token",
    "unpaid": "402",
    "no_content": "204 without a body; nothing is executed",
    "redirect": "302 to `location`; nothing is executed",
}
STATUSES = {"html_502": 502, "html_502_after": 502, "throttle": 429, "block": 403, "unauthorized": 401}
STATUSES |= {"unpaid": 402, "no_content": 204, "redirect": 302}


@dataclass
class Fault:
    """One planned fault.

    `route` is a pattern of a path (`calls`, `leads/unsorted/*`, `oauth2/access_token`), with a verb before it when it
    matters (`POST contacts`). `times` None means until cleared; `seconds` is how long a delay is, or how long any
    other fault goes on; `skip` lets so many requests pass first.
    """

    kind: str
    route: str = "*"
    times: int | None = 1
    seconds: float | None = None
    skip: int = 0
    status: int = 500
    location: str = "https://moved.example/"
    hits: int = 0
    ends_at: float | None = None

    @property
    def answers(self) -> int | None:
        """The status that the client sees; None for a closed connection."""
        return None if self.kind.startswith("drop") else STATUSES.get(self.kind, self.status)

    def spent(self, now: float) -> bool:
        """Whether the fault is over."""
        used_up = self.times is not None and self.hits >= self.times
        return used_up or (self.ends_at is not None and now >= self.ends_at)

    def matches(self, verb: str, path: str) -> bool:
        """Whether it is meant for this request; a bare `*` does not reach the token endpoint."""
        if self.route == "*":
            return not path.startswith("oauth2/")
        wanted_verb, _, pattern = self.route.rpartition(" ")
        pattern = pattern.removeprefix("/").removeprefix("api/v4/")
        return wanted_verb in ("", verb) and fnmatch.fnmatchcase(path, pattern)


class Faults:
    """The faults of one account."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._planned: list[Fault] = []

    def add(self, kind: str, route: str = "*", *, times: int | None = 1, **details: Any) -> Fault:
        """Plans a fault; see `Fault` for the details. Raises `ValueError` for unknown kinds and details."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; one of: {', '.join(sorted(KINDS))}")
        known = {item.name for item in fields(Fault)} - {"hits", "ends_at"}
        if unknown := set(details) - known:
            raise ValueError(f"unknown detail {min(unknown)!r}; one of: {', '.join(sorted(known))}")
        if kind != "delay" and details.get("seconds") is not None:
            times = None
            details["ends_at"] = self._clock() + float(details["seconds"])
        fault = Fault(kind, route, times, **details)
        with self._lock:
            self._planned.append(fault)
        return fault

    def add_from_json(self, document: Mapping[str, Any]) -> Fault:
        """The same from the map that `POST /_sim/faults` takes."""
        details = dict(document)
        if "kind" not in details:
            raise ValueError("a fault needs a `kind`")
        return self.add(str(details.pop("kind")), str(details.pop("route", "*")), **details)

    def take(self, verb: str, path: str) -> list[Fault]:
        """The faults that this request meets: at most one refusal, and any delays before it."""
        now = self._clock()
        taken: list[Fault] = []
        with self._lock:
            for fault in self._planned:
                if fault.spent(now) or not fault.matches(verb, path):
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
