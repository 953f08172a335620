"""One thing that a CRM should come to show, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.domain.events import Cost, Direction, Phrase, Result
from hub.domain.party import Party, Source, VisitStory
from hub.domain.phone import Phone
from hub.domain.treatment import CardOrders


class IntentKind(StrEnum):
    SHOW_CARD = "show_card"
    HIDE_CARD = "hide_card"
    LOG_CALL = "log_call"
    ATTACH_RECORDING = "attach_recording"
    ATTACH_TRANSCRIPT = "attach_transcript"
    ENSURE_LEAD = "ensure_lead"
    SET_SOURCE = "set_source"
    SET_CARD = "set_card"
    LINK_RECORDING = "link_recording"
    ADD_TASK = "add_task"
    CLOSE_TASK = "close_task"
    ADD_NOTE = "add_note"
    REPORT_CONVERSION = "report_conversion"


class Lane(StrEnum):
    URGENT = "urgent"
    CALLS = "calls"
    BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Why:
    """One line of a why-trace: `field` of the intent, the `rule` that set it, the `fact` it rests on.

    `field` is "" for the intent itself. `rules_version` 0 means the built-in defaults.
    """

    field: str
    rule: str
    fact: str
    rules_version: int = 0


@dataclass(frozen=True, slots=True)
class FormFacts:
    """What a visitor left when they asked to be called: there is no call yet, or there never was one.

    `site` is the site's name, `page` and `referrer` are addresses, `ip` is the visitor's.
    """

    sent_at: datetime
    name: str = ""
    comment: str = ""
    site: str = ""
    page: str = ""
    referrer: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The call as an intent carries it to a CRM. Phones are E.164 where they have one."""

    call_id: str
    """The hub's own id of the call: unique, stable, our key in the CRM."""
    direction: Direction
    client: Phone | None
    line: Phone | None
    started_at: datetime
    answered: bool
    talk_seconds: int
    wait_seconds: int
    ended_at: datetime | None
    result: Result | None
    user_id: str | None
    """The employee to log it on, by the CRM's id: talked last, else rung first, else the default."""
    extension: str | None
    redirected: bool = False
    callback: bool = False
    creates_lead: bool = False
    """Whether an unknown client may become a lead."""
    source: Source | None = None
    party: Party | None = None
    recording_links: tuple[str, ...] = ()
    """Our stable addresses of the call's recordings, also of those that are still on their way to us."""
    cost: Cost | None = None
    rating: int | None = None
    """The client's, 1 to 5."""
    visit: VisitStory | None = None
    """What the client looked at before the call, when that is known."""
    orders: CardOrders = field(default_factory=CardOrders)
    """What the rules say of the client's card."""
    form: FormFacts | None = None
    """Set when this is no call but the request for one; `call_id` is then the request's own key."""


@dataclass(frozen=True, slots=True)
class Intent:
    """`key` names it inside its call and connection: the same key is the same intent, for ever.

    `about` says which one of several: the extension's user id for a card, the recording's key for a
    recording, the task's key for a task. `text` is what a person will read (task, note).
    """

    kind: IntentKind
    key: str
    call: CallFacts
    why: tuple[Why, ...]
    about: str = ""
    title: str = ""
    text: str = ""
    deadline: datetime | None = None
    link: str = ""
    """For a recording: our stable address of it; `about` is the key of the stored file."""
    phrases: tuple[Phrase, ...] = ()
    """For a transcript: what was said."""
    user_id: str | None = None
    """For a task: whose it is; None for the client's owner, else whoever had the call."""
