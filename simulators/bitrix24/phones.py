"""How a portal reads phone numbers (bitrix24.md §3.2, §3.5, §4.1)."""

from __future__ import annotations

import re

_EXTENSION = re.compile(r"\s*(?:[#;,]|доб\.?|ext\.?).*$", re.IGNORECASE)
_LETTERS = re.compile(r"[^0-9+#*;,]")
_MOBILE_LENGTH = 10
_FULL_LENGTH = 11


def stripped(raw: object) -> str:
    """The number without letters and punctuation; empty when nothing dialable is left."""
    text = _LETTERS.sub("", str(raw or ""))
    return text if any(character.isdigit() for character in text) else ""


def without_extension(raw: str) -> str:
    """`+7900…#404` → `+7900…`: the search for doubles does not look at extensions."""
    return _EXTENSION.sub("", raw.strip())


def same_number_key(raw: str) -> str:
    """Digits in the international form of Russia: `8900…`, `900…` and `+7 (900)…` give one key."""
    digits = re.sub(r"\D", "", without_extension(raw))
    if len(digits) == _MOBILE_LENGTH:
        return "7" + digits
    if len(digits) == _FULL_LENGTH and digits.startswith("8"):
        return "7" + digits[1:]
    return digits
