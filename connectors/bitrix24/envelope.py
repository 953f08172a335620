"""Bitrix24's JSON envelope: what is a success, and what an answer that is none complains of. Pure.

bitrix24.md §2.2, §2.3: errors also come with HTTP 200, `error` may be an empty string, gateways answer
in HTML, and PHP writes an empty map as `[]`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from connectors.bitrix24.errors import Complaint, error_for, retry_after
from connectors.contract import Json
from hub.net.http import HttpAnswer

Envelope = Mapping[str, Json]
_LONGEST_WORDS = 500


def opened(answer: HttpAnswer, *, write: bool, now: datetime) -> Envelope:
    """The envelope of a success, `result` among its keys. Raises the delivery error of anything else.

    An answer that cannot be read is `OutcomeUnknown` for a write: the method may have run.
    """
    document = _document(answer.body)
    if document is not None and answer.status < 300 and "result" in document and not document.get("error"):
        return document
    raise error_for(_complaint(answer, document, now), write=write, now=now)


def _document(body: bytes) -> Envelope | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _complaint(answer: HttpAnswer, document: Envelope | None, now: datetime) -> Complaint:
    retry_at = retry_after(answer.headers.get("retry-after"), now)
    if document is None or "error" not in document:
        words = f"HTTP {answer.status} without an answer of the REST interface"
        return Complaint(answer.status, None, words, retry_at)
    return complaint_of(document, status=answer.status, retry_at=retry_at)


def complaint_of(document: Envelope, *, status: int = 400, retry_at: datetime | None = None) -> Complaint:
    """An error envelope. One inside a batch has no HTTP status of its own: there the code and the words decide."""
    code, words = _code_and_words(document)
    return Complaint(status, code.lower(), words[:_LONGEST_WORDS], retry_at, _reset_at(document))


def _code_and_words(document: Envelope) -> tuple[str, str]:
    error = document["error"]
    if isinstance(error, dict):
        return str(error.get("code") or ""), str(error.get("message") or "")
    words = document.get("error_description") or document.get("error_message") or ""
    return str(error or ""), str(words)


def _reset_at(document: Envelope) -> datetime | None:
    seconds = mapping(document.get("time")).get("operating_reset_at")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


# --- Values as PHP writes them ---------------------------------------------------------------------


def mapping(value: Json) -> Mapping[str, Json]:
    """A map; `[]`, null and anything else that is none is an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Json) -> list[Mapping[str, Json]]:
    """The maps of a list; anything else is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def identifier(value: Json) -> str | None:
    """An id as text, whether it came as 7 or "7"; None for what means "none": null, "", 0, "0"."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value).strip()
    return None if text in {"", "0"} else text


def text(value: Json) -> str:
    """A word as text; "" for null and for what is no word."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
