"""What is to be done with a client in a CRM, by what the CRM knows of them at the moment of writing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class PersonState(StrEnum):
    """What a CRM keeps behind a client's number. VIP is said of any of the others."""

    UNKNOWN = "unknown"
    CONTACT = "contact"
    CONTACT_WITH_DEAL = "contact_with_deal"
    LEAD = "lead"
    VIP = "vip"


LIVE_STATES = (PersonState.UNKNOWN, PersonState.CONTACT, PersonState.CONTACT_WITH_DEAL, PersonState.LEAD)
"""What a CRM itself can find behind a number."""


class LeadOutcome(StrEnum):
    """What a call comes to in a CRM. All but NOTHING log the call as well."""

    LEAD = "lead"
    CONTACT_DEAL = "contact_deal"
    UNSORTED = "unsorted"
    ACTIVITY_ONLY = "activity_only"
    NOTHING = "nothing"


OPEN_STATES = frozenset({PersonState.CONTACT_WITH_DEAL, PersonState.LEAD})
"""Clients who are being dealt with already: they have an open deal, or are an open lead."""


CREATING = frozenset({LeadOutcome.LEAD, LeadOutcome.CONTACT_DEAL, LeadOutcome.UNSORTED})


@dataclass(frozen=True, slots=True)
class Treatment:
    """The outcome for one state, and what a card that is made then is like. Ids are the CRM's own.

    None and "" leave it to the connection: its pipeline, its first stage, its title, the client's owner, else
    whoever had the call.
    `rule` is the name of the rule that said so. `reuse`: an open deal or lead of the client is used, none is made
    beside it. `owner_first`: whoever owns the client in the CRM comes before `user_id`.
    """

    outcome: LeadOutcome = LeadOutcome.ACTIVITY_ONLY
    rule: str = ""
    pipeline: str | None = None
    stage: str | None = None
    title: str = ""
    user_id: str | None = None
    reuse: bool = True
    owner_first: bool = False

    @property
    def creates(self) -> bool:
        return self.outcome in CREATING

    def makes(self, state: PersonState) -> bool:
        """Whether something new is made of a client whom the CRM keeps as `state`."""
        return self.creates and not (self.reuse and state in OPEN_STATES)


@dataclass(frozen=True, slots=True)
class FieldValue:
    """One own field of a CRM card that is to hold `value`; `entity` is lead, deal, contact or company.

    `always` writes it on the card of a known client too, not only on one that the call has made. `kind` is text,
    number, moment or flag; `value` is always written out, a flag as 1 or 0.
    """

    entity: str
    field: str
    value: str
    always: bool = False
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class CardOrders:
    """All that the rules say of the client's card. `treatments` has the states that call for more than the log.

    `undecided`: while the call goes on, the rules do not yet agree on what is to be made; nothing is made meanwhile.
    `client_name` is what stands for the number where texts name the client; "" shows the number.
    """

    treatments: Mapping[str, Treatment] = field(default_factory=dict)
    fields: tuple[FieldValue, ...] = ()
    crm_source: str | None = None
    undecided: bool = False
    client_name: str = ""

    def treatment(self, state: PersonState) -> Treatment:
        """What to do with a client whom the CRM keeps as `state`."""
        return self.treatments.get(state, Treatment())
