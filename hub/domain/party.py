"""Who is on the other side, who of ours talks to them, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Employee:
    """One person of the firm as one CRM connection knows them. `user_id` is the CRM's own id."""

    name: str
    extension: str
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Where a client came from, in marketing words; `certain` is False for a guess."""

    source: str
    medium: str | None = None
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    evidence: str = ""
    certain: bool = True


@dataclass(frozen=True, slots=True)
class PageView:
    at: datetime
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class UnknownSource:
    """A call to a visitor's number that no visit is named for: `best` is the probability of the best one, and
    `somebody_else` that it was no visitor at all."""

    number: str
    best: float
    somebody_else: float


@dataclass(frozen=True, slots=True)
class VisitStory:
    """The visit behind a call, as a person may read it: where it landed, what led there, its last pages."""

    started_at: datetime
    landing_url: str
    referrer: str = ""
    pages: tuple[PageView, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """A person or company that the CRM keeps behind a phone. Ids are the CRM's own."""

    kind: str
    id: str
    name: str | None = None
    owner_user_id: str | None = None
    open_deal_ids: tuple[str, ...] = ()
    vip: bool = False


TASK_ON_ITS_WAY = "pending:"
"""How the key of a task begins that the CRM has not got yet."""


@dataclass(frozen=True, slots=True)
class ClientHistory:
    """What the hub itself remembers of a client on one CRM connection.

    `open_task_keys`: the CRM's ids of missed-call tasks that nobody has closed.
    """

    open_task_keys: tuple[str, ...] = field(default=())
