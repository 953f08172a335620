"""Telephone numbers: what was sent, and what it means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import phonenumbers

_MASKED_TAIL_DIGITS = 2
_SHORTEST_E164_DIGITS = 7


@dataclass(frozen=True, slots=True)
class Phone:
    """A number as it was sent (`raw`) and, when it is a full public number, its E.164 form.

    Two phones are the same client only when both have an equal `e164`; a short, SIP or
    broken number keeps `e164` None and is never merged with another one.
    """

    raw: str
    e164: str | None = None

    @property
    def display(self) -> str:
        return self.e164 or self.raw


@lru_cache(maxsize=8192)
def parse_phone(raw: str, region: str) -> Phone | None:
    """Read a number of any spelling; `region` (ISO 3166, "RU") reads one without country code.

    Returns None for an empty or hidden number. PBXs send full numbers without "+", so a
    number that is not valid as it stands is tried again as an international one.
    """
    text = raw.strip()
    if not text or text.lower() in {"anonymous", "unknown", "hidden", "private"}:
        return None
    if "@" in text or not re.search(r"\d", text):
        return Phone(raw=text)
    return Phone(raw=text, e164=_as_e164(text, region))


def _as_e164(text: str, region: str) -> str | None:
    digits = re.sub(r"\D", "", text)
    if len(digits) < _SHORTEST_E164_DIGITS:
        return None
    spellings = [text] if text.startswith("+") else [text, "+" + digits]
    numbers = [number for spelling in spellings if (number := _read(spelling, region)) is not None]
    for is_good in (phonenumbers.is_valid_number, _has_full_length):
        for number in numbers:
            if is_good(number):
                return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return None


def _read(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    try:
        return phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None


def _has_full_length(number: phonenumbers.PhoneNumber) -> bool:
    """Numbering plans grow faster than their tables: a full-length number still names one client."""
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


def mask_phone(text: str) -> str:
    """A number as a log may show it: "+79001234567" becomes "+7900*****67"."""
    digits = sum(character.isdigit() for character in text)
    if digits < _SHORTEST_E164_DIGITS:
        return text
    keep_head = min(5, len(text) - _MASKED_TAIL_DIGITS)
    hidden = len(text) - keep_head - _MASKED_TAIL_DIGITS
    return text[:keep_head] + "*" * hidden + text[-_MASKED_TAIL_DIGITS:]


@lru_cache(maxsize=8192)
def format_phone(phone: Phone) -> str:
    """The number as people of its country write it: "+7 900 123-45-67"; raw when it is not one."""
    if phone.e164 is None:
        return phone.raw
    number = phonenumbers.parse(phone.e164, None)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
