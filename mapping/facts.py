"""What the planner is told. Every value is plain; nothing is looked up while planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.domain.call import Call
from hub.domain.party import ClientHistory, Employee, Source


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """A recording that the hub holds: `key` is the hub's id of the file, `link` our stable address of it."""

    key: str
    link: str
    extension: str | None


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """One call, as one CRM connection is to come to show it.

    `call_id` is the hub's own id of the call. `employees` are those known to this CRM, by extension.
    `source` is where the client came from, when that is known. `recordings` can be played now;
    `recording_links` are the addresses of all, also of those still being fetched.
    """

    call: Call
    call_id: str
    locale: str = "ru"
    employees: Mapping[str, Employee] = field(default_factory=dict)
    default_user_id: str | None = None
    source: Source | None = None
    history: ClientHistory = field(default_factory=ClientHistory)
    recordings: tuple[KeptRecording, ...] = ()
    recording_links: tuple[str, ...] = ()
