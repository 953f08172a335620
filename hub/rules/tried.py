"""What a dry run hands back: calls and requests under both rule books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.domain.party import Party, Source, VisitStory
from hub.domain.treatment import LIVE_STATES, PersonState
from mapping.facts import PlanFacts
from mapping.forecast import CrmWays, Forecast, forecast, same
from mapping.plan import Plan, plan
from mapping.request import Request, plan_request


@dataclass(frozen=True, slots=True)
class PastRequest:
    """A request for a callback as the planner is told of it. `parties`: CRM connection to the form's own card.

    `id`, `client_e164`, `started_at`, `ended_at` and `outcome` fill `hub.rules.gather.Contacted`.
    """

    callback_id: int
    uid: str
    client_e164: str
    started_at: datetime
    request: Request
    source: Source | None = None
    visit: VisitStory | None = None
    parties: Mapping[int, Party] = field(default_factory=dict)
    outcome: str = "unanswered"

    @property
    def id(self) -> int:
        """Its place beside calls (`hub.rules.known.id_of_request`)."""
        return -self.callback_id

    @property
    def ended_at(self) -> datetime | None:
        return self.request.failed_at

    def plan(self, facts: PlanFacts) -> Plan:
        return plan_request(self.request, facts)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a prediction is none yet: nobody could ask the CRM who the client is. Holds what it would rest on."""

    facts: PlanFacts
    ways: CrmWays
    request: PastRequest | None = None

    def forecast(self, state: PersonState) -> Forecast:
        facts = replace(self.facts, person=state)
        return forecast(facts, self.ways, self.request.plan(facts) if self.request else plan(facts))


@dataclass(frozen=True, slots=True)
class TriedCall:
    """One call under both rule books. `changed` says that the CRM would come to show something else.

    Of a request for a callback `request_id` is set, and `call_id` is 0.
    """

    call_id: int
    started_at: datetime
    client_e164: str | None
    client_raw: str | None
    line: str | None
    source: str | None
    person: PersonState
    vip: bool
    draft: Forecast
    published: Forecast
    request_id: int | None = None
    doubt: Doubt | None = field(default=None, repr=False, compare=False)

    @property
    def changed(self) -> bool:
        return not same(self.draft, self.published)

    @property
    def depends(self) -> tuple[tuple[PersonState, Forecast], ...]:
        """What the draft comes to where the CRM keeps the client otherwise than the hub remembers; only what differs.

        Empty when the CRM has said who the client is, or when it makes no difference.
        """
        if self.doubt is None:
            return ()
        others = ((state, self.doubt.forecast(state)) for state in LIVE_STATES if state is not self.person)
        return tuple((state, found) for state, found in others if not same(found, self.draft))


@dataclass(frozen=True, slots=True)
class DryRun:
    """`tried` has the calls and `requests` the requests for a callback of the same time, the newest first.

    `version` is the published one that the draft was compared with.
    """

    tried: tuple[TriedCall, ...]
    version: int
    requests: tuple[TriedCall, ...] = ()

    @property
    def every(self) -> tuple[TriedCall, ...]:
        """Calls and requests, the newest first."""
        return tuple(sorted((*self.tried, *self.requests), key=lambda one: one.started_at, reverse=True))

    @property
    def changed(self) -> int:
        return sum(one.changed for one in (*self.tried, *self.requests))

    @property
    def in_doubt(self) -> int:
        """Of how many the CRM could not be asked who the client is."""
        return sum(one.doubt is not None for one in (*self.tried, *self.requests))

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Effect ("created lead") to how often it is had by the draft, and by the published rules."""
        draft, published = Counter[str](), Counter[str]()
        for one in (*self.tried, *self.requests):
            draft.update(_names(one.draft))
            published.update(_names(one.published))
        return {name: (draft[name], published[name]) for name in sorted(draft | published)}


def _names(found: Forecast) -> Iterator[str]:
    return (f"{effect.act} {effect.what}" for effect in found.effects)
