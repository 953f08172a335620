"""The JSON of one call event, as docs/webhook-connector.md promises it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from hub.domain.events import Side

_YEARS = range(2000, 2101)


class Word(fields.String):
    """Text without NUL and without halves of characters: neither can be stored by a database."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs).replace("\x00", "").strip()
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ValidationError("is not valid text") from error
        return text


class Number(Word):
    """A number that is written as text, but that many systems send as a JSON number: "101" and 101."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        return super()._deserialize(value, attr, data, **kwargs)


class Amount(Word):
    """Money as a decimal text; a JSON number is taken too: "3.60" and 3.6."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = format(Decimal(str(value)), "f")
        text = super()._deserialize(value, attr, data, **kwargs)
        if not re.fullmatch(r"\d{1,12}(\.\d{1,6})?", text, re.ASCII):
            raise ValidationError('is not an amount such as "3.60"')
        return text


class Moment(fields.AwareDateTime):
    """RFC 3339 with a zone, in this century."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(format="iso", **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if not isinstance(value, str):
            raise ValidationError('is not a time such as "2026-11-22T10:00:00Z"')
        moment = super()._deserialize(value, attr, data, **kwargs)
        if moment.year not in _YEARS:
            raise ValidationError("is not in this century")
        return moment


def _words(longest: int, *, required: bool = False) -> Word:
    return Word(required=required, allow_none=not required, validate=validate.Length(min=1, max=longest))


def _number(longest: int) -> Number:
    return Number(allow_none=True, validate=validate.Length(max=longest))


class RecordingSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    id = _words(128)
    state = _words(32, required=True)
    url = _words(300)


class PhraseSchema(Schema):
    class Meta:
        unknown = EXCLUDE

    side = Word(required=True, validate=validate.OneOf([side.value for side in Side]))
    start = fields.Integer(strict=True, required=True, validate=validate.Range(0, 7 * 86400))
    stop = fields.Integer(strict=True, required=True, validate=validate.Range(0, 7 * 86400))
    text = Word(required=True, validate=validate.Length(min=1, max=4000))

    @validates_schema
    def _ends_after_it_begins(self, loaded: Mapping[str, Any], **_options: Any) -> None:
        if loaded["stop"] < loaded["start"]:
            raise ValidationError("ends before it begins", "stop")


class EventSchema(Schema):
    """`call_id`, `event` and `at` are required; everything else is said when it is known."""

    class Meta:
        unknown = EXCLUDE

    call_id = Number(required=True, validate=validate.Length(min=1, max=200))
    event = _words(32, required=True)
    at = Moment(required=True)
    leg_id = _number(200)
    seq = fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, 2**31 - 1))
    direction = _words(32)
    client = _number(200)
    line = _number(200)
    extension = _number(64)
    group = _number(64)
    result = _words(32)
    talk_seconds = fields.Integer(strict=True, allow_none=True, validate=validate.Range(0, 7 * 86400))
    started_at = Moment(allow_none=True)
    answered_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)
    recording = fields.Nested(RecordingSchema, allow_none=True)
    cost = Amount(allow_none=True)
    currency = _words(16)
    rating = fields.Integer(strict=True, allow_none=True, validate=validate.Range(-(2**31), 2**31 - 1))
    transcript = fields.List(fields.Nested(PhraseSchema), allow_none=True, validate=validate.Length(max=5000))

    @validates_schema
    def _recording_is_there(self, loaded: Mapping[str, Any], **_options: Any) -> None:
        if loaded.get("event") == "recording" and not loaded.get("recording"):
            raise ValidationError("an event about a recording needs the object", "recording")
