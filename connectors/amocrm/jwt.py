"""Hints inside an access token. They are read without a proof and decide nothing by themselves (amocrm.md §1.7)."""

from __future__ import annotations

import base64
import json

_LONGEST_HOST = 253


def api_domain_of(token: str) -> str:
    """The claim `api_domain`; "" when the token is none that can be read or has none."""
    parts = token.split(".")
    if len(parts) != 3:
        return ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return ""
    domain = claims.get("api_domain") if isinstance(claims, dict) else None
    return domain if isinstance(domain, str) and len(domain) <= _LONGEST_HOST else ""
