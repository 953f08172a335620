"""What the rules must know of a CRM: what it can make, how it names things, and whom it keeps at this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from connectors.door import Door, Json
from hub.domain.phone import Phone
from hub.domain.treatment import LeadOutcome, PersonState


def same_outcome(_settings: Mapping[str, Json]) -> LeadOutcome:
    return LeadOutcome.LEAD


def only_logged(_settings: Mapping[str, Json]) -> LeadOutcome:
    return LeadOutcome.ACTIVITY_ONLY


def no_open_deal(_kind: str, _place: int) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class CrmRules:
    """`outcomes` are those that this CRM can bring about. `stranger` is what an unknown caller becomes where nobody
    has set rules, and `outbound` what somebody unknown whom we called becomes, both by the connection's settings.

    `states`: how the kinds of the owner index are to be read; `has_open_deal` tells of a kind and a place of the index
    whether that client has an open deal. `lead_is_deal`: the CRM's deals are its leads, so whom the hub makes a lead
    has a contact and an open deal there. `needs_person`: the CRM keeps no call without a card.
    `instead`: what is made in place of an outcome where the CRM's dictionary "crm_mode" names this mode.
    `only_strangers`: what can be made of unknown clients alone. `first_pipeline`: where a deal goes that nobody
    gave a pipeline. `leads_have_stages`: leads have stages of their own, and no pipelines.
    `own_fields`: how the names of fields begin that its dictionary lists; others are its standard ones.
    `field_types`: the CRM's own type of a field to text, number, moment, flag or choice.
    """

    outcomes: frozenset[LeadOutcome]
    states: Mapping[str, PersonState]
    lead_is_deal: bool = False
    needs_person: bool = False
    instead: Mapping[str, Mapping[LeadOutcome, LeadOutcome]] = field(default_factory=dict)
    only_strangers: frozenset[LeadOutcome] = frozenset()
    first_pipeline: str = ""
    leads_have_stages: bool = False
    own_fields: str = ""
    has_open_deal: Callable[[str, int], bool] = no_open_deal
    field_types: Mapping[str, str] = field(default_factory=dict)
    stranger: Callable[[Mapping[str, Json]], LeadOutcome] = same_outcome
    outbound: Callable[[Mapping[str, Json]], LeadOutcome] = only_logged


@dataclass(frozen=True, slots=True)
class ClientNow:
    """Whom a CRM keeps behind a number at this moment, as it is found when a call is written."""

    state: PersonState
    owner_user_id: str | None = None
    name: str | None = None


class CrmClients(Protocol):
    """A CRM whose index cannot say what becomes of a call: it has to be asked about many clients at once."""

    most: int
    """How many numbers at once."""

    def clients(self, phones: Sequence[Phone], door: Door) -> Mapping[str, ClientNow]:
        """Each phone's client by its E.164, strangers too; who could not be asked is missing. Reads only.

        Raises the delivery errors of a request as a whole.
        """
