"""What the planner is told. Every value is plain; nothing is looked up while planning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.call import Call
from hub.domain.intents import Why
from hub.domain.party import ClientHistory, Employee, Party, Source, UnknownSource, VisitStory
from hub.domain.treatment import PersonState
from mapping.defaults import BUILT_IN
from mapping.model import Rules, Situation
from mapping.turns import Queue
from mapping.words import say


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
    `source` is where the client came from and `visit` what they looked at, when that is known; `unknown` says that a
    visitor's number was called and nobody can be named.
    `recordings` can be played now; `recording_links` are the addresses of all, also of those still being fetched.

    `rules` None means the built-in ones. `person` is what the CRM is known to keep behind the number, `vip` whether
    they are on a list of important callers. `after_hours`: nobody was at work when it began. `after_missed`: the
    client's last call before this one was missed. `first_call`: no call of theirs came in `Quality.unique_days`.
    `queues` say whose turn it is, by `mapping.turns`; `on_duty` are the CRM users at work now. `openings` are the
    next working hours from the call's end on, in order. `situation` is given for what is not a call's own outcome.
    `party` is the card on which the CRM itself put the client, where it told us.
    """

    call: Call
    call_id: str
    locale: str = "ru"
    employees: Mapping[str, Employee] = field(default_factory=dict)
    default_user_id: str | None = None
    source: Source | None = None
    visit: VisitStory | None = None
    unknown: UnknownSource | None = None
    history: ClientHistory = field(default_factory=ClientHistory)
    recordings: tuple[KeptRecording, ...] = ()
    recording_links: tuple[str, ...] = ()
    rules: Rules | None = None
    rules_version: int = 0
    person: PersonState = PersonState.UNKNOWN
    owner_user_id: str | None = None
    client_name: str | None = None
    vip: bool = False
    after_hours: bool = False
    after_missed: bool = False
    first_call: bool = True
    queues: Mapping[str, Queue] = field(default_factory=dict)
    on_duty: tuple[str, ...] = ()
    openings: tuple[tuple[datetime, datetime], ...] = ()
    situation: Situation | None = None
    party: Party | None = None

    @property
    def rules_of(self) -> Rules:
        """The rules that hold for this call."""
        return self.rules or BUILT_IN

    def say(self, key: str, **values: str) -> str:
        """The sentence `key` in the workspace's language."""
        return say(key, self.locale, **values)

    def why(self, field_name: str, rule: str, fact: str) -> Why:
        """One line of a why-trace; `rule` is the key of its sentence."""
        return Why(field_name, self.say(rule), fact, self.rules_version)
