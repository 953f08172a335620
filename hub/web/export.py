"""Calls as CSV: streamed, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from hub.web.queries.calls import ListedCall

COLUMNS = (
    "id", "connection", "started_at", "direction", "outcome", "client", "line", "extension", "wait_seconds",
    "talk_seconds", "missed_reason", "source", "medium", "campaign",
)  # fmt: skip
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PHONE = re.compile(r"\+\d{5,15}")  # a bare number is inert, and useless with a quote before it
_UTF8_MARK = "\ufeff"  # without it Excel reads Cyrillic letters wrongly
_ROWS_PER_CHUNK = 200


def csv_stream(calls: Iterable[ListedCall], *, for_excel: bool = False) -> Iterator[str]:
    """The lines of the file in chunks, header first."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_UTF8_MARK if for_excel else "")
    writer.writerow(COLUMNS)
    for number, listed in enumerate(calls, start=1):
        writer.writerow([safe_cell(value) for value in _row(listed)])
        if number % _ROWS_PER_CHUNK == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _row(listed: ListedCall) -> tuple[object, ...]:
    call = listed.call
    return (
        call.id, listed.connection, call.started_at, call.direction, call.outcome,
        call.client_e164 or call.client_raw, call.line, call.answered_by or call.first_rung, call.wait_seconds,
        call.talk_seconds, call.missed_reason, call.source, call.medium, call.campaign,
    )  # fmt: skip


def safe_cell(value: object) -> str:
    """The value as text that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    text = str(value)
    if text.lstrip(" ").startswith(_BEGINS_FORMULA) and not _PHONE.fullmatch(text):
        return "'" + text
    return text
