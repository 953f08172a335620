"""Reports about calls that are over, each fetched by a key (mango.md §4.2, §4.3)."""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from simulators.mango.checks import BAD_FORMAT, MISSING, WRONG_DATES, WRONG_PARAMETERS, Refused, integer, text
from simulators.mango.exchange import Exchange
from simulators.mango.faults import Faults
from simulators.mango.history import (
    MOSCOW,
    by_day,
    csv_row,
    fits_filters,
    fits_query,
    has_text_ids,
    json_entry,
    legs_with_people,
)
from simulators.mango.office import Office

Body = Mapping[str, Any]
LIMITS = (1, 5, 10, 20, 50, 100, 500, 1000, 2000, 5000)
KEY_LIVES_SECONDS = 60.0
POLL_SECONDS = 5.0
CSV_FIELDS = (
    "records", "start", "finish", "answer", "from_extension", "from_number", "to_extension", "to_number",
    "disconnect_reason", "line_number", "location",
)  # fmt: skip
CSV_EXTRAS = ("entry_id", "create")
_LONGEST_BASIC = timedelta(days=31)
_LONGEST_EXTENDED = timedelta(days=30)
DATABASE_ERROR = 5004


@dataclass(slots=True)
class Job:
    """One report under way: `kind` "csv" or "json", its request, and how often it was polled."""

    kind: str
    request: Body
    made_at: float
    polls: int = 0
    last_poll_at: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """An answer of a result method: `status` 204, 404 or 200; `body` CSV text or a JSON value."""

    status: int
    body: object = None


@dataclass(slots=True)
class Statistics:
    """`offends(code, what)` writes into the ledger what a client should not do, though Mango lets it."""

    exchange: Exchange
    office: Office
    faults: Faults
    now: Callable[[], float]
    offends: Callable[[str, str], None]
    jobs: dict[str, Job] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def request_csv(self, body: Body) -> str:
        """`stats/request`: the key to poll with. Raises `Refused`."""
        start, end = _epoch(body, "date_from"), _epoch(body, "date_to")
        if end < start or end - start > _LONGEST_BASIC.total_seconds():
            raise Refused(WRONG_PARAMETERS, "the span is more than a month, or backwards", {"date_to": WRONG_DATES})
        if unknown := set(_csv_fields(body)) - {*CSV_FIELDS, *CSV_EXTRAS}:
            raise Refused(BAD_FORMAT, f"fields has {', '.join(sorted(unknown))}", {"fields": BAD_FORMAT})
        text(body, "request_id", longest=128)
        return self._start("csv", body)

    def request_json(self, body: Body) -> str:
        """`stats/calls/request`: the key to poll with. Raises `Refused`."""
        start, end = _moscow(body, "start_date"), _moscow(body, "end_date")
        if end < start or end - start >= _LONGEST_EXTENDED:
            raise Refused(WRONG_PARAMETERS, "30 days or more, or backwards", {"end_date": WRONG_DATES})
        if integer(body, "limit", required=True) not in LIMITS:
            raise Refused(BAD_FORMAT, f"limit is none of {LIMITS}", {"limit": BAD_FORMAT})
        integer(body, "offset", required=True)
        return self._start("json", body)

    def result(self, kind: str, body: Body) -> Report:
        """`stats/result`, `stats/calls/result`: 204 or "work" for some polls, then the report; 404 for a dead key."""
        key = text(body, "key", required=True) or ""
        with self.lock:
            job = self.jobs.get(key)
            if job is None or job.kind != kind or self.now() - job.made_at > KEY_LIVES_SECONDS:
                return Report(404, {"result": 3300})
            self._count_poll(job)
            is_ready = job.polls > self.faults.stats_polls
        if kind == "csv":
            return Report(200, self._csv(job.request)) if is_ready else Report(204)
        return self._json_stage(job, is_ready=is_ready)

    def _start(self, kind: str, body: Body) -> str:
        key = base64.b64encode(secrets.token_bytes(20)).decode()
        with self.lock:
            self.jobs[key] = Job(kind, dict(body), self.now())
        return key

    def _count_poll(self, job: Job) -> None:
        if job.last_poll_at is not None and self.now() - job.last_poll_at < POLL_SECONDS:
            self.offends("polled_too_fast", "stats results are asked for more than once in 5 s")
        job.last_poll_at = self.now()
        job.polls += 1

    # --- CSV --------------------------------------------------------------------------------------------------------

    def _csv(self, body: Body) -> str:
        start, end = _epoch(body, "date_from"), _epoch(body, "date_to")
        names = _csv_fields(body)
        rows = [
            csv_row(call, leg)
            for call in self.exchange.finished()
            if start <= call.created_at <= end
            for leg in legs_with_people(call)
        ]
        chosen = [row for row in rows if fits_filters(row, body)]
        return "".join(";".join(str(row[name]) for name in names) + "\r\n" for row in chosen)

    # --- JSON -------------------------------------------------------------------------------------------------------

    def _json_stage(self, job: Job, *, is_ready: bool) -> Report:
        """Not ready: first 204, then "work", which may already carry a part of the answer."""
        entries = self._entries(job.request)
        if has_text_ids(job.request):
            return Report(200, {"result": DATABASE_ERROR, "status": "error"})
        if is_ready:
            return Report(200, {"result": 1000, "status": "complete", "data": by_day(entries)})
        if job.polls <= 1:
            return Report(204)
        return Report(200, {"result": 1000, "status": "work", "data": by_day(entries[: len(entries) // 2])})

    def _entries(self, body: Body) -> list[dict[str, Any]]:
        start, end = _moscow(body, "start_date").timestamp(), _moscow(body, "end_date").timestamp()
        entries = [
            json_entry(call, self.office) for call in self.exchange.finished() if start <= call.created_at <= end
        ]
        chosen = [entry for entry in entries if fits_query(entry, body)]
        chosen.sort(key=lambda entry: int(entry["context_start_time"]))
        offset = integer(body, "offset") or 0
        return chosen[offset : offset + (integer(body, "limit") or 0)]


def _epoch(body: Body, name: str) -> int:
    """Seconds, as an integer or its digits."""
    value = text(body, name, required=True) or ""
    if not value.isdigit():
        raise Refused(BAD_FORMAT, f"{name} is not Unix seconds", {name: BAD_FORMAT})
    return int(value)


def _moscow(body: Body, name: str) -> datetime:
    """DD.MM.YYYY HH:MM:SS of Moscow; anything else is 3104."""
    value = text(body, name, required=True) or ""
    try:
        return datetime.strptime(value, "%d.%m.%Y %H:%M:%S").replace(tzinfo=MOSCOW)
    except ValueError as error:
        raise Refused(BAD_FORMAT, f"{name} is not DD.MM.YYYY HH:MM:SS", {name: BAD_FORMAT}) from error


def _csv_fields(body: Body) -> list[str]:
    """The wanted columns: a comma-separated string, or an array as in the documents of 2017."""
    fields = body.get("fields")
    if fields is None:
        return list(CSV_FIELDS)
    if isinstance(fields, list):
        return [str(each).strip() for each in fields]
    if not isinstance(fields, str):
        raise Refused(MISSING, "fields is not a string", {"fields": BAD_FORMAT})
    return [each.strip() for each in fields.split(",") if each.strip()]
