"""Who sent this? Standard Webhooks, symmetric: HMAC-SHA256 over `id.timestamp.body`.

The `standardwebhooks` library is what the tests sign with, but not what verifies here: it reads the
clock itself, so that a verification could not be repeated for a stored request, it turns the body into
text first, and a header without a comma makes it raise something else than its own error. Verifying is
the few lines below, over the raw bytes and against the moment at which the request came in.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from hub.domain.errors import BadSignature

TOLERANCE_SECONDS = 300
SHORTEST_KEY_BYTES = 16
_PREFIX = "whsec_"
_MOST_SIGNATURES = 20


def signing_key(secret: str) -> bytes:
    """The key in a secret: base64, with or without `whsec_` before it and padding behind it.

    Raises `ValueError` when it is not base64 or shorter than 16 bytes.
    """
    text = secret.strip().removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("the signing secret is not base64") from error
    if len(key) < SHORTEST_KEY_BYTES:
        raise ValueError(f"the signing secret is shorter than {SHORTEST_KEY_BYTES} bytes")
    return key


def verify(headers: Mapping[str, str], body: bytes, received_at: datetime, secrets: Sequence[str]) -> str:
    """The message id (`webhook-id`) of a genuine request; header names are lower-case.

    Raises `BadSignature` when a header is missing, the time is more than 300 s from `received_at`,
    or no signature of version `v1` was made with one of `secrets`.
    """
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    stated = [item[3:] for item in headers.get("webhook-signature", "").split() if item.startswith("v1,")]
    if not (message_id and stated):
        raise BadSignature("webhook-id or webhook-signature is missing")
    _require_recent(timestamp, received_at)
    signed = message_id.encode("utf-8", "surrogateescape") + b"." + timestamp.encode() + b"." + body
    if not any(_fits(signed, stated[:_MOST_SIGNATURES], secret) for secret in secrets):
        raise BadSignature("no signature fits")
    return message_id


def _require_recent(timestamp: str, received_at: datetime) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", timestamp):
        raise BadSignature("webhook-timestamp is not a number of seconds")
    if abs(received_at.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature("webhook-timestamp is too far from now")


def _fits(signed: bytes, stated: Sequence[str], secret: str) -> bool:
    try:
        key = signing_key(secret)
    except ValueError:
        return False
    expected = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    return any(hmac.compare_digest(expected, candidate.encode("utf-8", "replace")) for candidate in stated)
