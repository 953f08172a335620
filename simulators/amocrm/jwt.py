"""Tokens as JWT: access tokens that nobody can verify, one-time widget tokens that the receiver must verify."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any


def access_jwt(claims: Mapping[str, Any], salt: str) -> str:
    """An RS256-looking JWT. The vendor publishes no key (amocrm.md §1.7), so that the signature is only bulk."""
    signed = _joined({"typ": "JWT", "alg": "RS256"}, claims)
    return f"{signed}.{_coded(hashlib.shake_256((salt + signed).encode()).digest(256))}"


def widget_jwt(claims: Mapping[str, Any], secret: str) -> str:
    """An HS256 JWT signed with the integration's secret (amocrm.md §1.9)."""
    signed = _joined({"typ": "JWT", "alg": "HS256"}, claims)
    return f"{signed}.{_coded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def _joined(header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
    return ".".join(_coded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
