"""The signature of Mango's API, both ways (mango.md §1.2)."""

from __future__ import annotations

import hashlib


def sign(api_key: str, text: str, api_salt: str) -> str:
    """Of the `json` form field, exactly as it is sent: SHA-256 of key, text and salt in a row, in lower-case hex."""
    return hashlib.sha256((api_key + text + api_salt).encode()).hexdigest()


def link_sign(api_key: str, valid_until: str, recording_id: str, api_salt: str) -> str:
    """Of a recording link; `valid_until` is decimal text, Unix seconds."""
    return hashlib.sha256((api_key + valid_until + recording_id + api_salt).encode()).hexdigest()
