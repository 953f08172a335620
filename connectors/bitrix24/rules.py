"""What the rules must know of Bitrix24 (bitrix24.md §3.10, §4.4). It has no incoming leads beside its leads."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.door import Json
from connectors.rules import CrmRules
from hub.domain.treatment import LeadOutcome, PersonState


def stranger(settings: Mapping[str, Json]) -> LeadOutcome:
    """As the connection's `unknown_callers` says."""
    return LeadOutcome.ACTIVITY_ONLY if settings.get("unknown_callers") == "ignore" else LeadOutcome.LEAD


RULES = CrmRules(
    outcomes=frozenset(LeadOutcome) - {LeadOutcome.UNSORTED},
    states={"CONTACT": PersonState.CONTACT, "COMPANY": PersonState.CONTACT, "LEAD": PersonState.LEAD},
    stranger=stranger,
    lacking={"classic": frozenset({LeadOutcome.CONTACT_DEAL})},
    field_types={
        "string": "text",
        "url": "text",
        "double": "number",
        "integer": "number",
        "money": "number",
        "datetime": "moment",
        "date": "moment",
        "boolean": "flag",
        "enumeration": "choice",
    },
)
