"""amoCRM's answers: what is a success, and what an answer that is none complains of. Pure.

amocrm.md §0, §2.3: an empty list is 204 without a body, a 202 may have none either, errors are
`application/problem+json`, and a 429 need not be JSON at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from connectors.amocrm.errors import Complaint, Fault, error_for, retry_at
from connectors.contract import Json
from hub.domain.errors import OutcomeUnknown, Unreachable
from hub.net.http import HttpAnswer

Envelope = Mapping[str, Json]
_LONGEST_WORDS = 500
_UNREADABLE = object()


def opened(answer: HttpAnswer, *, write: bool, now: datetime, throttled_lately: bool = False) -> Json:
    """The document of a success, None when it has no body. Raises the delivery error of anything else."""
    document = _document(answer.body)
    if not 200 <= answer.status < 300:
        raise error_for(complaint(answer, now), write=write, now=now, throttled_lately=throttled_lately)
    if document is _UNREADABLE:
        words = f"amoCRM: HTTP {answer.status} with a body that is no JSON"
        raise OutcomeUnknown(words) if write else Unreachable(words)
    return document


def complaint(answer: HttpAnswer, now: datetime) -> Complaint:
    """What an answer that is no success says, whatever its body is."""
    document = mapping(_document(answer.body))
    is_problem = any(name in document for name in ("title", "detail", "validation-errors", "errors", "hint"))
    when = retry_at(answer.headers.get("retry-after"), document.get("retry_after"), now)
    faults = tuple(_faults(document))
    words = _words(answer.status, document, faults)[:_LONGEST_WORDS] + _named_request(answer)
    return Complaint(answer.status, words, is_problem, faults, when)


def _named_request(answer: HttpAnswer) -> str:
    """amoCRM's own id of the request, which its support asks for (amocrm.md §0)."""
    request_id = answer.headers.get("x-request-id", "").strip()
    return f" [request {request_id[:64]}]" if request_id.isascii() and request_id.isprintable() and request_id else ""


def _document(body: bytes) -> Json:
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _faults(document: Envelope) -> Iterable[Fault]:
    for item in rows(document.get("validation-errors")):
        for error in rows(item.get("errors")):
            yield Fault(text(error.get("path")), text(error.get("code")), text(error.get("detail")))


def _words(status: int, document: Envelope, faults: tuple[Fault, ...]) -> str:
    said = text(document.get("hint")) or text(document.get("detail")) or text(document.get("title"))
    inner = [text(item.get("detail")) or text(item.get("title")) for item in rows(document.get("errors"))]
    named = [f"{fault.path}: {fault.code or fault.detail}" for fault in faults]
    sentence = "; ".join(part for part in (said, *inner, *named) if part)
    return f"{sentence} (HTTP {status})" if sentence else f"HTTP {status} without an answer of the API"


# --- Values ---------------------------------------------------------------------------------------


def mapping(value: Json) -> Envelope:
    """A map; anything that is none (PHP writes an empty one as `[]`) is an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: Json) -> list[Envelope]:
    """The maps of a list; anything else is left out."""
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def embedded(document: Json, name: str) -> list[Envelope]:
    """`_embedded.<name>` of an answer; of a bare array, its rows (amocrm.md §3.5)."""
    if isinstance(document, list):
        return rows(document)
    return rows(mapping(mapping(document).get("_embedded")).get(name))


def identifier(value: Json) -> str | None:
    """An id as text, whether it came as 7 or "7"; None for what means "none": null, "", 0, "0"."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    found = str(value).strip()
    return None if found in {"", "0"} else found


def text(value: Json) -> str:
    """A word as text; "" for null and for what is no word."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def number(value: str) -> int | str:
    """An id as the API wants it."""
    return int(value) if value.isdigit() else value


def without_nulls(value: Json) -> Json:
    """The same without keys whose value is null: amoCRM refuses `link: null` with NotNullable (amocrm.md §3.1)."""
    if isinstance(value, Mapping):
        return {name: without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(inner) for inner in value]
    return value
