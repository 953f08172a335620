"""What the rules must know of a CRM beforehand: what it can make, and how it names things."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connectors.door import Json
from hub.domain.treatment import LeadOutcome, PersonState


def same_outcome(_settings: Mapping[str, Json]) -> LeadOutcome:
    return LeadOutcome.LEAD


@dataclass(frozen=True, slots=True)
class CrmRules:
    """`outcomes` are those that this CRM can bring about. `stranger` is what an unknown caller becomes where nobody
    has set rules, by the connection's settings.

    `states` and `open_places`: how the kinds of the owner index are to be read; a contact whose place is among the
    open ones has an open deal. `lead_is_deal`: whom the hub makes a lead has a contact and an open deal there.
    `lacking`: what cannot be made where the CRM's dictionary "crm_mode" names this mode.
    `makes_for_known`: whether a new deal or lead can be made of a client whom the CRM knows.
    `field_types`: the CRM's own type of a field to text, number, moment, flag or choice.
    """

    outcomes: frozenset[LeadOutcome]
    states: Mapping[str, PersonState]
    lead_is_deal: bool = False
    makes_for_known: bool = False
    lacking: Mapping[str, frozenset[LeadOutcome]] = field(default_factory=dict)
    open_places: frozenset[int] = frozenset()
    field_types: Mapping[str, str] = field(default_factory=dict)
    stranger: Callable[[Mapping[str, Json]], LeadOutcome] = same_outcome
