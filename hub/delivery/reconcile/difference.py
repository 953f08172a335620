"""What two systems can disagree about, and a comparison of both: plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """The first four are between PBX and hub, the rest between hub and CRM."""

    LOST = "lost"  # the PBX had a call of which the hub never heard
    UNFINISHED = "unfinished"  # the PBX knows how the call ended, the hub does not
    RECORDING_LOST = "recording_lost"  # the PBX has a recording of which the hub never heard
    UNKNOWN_TO_PBX = "unknown_to_pbx"  # the hub has a call that the PBX's history does not list
    NOT_PLANNED = "not_planned"  # nobody decided what the CRM is to show of the call
    NOT_LOGGED = "not_logged"  # the delivery was given up, came too late, or is held back
    UNSETTLED = "unsettled"  # the CRM shows it, while the hub does not know that
    GONE = "gone"  # delivered, but the CRM does not show it
    DOUBLED = "doubled"  # the CRM shows it more than once
    UNRECORDED = "unrecorded"  # the recording was attached, but the CRM does not show it


@dataclass(frozen=True, slots=True)
class Window:
    """Calls that began in `since` … `until`. One that ended after `settled_before` is left alone: its news may be
    on their way."""

    since: datetime
    until: datetime
    settled_before: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """One call on which two systems disagree, or disagreed until it was `repaired`.

    `call_id` is the hub's, None for a call that the hub does not have; `connection` is the name of
    the system that it was compared with.
    """

    kind: Kind
    call_id: int | None
    call_key: str
    connection: str
    words: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class PbxComparison:
    """`asked` False: the history could not be read, for this `reason`; then `pbx_calls` says nothing."""

    asked: bool
    reason: str
    pbx_calls: int
    hub_calls: int
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class CrmComparison:
    """`expected` calls should be shown, `logged` are, `under_way` are about to be.

    `asked` False: the CRM's own list could not be read, for this `reason`; then `logged` is what the outbox says.
    """

    connection: str
    asked: bool
    reason: str
    expected: int
    logged: int
    under_way: int
    differences: tuple[Difference, ...] = field(default=())
