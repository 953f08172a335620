"""The rules of one CRM connection, as values. `mapping.schema` makes them from a document."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from hub.domain.treatment import LeadOutcome, PersonState

FORMAT_VERSION = 1
"""The version of the document's form; a document of another one is refused."""


class Situation(StrEnum):
    """What happened, of one call or of a form that was sent. Every call is in exactly one when it is over."""

    INBOUND_ANSWERED = "inbound_answered"
    INBOUND_MISSED = "inbound_missed"
    CALLED_BACK = "missed_then_called_back"
    OUTBOUND_ANSWERED = "outbound_answered"
    OUTBOUND_UNANSWERED = "outbound_unanswered"
    CALLBACK_DONE = "callback_done"
    CALLBACK_FAILED = "callback_failed"
    FORM = "form"
    REPEAT_MISSED = "repeat_missed"
    AFTER_HOURS = "after_hours"
    INTERNAL = "internal"
    IVR_ONLY = "ivr_only"


class Who(StrEnum):
    """Who can be made responsible; the first of a list that names somebody is taken."""

    OWNER = "owner"
    ANSWERED_BY = "answered_by"
    RUNG_FIRST = "rung_first"
    ROUND_ROBIN = "round_robin"
    FIXED = "fixed"
    ON_DUTY = "on_duty"


class OpenDeal(StrEnum):
    """What a rule that makes a lead or a deal does for a client who has an open one."""

    REUSE = "reuse"
    NEW = "new"


class RecordingMode(StrEnum):
    ATTACH = "attach"
    LINK = "link"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class EmployeeRule:
    """Who an extension is in this CRM; it wins over every other list."""

    extension: str
    user: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class SourceRule:
    """A touch becomes a source of the CRM. `source` is matched as a line of the lead policy matches it."""

    name: str
    source: tuple[str, ...]
    crm_source: str | None = None


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One line of the lead policy. An empty condition holds for everything.

    `users`: whom FIXED names (the first of them) and among whom ROUND_ROBIN goes round. `open_deal`: whether an
    open deal (or open lead) of the client takes the call, or a new one is made beside it.
    """

    name: str
    outcome: LeadOutcome
    situation: tuple[Situation, ...] = ()
    line: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    person: tuple[PersonState, ...] = ()
    pipeline: str | None = None
    stage: str | None = None
    responsible: tuple[Who, ...] = ()
    users: tuple[str, ...] = ()
    title: str = ""
    open_deal: OpenDeal = OpenDeal.REUSE


@dataclass(frozen=True, slots=True)
class TaskRules:
    """Tasks for missed calls. `who` empty: the client's owner, else whoever the call is logged on."""

    make: bool = True
    situation: tuple[Situation, ...] = (
        Situation.INBOUND_MISSED,
        Situation.REPEAT_MISSED,
        Situation.AFTER_HOURS,
        Situation.IVR_ONLY,
    )
    who: tuple[Who, ...] = ()
    users: tuple[str, ...] = ()
    within_minutes: int = 60
    working_hours: bool = False
    close_on_contact: bool = True
    title: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """A field of the CRM gets what `value` makes of the catalogue's facts, as "{source.campaign}"."""

    name: str
    entity: str
    field: str
    value: str
    always: bool = False


@dataclass(frozen=True, slots=True)
class Quality:
    """When a call counts as a good one, and when a caller counts as new."""

    min_talk_seconds: int = 30
    unique_days: int = 30
    missed_hours: int = 168


@dataclass(frozen=True, slots=True)
class Privacy:
    """What is kept out of the CRM's texts. The number itself stays in the card's phone field."""

    mask_phones: bool = False
    visit_pages: bool = True


@dataclass(frozen=True, slots=True)
class Rules:
    """A whole document. `found` and `by_situation` remember what was looked up in the policy."""

    policy: tuple[PolicyRule, ...]
    employees: tuple[EmployeeRule, ...] = ()
    sources: tuple[SourceRule, ...] = ()
    tasks: TaskRules = TaskRules()
    fields: tuple[FieldRule, ...] = ()
    quality: Quality = Quality()
    recordings: RecordingMode = RecordingMode.ATTACH
    privacy: Privacy = Privacy()
    found: dict[Any, PolicyRule] = field(default_factory=dict, init=False, repr=False, compare=False)
    by_situation: dict[Situation, tuple[PolicyRule, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
