"""Errors by the question that matters: did it happen?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Self


class DozvonError(Exception):
    """Base of every error that a person may be shown: one line, and what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.reason = ""
        self.values: Mapping[str, str] = {}

    def because(self, reason: str, **values: str) -> Self:
        """The same error with a stable word for why, and what its sentence names: pages say it in the reader's words.

        Without one the class says all there is (`hub.web.refusals`).
        """
        self.reason, self.values = reason, values
        return self


class ConfigurationError(DozvonError):
    """A setting is wrong; the process does not start with it."""


# --- Delivery: raised by CRM and PBX connectors -------------------------------------------------


class DeliveryError(DozvonError):
    """Base of what a connector may raise on a command, a write or a read."""


class Throttled(DeliveryError):
    """Not executed: too fast. `until` is when to try again; the attempt costs nothing.

    `scope` "connection" slows all of it down, "method" only this kind of write.
    """

    def __init__(self, message: str, *, until: datetime | None = None, scope: str = "connection") -> None:
        super().__init__(message)
        self.until = until
        self.scope = scope


class OverBudget(Throttled):
    """Not executed: our own budget for this lane is used up; the vendor was not asked at all."""


class Unreachable(DeliveryError):
    """Not executed: no connection was made, or the other side refused before doing anything."""


class AuthExpired(DeliveryError):
    """Not executed: the access token died. Refresh once, repeat once."""


class AuthRevoked(DeliveryError):
    """Not executed, and nothing will be until a person reconnects: pause the connection."""


class Paused(DeliveryError):
    """Not executed: the other side blocked us by hand, or the plan is not paid. Pause, tell the admin."""


class Rejected(DeliveryError):
    """Not executed, and never will be: wrong data. Dead letter with the vendor's own words."""


class TargetGone(Rejected):
    """Not executed: the call or leg that the command was about has ended, or went on as another leg."""


class AlreadyThere(DeliveryError):
    """It had been done before. `result` has the ids that the first time returned, as far as known."""

    def __init__(self, message: str, result: dict[str, object] | None = None) -> None:
        super().__init__(message)
        self.result = result or {}


class OutcomeUnknown(DeliveryError):
    """Nobody knows: time-out after sending, reset, a bare 5xx. Look it up before sending again."""


class NotReady(DeliveryError):
    """Not there yet (a recording that is still being written): ask again on schedule."""


# --- Ingress: raised by a sender's folder --------------------------------------------------------


class IngressError(DozvonError):
    """Base of what verification and parsing may raise."""


class BadSignature(IngressError):
    """Missing, wrong or stale signature: answered exactly as an unknown token is."""


class TooLarge(IngressError):
    """Over the body cap."""
