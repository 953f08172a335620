"""Sites, number pools, leases, visits, attribution and forms.

For others' own experiments: `attribute(visits, leases, calls)` answers which visit made each call, and
`learn` / `attribute_one` do the same call by call. `docs/attribution.md` explains the method and the input.
"""

from hub.domain.attribution import Attribution, CallFact, Candidate, EarlierCall, LeaseFact, Model, VisitFact
from hub.tracking.attribution import DelayLaw, Settings, attribute, attribute_one, earlier_call, learn, prior_law

__all__ = [
    "Attribution",
    "CallFact",
    "Candidate",
    "DelayLaw",
    "EarlierCall",
    "LeaseFact",
    "Model",
    "Settings",
    "VisitFact",
    "attribute",
    "attribute_one",
    "earlier_call",
    "learn",
    "prior_law",
]
