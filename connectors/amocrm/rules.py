"""What the rules must know of amoCRM: its deals are its leads, and unknown callers wait among the incoming ones."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.amocrm.owners import has_open_lead
from connectors.door import Json
from connectors.rules import CrmRules
from hub.domain.treatment import LeadOutcome, PersonState

_STRANGERS = {
    "unsorted": LeadOutcome.UNSORTED,
    "lead": LeadOutcome.LEAD,
    "nothing": LeadOutcome.NOTHING,
}


def stranger(settings: Mapping[str, Json]) -> LeadOutcome:
    """As the connection's `unknown_caller` says."""
    return _STRANGERS.get(str(settings.get("unknown_caller") or "unsorted"), LeadOutcome.UNSORTED)


def outbound(settings: Mapping[str, Json]) -> LeadOutcome:
    """As the connection's `unknown_outbound` says: a contact, because amoCRM keeps no call without one; or nothing."""
    return LeadOutcome.NOTHING if settings.get("unknown_outbound") == "nothing" else LeadOutcome.ACTIVITY_ONLY


RULES = CrmRules(
    outcomes=frozenset(LeadOutcome),
    states={"contact": PersonState.CONTACT, "company": PersonState.CONTACT, "lead": PersonState.LEAD},
    lead_is_deal=True,
    needs_person=True,
    only_strangers=frozenset({LeadOutcome.UNSORTED}),
    has_open_deal=has_open_lead,
    field_types={
        "text": "text",
        "textarea": "text",
        "url": "text",
        "numeric": "number",
        "monetary": "number",
        "date": "moment",
        "date_time": "moment",
        "checkbox": "flag",
        "select": "choice",
        "radiobutton": "choice",
        "multiselect": "choice",
    },
    stranger=stranger,
    outbound=outbound,
)
