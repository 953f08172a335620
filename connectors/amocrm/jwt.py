"""Hints inside an access token. They are read without a proof and decide nothing by themselves (amocrm.md §1.7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

_LONGEST_HOST = 253


def api_domain_of(token: str) -> str:
    """The claim `api_domain`; "" when the token is none that can be read or has none."""
    domain = claims_of(token).get("api_domain")
    return domain if isinstance(domain, str) and len(domain) <= _LONGEST_HOST else ""


def account_id_of(token: str) -> str:
    """The claim `account_id`; "" when the token is none that can be read or has none."""
    account_id = claims_of(token).get("account_id")
    return str(account_id) if isinstance(account_id, int | str) and not isinstance(account_id, bool) else ""


def claims_of(token: str) -> Mapping[str, object]:
    """What a token says of itself, unproven; nothing when it cannot be read."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
