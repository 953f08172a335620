"""Text of strangers as both databases can keep it: no NUL, no halves of characters, no longer than its column."""

from __future__ import annotations

import hashlib
import re

_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_DIGEST_LENGTH = 32


def keepable(text: str, longest: int) -> str:
    """`text` without what PostgreSQL or UTF-8 cannot hold, cut to `longest` characters."""
    return _UNKEEPABLE.sub("", text[:longest])


def keepable_key(key: str, longest: int) -> str:
    """A key that stays as different from other keys as it was: a changed one carries its digest.

    `longest` is at least 64.
    """
    kept = _UNKEEPABLE.sub("", key)
    if kept == key and len(key) <= longest:
        return key
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{kept[: longest - _DIGEST_LENGTH - 1]}~{digest}"
