"""What a PBX stated about a call, in the hub's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.phone import Phone


class EventKind(StrEnum):
    APPEARED = "appeared"
    ANSWERED = "answered"
    HELD = "held"
    TRANSFERRED = "transferred"
    ENDED = "ended"  # a leg ended
    SUMMARY = "summary"  # the whole call ended
    RECORDING = "recording"
    REMARK = "remark"  # something about the call and not of its course: its cost, a rating, what was said
    UNKNOWN = "unknown"


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class Place(StrEnum):
    """What a leg rings."""

    MENU = "menu"
    QUEUE = "queue"
    EMPLOYEE = "employee"
    CLIENT = "client"


class Result(StrEnum):
    """Why a leg or a call ended; vendors' codes are translated in their folders."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    CANCELLED = "cancelled"  # the caller hung up first
    UNAVAILABLE = "unavailable"  # phone off, all operators away
    WRONG_NUMBER = "wrong_number"
    FORBIDDEN = "forbidden"
    NO_MONEY = "no_money"
    OFF_HOURS = "off_hours"
    IN_MENU = "in_menu"  # ended in the menu
    MOVED = "moved"  # this leg went on as another one, or somebody else took the call
    FAILED = "failed"
    UNKNOWN = "unknown"


class RecordingState(StrEnum):
    STARTED = "started"
    COMPLETED = "completed"
    AVAILABLE = "available"  # the PBX says that the file can be fetched
    NONE = "none"  # there will be no file (too short, mailed only, not paid for)


@dataclass(frozen=True, slots=True)
class RecordingNews:
    """What an event says of one recording. `key` is the PBX's id of it, opaque."""

    key: str
    state: RecordingState
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a call cost the firm: `amount` in decimal digits ("3.60"), `currency` by ISO 4217 where it is stated."""

    amount: str
    currency: str | None = None


class Side(StrEnum):
    CLIENT = "client"
    EMPLOYEE = "employee"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One thing that was said, between two moments in seconds since the talk began."""

    side: Side
    started_second: int
    ended_second: int
    text: str


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One statement of a PBX. A field is None when the event does not say it.

    `call_key` is the vendor's id of the whole conversation, `leg_key` of one leg, `event_key`
    of this statement inside its call: two events with one `event_key` are the same event.
    `at` is when it happened by the PBX's clock. `client` is the outside party and `line` the
    firm's own number. `with_client` is False when a leg is a talk between two employees
    (a consultation). `hidden` says that the PBX told us that the caller hid the number.
    `talk_seconds` and the three moments are stated by summaries. `from_history` says that it was read
    afterwards in the PBX's list of calls: it fills gaps, and gives way to what was heard at the time.
    `rating` is the client's, 1 to 5; `transcript` is the whole talk, and a later one takes its place.
    """

    kind: EventKind
    call_key: str
    event_key: str
    at: datetime
    leg_key: str | None = None
    seq: int | None = None
    direction: Direction | None = None
    place: Place | None = None
    client: Phone | None = None
    hidden: bool = False
    line: Phone | None = None
    extension: str | None = None
    group: str | None = None
    with_client: bool = True
    result: Result | None = None
    talk_seconds: int | None = None
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    recording: RecordingNews | None = None
    command_id: str | None = None
    came_from_leg: str | None = None
    tracking_number: Phone | None = None
    from_history: bool = False
    cost: Cost | None = None
    rating: int | None = None
    transcript: tuple[Phrase, ...] = ()
