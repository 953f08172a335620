"""How the account compares numbers (amocrm.md §3.1, §3.7)."""

from __future__ import annotations

_COMPARED = 10


def digits(text: str) -> str:
    """Only the digits."""
    return "".join(sign for sign in text if sign.isdigit() and sign.isascii())


def phone_key(text: str) -> str:
    """The last ten digits; of a shorter number everything."""
    return digits(text)[-_COMPARED:]
