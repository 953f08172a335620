"""What cookies are signed with: derived from the hub's own keys, the same in every process."""

from __future__ import annotations

import hashlib
import hmac

from hub.config import Settings
from hub.db.keyring import known_keys

_PURPOSE = b"dozvon web session v1"


def session_secrets(settings: Settings) -> tuple[str, ...]:
    """The newest key's secret first; the older ones still open sessions while keys are rotated."""
    keys = known_keys(settings.secret_keys, settings.home)
    return tuple(hmac.new(key.encode(), _PURPOSE, hashlib.sha256).hexdigest() for key in keys)
