"""What is asked, and what is answered: the values of a callback request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FormParty:
    """The card on which a CRM's own form put the request: `connection_id` is the CRM's."""

    connection_id: int
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class More:
    """What else came with a request. `consent` is the proof (callback-practice.md §8): version, at, ip, agent.

    `line` is the firm's number that the client is to see, where a CRM's form named one.
    """

    consent: Mapping[str, str] = field(default_factory=dict)
    party: FormParty | None = None
    referrer: str = ""
    ip: str = ""
    line: str = ""
    utm: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request as it came. `site` is a site's key, `visit` the tracker's id, `when` the visitor's slot.

    `asked_by` is "key:<name>", "site", or "crm:<connection>"; `ip` and `visitor` are counted where they are
    known: a program that asks for its visitors has neither.
    """

    workspace_id: int
    phone: str
    asked_by: str
    name: str = ""
    comment: str = ""
    site: str | None = None
    visit: str | None = None
    page: str = ""
    extension: str | None = None
    zone: str | None = None
    when: datetime | None = None
    ip: str | None = None
    visitor: str | None = None
    more: More = field(default_factory=More)


@dataclass(frozen=True, slots=True)
class Taken:
    """The open request of the number; `is_new` False when there was one already."""

    id: int
    uid: str
    is_new: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Why not: `reason` for programs, the key of the words for the visitor. `status` is HTTP's."""

    status: int
    reason: str
    field: str = ""
    retry_seconds: int = 0
