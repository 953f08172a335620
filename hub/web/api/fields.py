"""Fields of the API that marshmallow does not have: moments, cursors, plain text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields

from hub.web.paging import Cursor, decode_cursor, parse_id


class Instant(fields.Field[datetime]):
    """RFC 3339. Out: UTC with a Z. In: any offset; without one, or as a bare date, it is read as UTC."""

    def _serialize(self, value: datetime | None, *_rest: Any, **_options: Any) -> str | None:
        return None if value is None else rfc3339(value)

    def _deserialize(self, value: Any, *_rest: Any, **_options: Any) -> datetime:
        try:
            moment = read_instant(value)
        except (ValueError, TypeError, AttributeError) as error:
            raise ValidationError("Not a moment: write it like 2026-01-31T09:00:00Z.") from error
        return moment


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_instant(text: str) -> datetime:
    """The moment in `text`. Raises ValueError; years outside 1970–9000 are refused, they overflow in arithmetic."""
    # In an address an unescaped "+" of the offset arrives as a space.
    head, space, offset = text.strip().rpartition(" ")
    spelled = f"{head}+{offset}" if space and "T" in head else text.strip()
    moment = datetime.fromisoformat(spelled)
    if not 1970 <= moment.year <= 9000:
        raise ValueError("outside of any telephone's life")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


class CursorField(fields.Field[Cursor]):
    """What `next` of an earlier page said."""

    def __init__(self, *, timed: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._timed = timed

    def _deserialize(self, value: Any, *_rest: Any, **_options: Any) -> Cursor:
        try:
            return decode_cursor(str(value), timed=self._timed)
        except ValueError as error:
            raise ValidationError("Not a cursor of this list: pass on what “next” said.") from error


class RowId(fields.Field[int]):
    """An id of ours: a string of digits outside, a number inside."""

    def _serialize(self, value: int | None, *_rest: Any, **_options: Any) -> str | None:
        return None if value is None else str(value)

    def _deserialize(self, value: Any, *_rest: Any, **_options: Any) -> int:
        row_id = parse_id(str(value))
        if row_id is None:
            raise ValidationError("Not an id: a string of digits is expected.")
        return row_id


def _no_control_characters(text: str) -> None:
    if any(ord(character) < 32 for character in text):
        raise ValidationError("Control characters are not allowed.")


def text_field(**kwargs: Any) -> fields.String:
    """A line of text; NUL and its like are refused here, PostgreSQL would refuse them less kindly."""
    return fields.String(validate=_no_control_characters, **kwargs)
