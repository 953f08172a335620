"""What is derived from the hub's own keys, the same in every process: what cookies are signed with, the first key."""

from __future__ import annotations

import hashlib
import hmac

from hub.config import Settings
from hub.db.keyring import known_keys

_PURPOSE = b"dozvon web session v1"
_FIRST_OWNER = b"dozvon first owner v1"


def session_secrets(settings: Settings) -> tuple[str, ...]:
    """The newest key's secret first; the older ones still open sessions while keys are rotated."""
    keys = known_keys(settings.secret_keys, settings.home)
    return tuple(hmac.new(key.encode(), _PURPOSE, hashlib.sha256).hexdigest() for key in keys)


def first_owner_key(settings: Settings) -> str:
    """What proves that somebody reads what the hub prints: good as long as the hub has no user."""
    key = known_keys(settings.secret_keys, settings.home)[0]
    return hmac.new(key.encode(), _FIRST_OWNER, hashlib.sha256).hexdigest()[:40]
