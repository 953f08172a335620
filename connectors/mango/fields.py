"""Reading one JSON object of Mango's: numbers or texts alike, nothing guessed, everything strange counted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NoReturn

from webhooks.contract import Drift

_OLDEST_EPOCH = 946_684_800  # the year 2000: what lies before it is no moment of a call
_NEWEST_EPOCH = 4_102_444_800  # the year 2100
_MOST_DRIFT = 20
_LONGEST_DRIFT_NAME = 64
_LARGEST_INTEGER = 2**63 - 1


class Unreadable(Exception):
    """The object states something in a way that cannot be read; the text is the reason for people."""


def read_object(body: bytes) -> Mapping[str, object]:
    """The JSON object in `body` (UTF-8). Raises `Unreadable` for anything else, NaN and depth included."""
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Unreadable("The JSON is not UTF-8.") from error
    except RecursionError as error:
        raise Unreadable("The JSON is nested too deeply.") from error
    except ValueError as error:
        raise Unreadable("The text is not JSON.") from error
    if not isinstance(value, dict):
        raise Unreadable("The JSON is not an object.")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON.")


@dataclass(slots=True)
class Fields:
    """An object being read; `drift` gathers what this version does not know.

    Every reader gives None for a field that is absent, null or empty, and raises `Unreadable` for
    one of a wrong type.
    """

    values: Mapping[str, object]
    drift: list[Drift] = field(default_factory=list)
    path: str = ""

    def know(self, *names: str) -> None:
        """Count every field that is none of `names`."""
        for name in self.values:
            if name not in names:
                self.count("field", self.path + name)

    def count(self, kind: str, name: str) -> None:
        drift = Drift(kind, ascii(name)[1:-1][:_LONGEST_DRIFT_NAME])
        if len(self.drift) < _MOST_DRIFT and drift not in self.drift:
            self.drift.append(drift)

    def part(self, name: str) -> Fields:
        """The object in a field; an empty one when there is none."""
        value = self.values.get(name)
        if value is None:
            value = {}
        if not isinstance(value, dict):
            raise self._wrong(name, "is not an object")
        return Fields(value, self.drift, f"{self.path}{name}.")

    def text(self, name: str, longest: int = 200) -> str | None:
        value = self.values.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._wrong(name, "is neither text nor a whole number")
        text = str(value).strip()
        if len(text) > longest:
            raise self._wrong(name, f"is longer than {longest} characters")
        if not _can_be_stored(text):
            raise self._wrong(name, "has characters that no text can have")
        return text or None

    def needed_text(self, name: str) -> str:
        text = self.text(name)
        if text is None:
            raise self._wrong(name, "is missing")
        return text

    def number(self, name: str) -> int | None:
        number = as_integer(self.values.get(name))
        if number is None and self.values.get(name) not in (None, ""):
            raise self._wrong(name, "is not a whole number")
        return number

    def moment(self, name: str, offset_seconds: int) -> datetime | None:
        """Unix seconds as an aware moment, `offset_seconds` taken off; None for 0, which means "never"."""
        epoch = self.number(name)
        if not epoch:
            return None
        if not _OLDEST_EPOCH <= epoch <= _NEWEST_EPOCH:
            raise self._wrong(name, "is not a moment of our century")
        return datetime.fromtimestamp(epoch - offset_seconds, UTC)

    def needed_moment(self, name: str, offset_seconds: int) -> datetime:
        moment = self.moment(name, offset_seconds)
        if moment is None:
            raise self._wrong(name, "is missing")
        return moment

    def flag(self, *names: str) -> bool:
        """True when one of the spellings of a yes-or-no field says yes."""
        return any(self.values.get(name) in (True, 1, "1", "true") for name in names)

    def _wrong(self, name: str, problem: str) -> Unreadable:
        return Unreadable(f"The field {self.path}{name} {problem}.")


def as_integer(value: object) -> int | None:
    """A whole number however it is typed (1, "1", 1.0); None when it is none, or beyond 64 bits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and len(value) <= len(str(_LARGEST_INTEGER)) + 1:
        value = _integer_of(value)
    if isinstance(value, int) and abs(value) <= _LARGEST_INTEGER:
        return value
    return None


def _integer_of(text: str) -> int | None:
    try:
        return int(text.strip()) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _can_be_stored(text: str) -> bool:
    """PostgreSQL keeps no NUL, and half a surrogate pair has no UTF-8 form."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
