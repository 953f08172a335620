"""What a log, an error page or a trace may show of a value: no secret, no whole phone. Pure."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from hub.domain.phone import mask_phone

MASK = "***"
_DEEPEST = 8
_LONGEST_TEXT = 8_000
_SECRET_WORDS = frozenset(
    {
        "apikey", "auth", "authorization", "cookie", "credential", "credentials", "password", "passwd", "salt",
        "secret", "secrets", "sign", "signature", "token", "tokens",
    }
)  # fmt: skip
_SECRET_PAIRS = (("api", "key"), ("secret", "key"), ("private", "key"), ("webhook", "url"))
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

_GIVEAWAY = r"[\w-]{0,40}(?:token|secret|passw(?:or)?d|api[_-]?key|private[_-]?key|salt|signature|authorization|cookie)"
_NAMED_SECRET = re.compile(
    rf"(?i)\b({_GIVEAWAY}|sign|auth)((?:\]|%5D)?[\"']?\s*[:=]\s*[\"']?)((?:bearer|basic)\s+)?[^\s\"'&,;}}\])]+"
)
_BARE_SECRET = re.compile(
    r"\b(?:(?P<kind>dz_|whsec_)[\w+/=-]{8,}|(?i:bearer|basic)\s+[\w.~+/=-]{8,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*)"
)
_SQL_PARAMETERS = re.compile(r"\[parameters: .*?\](?=\s*(?:\(Background|$))", re.DOTALL)

_URL = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^\s/?#\"'@]*@)?(?P<host>[^\s/?#\"'<>]*)(?P<path>[^\s?#\"'<>]*)"
                  r"(?:[?#][^\s\"'<>]*)?", re.IGNORECASE)  # fmt: skip
_OWN_PATH = re.compile(r"(?P<door>/(?:hooks|route|r)/)[^\s/?#\"'<>]+(?P<topic>[^\s?#\"'<>]*)(?:\?[^\s\"'<>]*)?")
_TOKEN_SEGMENT = re.compile(r"(?<=/)(?=[\w.~-]*\d)(?=[\w.~-]*[A-Za-z])[\w~-]{14,}(?=/|$)")

_PHONE = re.compile(
    r"""
    (?P<keep>
        \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b        # a UUID
      | \b(?=[0-9]*[a-f])[0-9a-f]{32,}\b                       # a digest
      | (?<![\d+])1(?:\d{9}|\d{11,14})(?!\d)                   # a moment in seconds, milliseconds, microseconds
    )
  | (?P<phone>
        \+\d[\d\s().-]{7,22}\d
      | (?<!\d)[78][\s.-]?\(?\d{3}\)?[\s.-]?\d{3}[\s.-]?\d{2}[\s.-]?\d{2}(?!\d)
      | (?<!\d)\d{10,15}(?!\d)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redact(value: object, key: str = "") -> object:
    """The same value as it may be shown: JSON types, secrets as "***", phones masked, addresses without their query.

    `key` is the name that the value goes by; a mapping's values go by their own keys.
    """
    return _redact(value, key, _DEEPEST)


def _redact(value: object, key: str, depth: int) -> object:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(key):
        return MASK
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        masked = mask_text(str(value))
        return value if masked == str(value) else masked
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        return _redact_inside(value, key, depth - 1)
    return mask_text(_as_text(value))


def _redact_inside(
    value: Mapping[object, object] | list[object] | tuple[object, ...] | set[object] | frozenset[object],
    key: str,
    depth: int,
) -> object:
    if depth <= 0:
        return "…"
    if isinstance(value, Mapping):
        return {mask_text(str(name)): _redact(inner, str(name), depth) for name, inner in value.items()}
    return [_redact(inner, key, depth) for inner in value]


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta | BaseException):
        return str(value)
    return repr(value)


def is_secret_name(name: str) -> bool:
    """Whether a value of this name is a secret: "refresh_token", "apiKey", "X-Signature", but not "assigned"."""
    words = [word.lower() for word in _WORD.findall(name)]
    if _SECRET_WORDS.intersection(words):
        return True
    return any(pair in _SECRET_PAIRS for pair in itertools.pairwise(words))


def mask_text(text: str) -> str:
    """A text as it may be shown: secrets that are named or shaped as such, addresses and phones are masked in it.

    A text of more than 8000 characters is cut first: whatever a stranger sent, a log line costs little.
    """
    return _PHONE.sub(_masked_number, mask_secrets(text))


def mask_secrets(text: str) -> str:
    """The same for people who may see the phones."""
    if len(text) > _LONGEST_TEXT:
        text = text[:_LONGEST_TEXT] + "…"
    text = _SQL_PARAMETERS.sub("[parameters hidden]", text)
    text = _URL.sub(_plain_url, text)
    text = _OWN_PATH.sub(rf"\g<door>{MASK}\g<topic>", text)
    text = _NAMED_SECRET.sub(rf"\1\2{MASK}", text)
    return _BARE_SECRET.sub(lambda found: (found["kind"] or "") + MASK, text)


def _plain_url(found: re.Match[str]) -> str:
    """Scheme, host and path: no user, no query, and no part of the path that looks like a token."""
    return f"{found['scheme']}://{found['host']}{_TOKEN_SEGMENT.sub(MASK, found['path'])}"


def _masked_number(found: re.Match[str]) -> str:
    if found["keep"]:
        return found["keep"]
    digits = sum(character.isdigit() for character in found["phone"])
    return mask_phone(found["phone"]) if 10 <= digits <= 15 else found["phone"]
