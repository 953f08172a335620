"""Cursors: where the next page of a list starts, opaque to who pages."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last row that was shown; `at` only where a list is ordered by a moment."""

    id: int
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of rows and, when more follow, the cursor of the next."""

    items: Sequence[T]
    next: Cursor | None


def page_of(rows: Sequence[T], limit: int, cursor: Callable[[T], Cursor]) -> Page[T]:
    """`rows` were asked for one more than `limit`: the surplus one tells that there is a next page."""
    shown = rows[:limit]
    return Page(shown, cursor(shown[-1]) if len(rows) > limit else None)


def encode_cursor(cursor: Cursor) -> str:
    parts: list[Any] = [str(cursor.id)]
    if cursor.at is not None:
        parts.append(cursor.at.astimezone(UTC).isoformat())
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def decode_cursor(text: str, *, timed: bool) -> Cursor:
    """The cursor in `text`; `timed` when it must hold a moment. Raises ValueError when it is not one of ours."""
    try:
        parts = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, UnicodeError, RecursionError) as error:
        raise ValueError("not a cursor") from error
    if not isinstance(parts, list) or len(parts) != 1 + timed or not all(isinstance(part, str) for part in parts):
        raise ValueError("not a cursor")
    row_id = parse_id(parts[0])
    at = datetime.fromisoformat(parts[1]) if timed else None
    if row_id is None or (at is not None and (at.tzinfo is None or not 1970 <= at.year <= 9000)):
        raise ValueError("not a cursor")
    return Cursor(row_id, at)


def parse_id(text: str) -> int | None:
    """A row's id as it stands in an address; None for what no row can have."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    number = int(text)
    return number if 0 < number <= LARGEST_ID else None
