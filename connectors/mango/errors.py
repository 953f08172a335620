"""Mango's answers that mean "no", as the hub's errors: did it happen? (`mango.md` §1.3, §6). Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from connectors.mango.fields import as_integer
from hub.domain.errors import (
    AuthRevoked,
    DeliveryError,
    NotReady,
    OutcomeUnknown,
    Paused,
    Rejected,
    TargetGone,
    Throttled,
    Unreachable,
)
from hub.net.http import HttpAnswer

LOCK_SECONDS = 120
"""How long the API stays shut after a second invalid request."""
_BREATH_SECONDS = 2
_DONE = frozenset({1000, 1001})
_TOO_FAST = frozenset({4290, 5001, 5008})
_WRONG_KEYS = frozenset({3102, 3105})
_SWITCHED_OFF = 5201
_NO_RECORDING_YET = 3320
GONE = frozenset({3310, 4101})
"""The leg that a command was about has ended."""
_LONGEST_WORDS = 200


def read_answer(answer: HttpAnswer) -> Mapping[str, object]:
    """The JSON object that was answered; an empty one when there is none."""
    try:
        value = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def error_of(answer: HttpAnswer, *, write: bool, now: datetime) -> DeliveryError | None:
    """What is wrong with an answer; None when it is a good one.

    An HTTP status of 400 and more, a `code`, or a `result` that is not 1000 or 1001 is an error,
    whatever the others say. `write` says that the request was a command: a failure inside Mango
    then leaves its outcome unknown.
    """
    said = read_answer(answer)
    code = _code_of(said)
    if answer.status < 400 and code is None:
        return None
    words = _words(answer, said, code)
    return _by_code(code, words, write, now) if code else _by_status(answer, said, words, write, now)


def _code_of(said: Mapping[str, object]) -> int | None:
    code = as_integer(said.get("code"))
    result = as_integer(said.get("result"))
    if code is not None and code not in _DONE:
        return code
    return result if result is not None and result not in _DONE else None


def _by_code(code: int, words: str, write: bool, now: datetime) -> DeliveryError:
    if code in _TOO_FAST:
        return Throttled(words, until=now + timedelta(seconds=_BREATH_SECONDS))
    if code in _WRONG_KEYS:
        hint = "Enter the unique code and the signature key of the API connector again."
        return AuthRevoked(words, hint).because("wrong_keys")
    if code == _SWITCHED_OFF:
        hint = "Switch on the API connector in Mango's personal account."
        return Paused(words, hint).because("switched_off")
    if code // 100 == 21:
        hint = "The Mango account is blocked or closed: see its balance and contract."
        return Paused(words, hint).because("account_blocked")
    if code == _NO_RECORDING_YET:
        return NotReady(words)
    if code in GONE:
        return TargetGone(words)
    if code // 1000 == 5 and code // 100 in (50, 51):
        return _failed_inside(words, write)
    return Rejected(words)


def _by_status(answer: HttpAnswer, said: Mapping[str, object], words: str, write: bool, now: datetime) -> DeliveryError:
    if answer.status == 401:
        # Wrong keys have a code (3102, 3105); this is the lock after invalid requests.
        return Throttled(words, until=now + timedelta(seconds=LOCK_SECONDS)).because("locked")
    if answer.status == 403:
        hint = "Mango does not let this server in: see the list of allowed addresses in its account."
        return Paused(words, hint).because("server_not_allowed")
    if answer.status == 429 or (answer.status == 503 and said):
        return Throttled(words, until=now + timedelta(seconds=_BREATH_SECONDS))
    if answer.status >= 500 or answer.status == 408:
        return _failed_inside(words, write)
    return Rejected(words) if said else Rejected(words).because("not_this_system")


def _failed_inside(words: str, write: bool) -> DeliveryError:
    return OutcomeUnknown(words) if write else Unreachable(words)


def _words(answer: HttpAnswer, said: Mapping[str, object], code: int | None) -> str:
    """Mango's own words on one line, with the number that its support asks for."""
    message = said.get("message")
    parts = [f"Mango answered HTTP {answer.status}"]
    if code:
        parts.append(f"code {code}")
    if isinstance(message, str) and message:
        parts.append(" ".join(message.split())[:_LONGEST_WORDS])
    if request_id := answer.headers.get("x-uuid"):
        parts.append(f"X-Uuid {request_id[:_LONGEST_WORDS]}")
    return ", ".join(parts) + "."
