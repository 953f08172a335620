"""What the rules must know of Bitrix24 (bitrix24.md §3.10, §4.4). It has no incoming leads beside its leads."""

from __future__ import annotations

from connectors.bitrix24.owners import has_open_deal
from connectors.rules import CrmRules
from hub.domain.treatment import LeadOutcome, PersonState

RULES = CrmRules(
    outcomes=frozenset(LeadOutcome) - {LeadOutcome.UNSORTED},
    states={"CONTACT": PersonState.CONTACT, "COMPANY": PersonState.CONTACT, "LEAD": PersonState.LEAD},
    instead={"simple": {LeadOutcome.LEAD: LeadOutcome.CONTACT_DEAL}},
    first_pipeline="0",
    leads_have_stages=True,
    own_fields="UF_",
    has_open_deal=has_open_deal,
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
