"""What every reader of an event is given, and the readings that several of them share. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from connectors.mango.fields import Fields, as_integer
from connectors.mango.words import TRACKING_TYPES, look_up_result, plain
from hub.domain.events import Result
from hub.domain.phone import Phone, parse_phone
from webhooks.contract import ParseContext

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reading:
    """One event being read: its fields, the connection's context, and the key that names the event."""

    fields: Fields
    context: ParseContext
    key: str

    @property
    def offset_seconds(self) -> int:
        """How far this product's clock is ahead of UTC by its settings."""
        return as_integer(self.context.settings.get("epoch_offset_seconds")) or 0

    def phone(self, number: str | None) -> Phone | None:
        return parse_phone(number, self.context.region) if number else None

    def moment(self, name: str) -> datetime | None:
        return self.fields.moment(name, self.offset_seconds)

    def needed_moment(self, name: str) -> datetime:
        return self.fields.needed_moment(name, self.offset_seconds)

    def word(self, name: str, table: Mapping[str, T]) -> T | None:
        """A word by its table; None for a missing word and for an unknown one, which is counted."""
        text = self.fields.text(name)
        if text is None:
            return None
        known = table.get(plain(text))
        if known is None:
            self.fields.count("word", f"{self.fields.path}{name}={text}")
        return known

    def result(self) -> Result | None:
        """`disconnect_reason`, read as if nobody had answered; None when it says no more than "ended"."""
        text = self.fields.text("disconnect_reason")
        if text is None:
            return None
        code = as_integer(text)
        result, known = (Result.UNKNOWN, False) if code is None else look_up_result(code)
        if not known:
            self.fields.count("word", f"disconnect_reason={text}")
        return result

    def tracking_number(self) -> Phone | None:
        """`dct.number`, unless the type says that the call came by no tracking number."""
        dct = Reading(self.fields.part("dct"), self.context, self.key)
        dct.fields.know("type", "number")
        tracked = dct.word("type", TRACKING_TYPES)
        return None if tracked is False else self.phone(dct.fields.text("number"))
