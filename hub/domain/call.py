"""A call: the fold of its events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.events import Cost, Direction, Phrase, Place, RecordingState, Result
from hub.domain.phone import Phone


class Outcome(StrEnum):
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    MISSED = "missed"  # inbound, nobody talked
    UNANSWERED = "unanswered"  # outbound or internal, nobody talked


class Closing(StrEnum):
    """How we know that the call is over."""

    OPEN = "open"
    STATED = "stated"  # the PBX said so
    STALE = "stale"  # no end came within the limit; closed by the hub, corrected when news come


@dataclass(frozen=True, slots=True)
class Leg:
    """One device or step that was rung: `answered_at` None when nobody picked up there."""

    key: str
    place: Place | None
    extension: str | None
    group: str | None
    rang_at: datetime
    answered_at: datetime | None
    talked_with_client_at: datetime | None
    ended_at: datetime | None
    result: Result | None
    came_from_leg: str | None = None
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    key: str
    state: RecordingState
    extension: str | None


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of one call at this moment; `hub.calls.fold.fold` makes it.

    `answered_by` is the extension that talked with the client last, `first_rung` the one that was
    rung first; `ringing` are the extensions that ring now; `rung` all that ever rang, in order.
    `cost`, `rating` (1 to 5) and `transcript` are what the PBX said of them last, if it ever did.
    """

    key: str
    direction: Direction | None
    client: Phone | None
    line: Phone | None
    outcome: Outcome
    closing: Closing
    answered_by: str | None
    first_rung: str | None
    group: str | None
    rung: tuple[str, ...]
    ringing: tuple[str, ...]
    legs: tuple[Leg, ...]
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: int
    talk_seconds: int
    recordings: tuple[Recording, ...]
    missed_reason: Result | None
    command_ids: tuple[str, ...] = ()
    tracking_number: Phone | None = None
    callback_id: str | None = None
    cost: Cost | None = None
    rating: int | None = None
    transcript: tuple[Phrase, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.closing is not Closing.OPEN
