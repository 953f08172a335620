"""Why a log-in through the provider did not come about. The pages say each in words; the log says the detail."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """What a person is told; `hub.web.oidc.words` has the words."""

    DENIED = "denied"
    STALE = "stale"
    AWAY = "away"
    SETUP = "setup"
    UNTRUSTED = "untrusted"
    CLOCK = "clock"
    UNVERIFIED = "unverified"
    UNKNOWN = "unknown"
    DISABLED = "disabled"
    TAKEN = "taken"
    BRAKE = "brake"


class Refused(Exception):
    """`detail` is for the log of whoever runs the hub: no token, no code, no address of a person."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.detail = detail[:300]
