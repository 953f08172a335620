"""What amoCRM says when it refuses, by the question that matters: did it happen? Pure.

Codes and reactions: amocrm.md §2.2, §2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from hub.domain.errors import AuthExpired, DeliveryError, OutcomeUnknown, Paused, Rejected, Throttled, Unreachable

BLOCKED_FOR = timedelta(minutes=15)
"""amoCRM shuts an address or account that went on too fast; it says nothing of how long (amocrm.md §2.2)."""
_LONGEST_RETRY_AFTER = timedelta(hours=1)
_NOT_PAID = "Pay for the account or the feature in amoCRM, then resume the connection. Its access is kept."
_MEND = "Mend the cause in amoCRM or in the connection, then replay the delivery."
RIGHTS = "Give the user who connected amoCRM the rights that are missing, then replay the delivery."
_BEFORE_ANYTHING = frozenset({408, 425})


@dataclass(frozen=True, slots=True)
class Fault:
    """One item of `validation-errors`: `path` names the field, "custom_fields_values.0.field_id"."""

    path: str
    code: str
    detail: str = ""


class Refused(Rejected):
    """A refusal with its HTTP status, the fields it names, and the vendor's words."""

    def __init__(self, message: str, *, status: int, faults: tuple[Fault, ...] = (), hint: str = _MEND) -> None:
        super().__init__(message, hint)
        self.status = status
        self.faults = faults

    def about(self, *names: str) -> bool:
        """Whether it names a field whose path ends in, or goes through, one of `names`."""
        return any(name in fault.path.split(".") for fault in self.faults for name in names)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One answer that is no success. `is_problem` is False when the body was not amoCRM's JSON.

    `retry_at` is what the answer says of when to come back, in its header or its body.
    """

    status: int
    words: str
    is_problem: bool
    faults: tuple[Fault, ...] = ()
    retry_at: datetime | None = None


def error_for(complaint: Complaint, *, write: bool, now: datetime, throttled_lately: bool = False) -> DeliveryError:
    """The error to raise. `write` decides what "nobody knows" means: a read is simply asked again."""
    message, status = f"amoCRM: {complaint.words}", complaint.status
    if status == 401:
        return AuthExpired(message)
    if status == 402:
        return Paused(message, _NOT_PAID).because("not_paid")
    if status == 403 and (throttled_lately or not complaint.is_problem):
        blocked = Throttled(f"{message}: blocked after too many requests", until=now + BLOCKED_FOR)
        return blocked.because("locked")
    if status == 429:
        return Throttled(message, until=complaint.retry_at)
    if status in _BEFORE_ANYTHING:
        return Unreachable(message)
    if 400 <= status < 500:
        hint = RIGHTS if status == 403 else _MEND
        refused = Refused(message, status=status, faults=complaint.faults, hint=hint)
        return refused.because("rights_missing" if status == 403 else "")
    return OutcomeUnknown(message) if write else Unreachable(message)


def retry_at(header: str | None, seconds: object, now: datetime) -> datetime | None:
    """The later of the `Retry-After` header (seconds or a date) and the body's `retry_after`; at most an hour ahead."""
    moments = [moment for moment in (_from_header(header, now), _from_seconds(seconds, now)) if moment]
    return min(max(now, *moments), now + _LONGEST_RETRY_AFTER) if moments else None


def _from_header(header: str | None, now: datetime) -> datetime | None:
    text = (header or "").strip()
    if not text or text.isdigit():
        return _from_seconds(text, now)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_seconds(seconds: object, now: datetime) -> datetime | None:
    text = str(seconds) if isinstance(seconds, int | str) and not isinstance(seconds, bool) else ""
    return now + timedelta(seconds=int(text)) if text.isdigit() and len(text) < 8 else None
