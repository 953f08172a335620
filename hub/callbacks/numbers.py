"""Which numbers may be rung at all. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

from hub.domain.phone import Phone


class Refusal(StrEnum):
    """Why a number is not rung. The words are promised in `docs/callbacks.md`."""

    NOT_A_NUMBER = "not_a_number"
    SHORT = "short_number"
    EXTENSION = "extension"
    INVALID = "invalid_number"
    PREMIUM = "premium_number"
    SATELLITE = "satellite_number"
    SERVICE = "service_number"
    COUNTRY = "country_not_allowed"
    OURS = "own_number"
    BLOCKED = "blocked"


_SPELLING = re.compile(r"\+?[0-9 ()\u00a0./-]+")
_LONGEST = 32
_FEWEST_DIGITS = 7
_SATELLITE = frozenset({870, 878, 881, 882, 883})
"""Country codes of satellite and other nets that belong to no country."""
_COSTLY = frozenset({808, 979})
_DENIED_PREFIXES = {"+7954": Refusal.SATELLITE, "+7803": Refusal.PREMIUM, "+7809": Refusal.PREMIUM}
"""What the tables of `phonenumbers` take for an ordinary Russian number: GlobalTel, and paid services."""
_PERSONAL = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.VOIP,
    }
)
_PAID = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST})


def read_number(raw: str, region: str, countries: Sequence[str]) -> Phone | Refusal:
    """The number to ring, or why it is not rung. `region` reads one without "+", `countries` may be rung."""
    if len(raw) > _LONGEST:
        return Refusal.NOT_A_NUMBER
    text = raw.strip(" \u00a0")
    if "ext" in text.lower() or "#" in text or "," in text:
        return Refusal.EXTENSION
    if not _SPELLING.fullmatch(text):
        return Refusal.NOT_A_NUMBER
    digits = re.sub(r"\D", "", text)
    if len(digits) < _FEWEST_DIGITS:
        return Refusal.SHORT if digits else Refusal.NOT_A_NUMBER
    number = _parsed(text, digits, region)
    if number is None:
        return Refusal.INVALID
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return _refusal(number, countries) or Phone(raw, e164)


def _parsed(text: str, digits: str, region: str) -> phonenumbers.PhoneNumber | None:
    """A valid number, of whatever country; else one that has at least a satellite or paid code."""
    spellings = [text] if text.startswith("+") else [text, "+" + digits]
    found = []
    for spelling in spellings:
        try:
            found.append(phonenumbers.parse(spelling, region))
        except phonenumbers.NumberParseException:
            continue
    valid = [number for number in found if phonenumbers.is_valid_number(number)]
    costly = [number for number in found if number.country_code in _SATELLITE | _COSTLY]
    denied = [number for number in found if _denied(number)]
    return next(iter([*valid, *costly, *denied]), None)


def _denied(number: phonenumbers.PhoneNumber) -> Refusal | None:
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return next((why for prefix, why in _DENIED_PREFIXES.items() if e164.startswith(prefix)), None)


def _refusal(number: phonenumbers.PhoneNumber, countries: Sequence[str]) -> Refusal | None:
    kind = phonenumbers.number_type(number)
    denied = _denied(number)
    if denied is not None:
        return denied
    if number.country_code in _SATELLITE:
        return Refusal.SATELLITE
    if kind in _PAID or number.country_code in _COSTLY:
        return Refusal.PREMIUM
    if kind not in _PERSONAL:
        return Refusal.SERVICE
    if phonenumbers.region_code_for_number(number) not in countries:
        return Refusal.COUNTRY
    return None


def destination_of(e164: str) -> str:
    """What an alarm counts together: country code and the first three digits after it."""
    number = phonenumbers.parse(e164, None)
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)[:3]}"
