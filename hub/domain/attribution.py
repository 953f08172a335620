"""Who called: the facts that are known of visits, leases and calls, and the answer that is drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Model(StrEnum):
    """What the answer rests on."""

    STATIC = "static"  # the number belongs to one source; certain
    DYNAMIC = "dynamic"  # a visit that held the number, by the delay of the call
    KNOWN_CALLER = "known_caller"  # the same, and the client's other calls decided it
    CALLBACK = "callback"  # the visitor asked for this call; exact
    FORM = "form"  # the visitor left the number in a form; exact
    DEFAULT_NUMBER = "default_number"  # the number that everybody sees: the call is lost to attribution
    SOMEBODY_ELSE = "somebody_else"  # most probably no visitor of the site at all
    UNKNOWN = "unknown"  # nobody is plausible enough; the candidates are kept


@dataclass(frozen=True, slots=True)
class VisitFact:
    """One visit. `visitor_id` joins the visits of one browser; without it each visit is a visitor of its own.

    `last_seen_at` is the last sign of life of the page; None: as long as its leases last.
    `region` is any spelling of where the visitor is, compared with the region of calls.
    """

    id: str
    started_at: datetime | None = None
    last_seen_at: datetime | None = None
    visitor_id: str | None = None
    region: str | None = None


@dataclass(frozen=True, slots=True)
class LeaseFact:
    """The visit `visit_id` was shown `number` from `since` until `until`; `until` None: it still is."""

    visit_id: str
    number: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallFact:
    """A call to `number` at `at` from `client`, None when the caller hid it.

    `known_visit_id` is set when the visit is known for certain, `known_by` (callback or form) says whence.
    """

    id: str
    number: str
    at: datetime
    client: str | None = None
    region: str | None = None
    known_visit_id: str | None = None
    known_by: Model = Model.CALLBACK


@dataclass(frozen=True, slots=True)
class Candidate:
    """A visit that may have called. `delay_seconds` is 0 while it was on the page, else since it left.

    `visitor_id` is "visit:" and the visit's id where the visit names no visitor.
    """

    visit_id: str
    visitor_id: str
    probability: float
    delay_seconds: float
    on_page: bool


@dataclass(frozen=True, slots=True)
class Attribution:
    """The answer for one call.

    `visit_id` is the chosen visit, None when there is no answer; `probability` is that of the answer
    (of the best candidate when there is none). `candidates` go from most to least probable; their sum,
    `somebody_else` and what falls to candidates too weak to list make one. `evidence` is for people.
    """

    call_id: str
    model: Model
    visit_id: str | None
    probability: float
    candidates: tuple[Candidate, ...] = ()
    somebody_else: float = 0.0
    source: str | None = None
    evidence: tuple[str, ...] = ()

    @property
    def is_answered(self) -> bool:
        """Whether a visit or a static source stands behind the call."""
        return self.visit_id is not None or self.model is Model.STATIC


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """What is kept of a client's earlier call, to understand the next one.

    `visitors` are the probabilities by visitor id; what is missing to one is somebody else.
    """

    at: datetime
    number: str
    visitors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Touch:
    """Where one visit came from, in marketing words. `rule` names what decided: utm, a click id, referrer, direct …"""

    source: str
    medium: str
    campaign: str | None = None
    content: str | None = None
    term: str | None = None
    campaign_id: str | None = None
    referrer_host: str | None = None
    click_ids: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Device:
    """What a visitor holds in the hand: `kind` is phone, tablet, desktop, bot or unknown."""

    kind: str
    browser: str | None = None
    system: str | None = None
