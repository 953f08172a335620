"""What Bitrix24 says when it refuses, by the question that matters: did it happen? Pure.

Codes and reactions: bitrix24.md §1.8, §2.3, §9.3. The code decides, the HTTP status only where there
is none: 503 stands both for "too fast" and for "blocked by hand".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum, auto

from hub.domain.errors import (
    AuthExpired,
    AuthRevoked,
    DeliveryError,
    OutcomeUnknown,
    Paused,
    Rejected,
    Throttled,
    Unreachable,
)

METHOD_PAUSE = timedelta(minutes=10)
"""Operating time is counted over ten minutes, and a refusal often does not say when it resets (bitrix24.md §2.4)."""
_LONGEST_RETRY_AFTER = timedelta(days=1)


class Refused(Rejected):
    """A refusal with the vendor's code (lower-case, "" when it gave none) and its own words."""

    def __init__(self, message: str, *, code: str, words: str) -> None:
        super().__init__(message, "Mend the cause in Bitrix24 or in the connection, then replay the delivery.")
        self.code = code
        self.words = words

    def says(self, *phrases: str) -> bool:
        """Whether the words contain one of `phrases`; codes are often empty (bitrix24.md §2.3)."""
        heard = self.words.lower()
        return any(phrase.lower() in heard for phrase in phrases)


@dataclass(frozen=True, slots=True)
class Complaint:
    """One answer that is not a success. `code` is None when the body was not Bitrix24's error envelope.

    `retry_at` is the `Retry-After` header, `reset_at` the envelope's `operating_reset_at`.
    """

    status: int
    code: str | None
    words: str
    retry_at: datetime | None = None
    reset_at: datetime | None = None


class Kind(Enum):
    THROTTLED = auto()
    METHOD_THROTTLED = auto()
    PAUSED = auto()
    REVOKED = auto()
    EXPIRED = auto()
    REJECTED = auto()
    GATE_CLOSED = auto()  # refused before Bitrix24 itself was reached
    BROKEN = auto()  # nobody knows whether it was carried out


_KINDS = {
    "query_limit_exceeded": Kind.THROTTLED,
    "operation_time_limit": Kind.METHOD_THROTTLED,
    "overload_limit": Kind.PAUSED,
    "portal_deleted": Kind.PAUSED,
    "payment_required": Kind.PAUSED,
    "user_access_error": Kind.PAUSED,
    "insufficient_scope": Kind.PAUSED,
    "wrong_auth_type": Kind.PAUSED,
    "method_confirm_waiting": Kind.PAUSED,
    "expired_token": Kind.EXPIRED,
    "no_auth_found": Kind.REVOKED,
    "invalid_token": Kind.REVOKED,
    "invalid_credentials": Kind.REVOKED,
    "invalid_grant": Kind.REVOKED,
    "invalid_client": Kind.REVOKED,
    "error_oauth": Kind.REVOKED,
    "authorization_error": Kind.REVOKED,
    "application_not_found": Kind.REVOKED,
    "not_installed": Kind.REVOKED,
    "wrong_client": Kind.REVOKED,
    "internal_server_error": Kind.BROKEN,
    "error_unexpected_answer": Kind.BROKEN,
}

_PLAN_WORDS = ("commercial plan", "paid plan", "your plan", "tariff", "subscription", "тариф", "подписк")

_HINTS = {
    "overload_limit": "Bitrix24 blocked the portal's REST by hand: ask Bitrix24 support, then resume the connection.",
    "portal_deleted": "The portal is closed. Connect another one or remove the connection.",
    "payment_required": "Pay for the plan or the subscription in Bitrix24, then resume the connection.",
    "access_denied": "REST needs a paid plan in Bitrix24. Pay for it, then resume the connection.",
    "user_access_error": "Let the application's user use it in Bitrix24, then resume the connection.",
    "insufficient_scope": "Give the application the rights telephony, crm and user_basic, then resume the connection.",
    "wrong_auth_type": "Bitrix24 wants an application here, not a webhook: connect with auth = oauth.",
    "method_confirm_waiting": "An administrator of the portal has to confirm the method, then resume the connection.",
}
_REASONS = {
    "overload_limit": "blocked_by_hand",
    "portal_deleted": "account_closed",
    "payment_required": "not_paid",
    "access_denied": "not_paid",
    "user_access_error": "user_not_allowed",
    "insufficient_scope": "rights_missing",
    "wrong_auth_type": "application_needed",
    "method_confirm_waiting": "to_be_confirmed",
    "application_not_found": "not_installed",
    "not_installed": "not_installed",
}
_RECONNECT = "Connect Bitrix24 again: install the application anew or enter a new webhook."

_REFUSED_DATA = frozenset({400, 405, 411, 413, 414, 415, 422, 431})


def kind_of(complaint: Complaint) -> Kind:
    """Code first, then the words of an answer without a code, then the HTTP status."""
    code = complaint.code
    if code is None:
        return _kind_of_gateway(complaint.status)
    if code == "access_denied":
        return Kind.PAUSED if _about_the_plan(complaint.words) else Kind.REJECTED
    if code in _KINDS:
        return _KINDS[code]
    words = complaint.words.lower()
    if not code and "too many requests" in words:
        return Kind.THROTTLED
    if not code and complaint.status == 401 and "expired" in words:
        return Kind.EXPIRED
    return _kind_of_status(complaint.status)


def _about_the_plan(words: str) -> bool:
    heard = words.lower()
    return any(word in heard for word in _PLAN_WORDS)


def _kind_of_status(status: int) -> Kind:
    if status == 401:
        return Kind.REVOKED
    if status == 429:
        return Kind.THROTTLED
    return Kind.BROKEN if status >= 500 else Kind.REJECTED


def _kind_of_gateway(status: int) -> Kind:
    """No envelope: something in front of Bitrix24 answered, or its answer was cut.

    A bare 4xx was refused before any method ran. A bare 5xx, a 503 too, may follow a method that
    ran to its end, and a 2xx without a result certainly looks like one.
    """
    if status == 429:
        return Kind.THROTTLED
    if status in _REFUSED_DATA:
        return Kind.REJECTED
    return Kind.GATE_CLOSED if 400 <= status < 500 else Kind.BROKEN


def error_for(complaint: Complaint, *, write: bool, now: datetime) -> DeliveryError:
    """The error to raise. `write` decides what "nobody knows" means: a read is simply asked again."""
    code = complaint.code or ""
    message = _message(complaint)
    match kind_of(complaint):
        case Kind.THROTTLED:
            return Throttled(message, until=complaint.retry_at)
        case Kind.METHOD_THROTTLED:
            until = complaint.reset_at or complaint.retry_at or now + METHOD_PAUSE
            return Throttled(message, until=until, scope="method")
        case Kind.PAUSED:
            return Paused(message, _HINTS[code]).because(_REASONS[code])
        case Kind.REVOKED:
            return AuthRevoked(message, _RECONNECT).because(_REASONS.get(code, "wrong_keys"))
        case Kind.EXPIRED:
            return AuthExpired(message)
        case Kind.REJECTED:
            return Refused(message, code=code, words=complaint.words)
        case Kind.GATE_CLOSED:
            return Unreachable(message).because("not_this_system")
    return OutcomeUnknown(message) if write else Unreachable(message)


def _message(complaint: Complaint) -> str:
    said = complaint.words or f"HTTP {complaint.status}"
    return f"Bitrix24: {said} ({complaint.code})" if complaint.code else f"Bitrix24: {said}"


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """`Retry-After` in seconds or as an HTTP date, never past and at most a day ahead; None when unreadable."""
    if not header:
        return None
    text = header.strip()
    try:
        moment = now + timedelta(seconds=int(text)) if text.isdigit() else parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment, now), now + _LONGEST_RETRY_AFTER)
