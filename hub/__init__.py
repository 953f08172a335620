"""Dozvon: the hub between telephony and CRM. `docs/architecture.md` has the plan of the rooms."""
