"""What a callback comes to: what the PBX's call says of it, and what follows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.call import Call, Leg, Outcome
from hub.domain.events import Direction, Place, Result


class Heard(StrEnum):
    """How far the PBX's call has come."""

    NOTHING = "nothing"
    OPERATOR_RINGS = "operator_rings"
    CLIENT_RINGS = "client_rings"
    TALK = "talk"
    DONE = "done"
    OPERATOR_MISSED = "operator_missed"
    CLIENT_MISSED = "client_missed"


class FailedBecause(StrEnum):
    """Why a request has failed. The words are promised in `docs/callbacks.md`."""

    NO_OPERATOR = "no_operator"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    NO_PBX = "no_pbx"
    NO_HOURS = "no_hours"
    REFUSED = "refused"
    NO_MONEY = "no_money"


_HOPELESS = {
    Result.WRONG_NUMBER: FailedBecause.WRONG_NUMBER,
    Result.FORBIDDEN: FailedBecause.REFUSED,
    Result.NO_MONEY: FailedBecause.NO_MONEY,
}
"""Ringing again would end the same."""


def heard(call: Call, *, client_first: bool) -> Heard:
    """How far the call that a command of ours made has come; `client_first` as it was ordered."""
    if call.outcome is Outcome.ANSWERED:
        return Heard.DONE
    client, ours = _sides(call.legs)
    second = ours if client_first else client
    first = client if client_first else ours
    if call.is_over:
        missed_second, missed_first = Heard.CLIENT_MISSED, Heard.OPERATOR_MISSED
        if client_first:
            missed_second, missed_first = missed_first, missed_second
        return missed_second if second or _answered(first) else missed_first
    if _talks(call, client_first=client_first):
        return Heard.TALK
    if second or _answered(first):
        return Heard.OPERATOR_RINGS if client_first else Heard.CLIENT_RINGS
    if first:
        return Heard.CLIENT_RINGS if client_first else Heard.OPERATOR_RINGS
    return Heard.NOTHING


def _sides(legs: Sequence[Leg]) -> tuple[list[Leg], list[Leg]]:
    """The legs that ring the client, and those that ring somebody of ours."""
    return [leg for leg in legs if leg.place is Place.CLIENT], [leg for leg in legs if leg.place is not Place.CLIENT]


def _answered(legs: Sequence[Leg]) -> bool:
    return any(leg.answered_at is not None for leg in legs)


def _talks(call: Call, *, client_first: bool) -> bool:
    if call.answered_by is not None:
        return True
    client, ours = _sides(call.legs)
    last = ours if client_first else client
    return _answered(last)


def missed_reason(call: Call) -> Result | None:
    """Why the client's side ended, else why the call did."""
    client, _ = _sides(call.legs)
    said = [leg.result for leg in client if leg.result not in (None, Result.MOVED)]
    return said[-1] if said else call.missed_reason


# --- What follows ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Next:
    """`seconds` until the next round; None when there is none, and then `failed` says why."""

    seconds: int | None
    failed: FailedBecause | None = None


def after_round_of_operators(retries: Sequence[int], rounds: int) -> Next:
    """Nobody of ours picked up; `rounds` is how often that has been so, this time included."""
    if rounds > len(retries):
        return Next(None, FailedBecause.NO_OPERATOR)
    return Next(retries[rounds - 1])


def after_client_missed(retries: Sequence[int], rounds: int, reason: Result | None) -> Next:
    """The visitor did not pick up; `rounds` is how often, this time included."""
    hopeless = _HOPELESS.get(reason) if reason is not None else None
    if hopeless is not None:
        return Next(None, hopeless)
    if rounds > len(retries):
        return Next(None, FailedBecause.BUSY if reason is Result.BUSY else FailedBecause.NO_ANSWER)
    return Next(retries[rounds - 1])


def is_visitors_own_call(call: Call) -> bool:
    return call.direction is Direction.INBOUND
