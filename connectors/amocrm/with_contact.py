"""A lead and its new contact in one write (amocrm.md §3.5)."""

from __future__ import annotations

from collections.abc import Collection

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded, identifier, mapping, number
from connectors.amocrm.forgiving import LeftOut, add_item
from connectors.amocrm.party import CONTACTS, LEADS, Card, first_id
from connectors.amocrm.settings import AccountSettings
from connectors.amocrm.sources import known_codes, source_of
from connectors.amocrm.translate import Item, lead_fields, new_contact, pipeline_id, status_id, unix
from hub.domain.errors import OutcomeUnknown
from hub.domain.intents import CallFacts
from hub.domain.treatment import Treatment

MERGED = "amoCRM's duplicate control put the call on a lead that was there"


def add_with_contact(
    facts: CallFacts, account: Account, settings: AccountSettings, treatment: Treatment, owner: str | None = None
) -> tuple[Card, LeftOut, bool]:
    """The card with the new lead, what was left out, and whether amoCRM took a lead that was there instead.

    `owner` comes before whom the treatment names. Raises delivery errors.
    """
    codes = known_codes(facts, account)
    item = lead_with_contact(facts, settings, codes, account.door.connection.locale, treatment)
    item["_embedded"] = {**mapping(item["_embedded"]), **source_of(facts, account)}
    if owner:
        item["responsible_user_id"] = number(owner)
    answer, left_out = add_item(account, "leads/complex", item)
    made = embedded(answer, LEADS)
    lead = identifier(made[0].get("id")) if made else None
    if lead is None:
        raise OutcomeUnknown("amoCRM answered without the lead's id.")
    contact = identifier(made[0].get("contact_id")) or first_id(made[0], CONTACTS)
    card = Card(CONTACTS, contact, lead_id=lead, open_leads=(lead,)) if contact else Card(LEADS, lead, lead_id=lead)
    return card, left_out, made[0].get("merged") is True


def lead_with_contact(
    facts: CallFacts, settings: AccountSettings, codes: Collection[str], locale: str, ruled: Treatment
) -> Item:
    """`/leads/complex` (amocrm.md §3.5); `_embedded.source` can be set at creation only (§4.1)."""
    return {
        **lead_fields(facts, settings, codes, locale, ruled),
        "pipeline_id": pipeline_id(facts, settings, ruled),
        "status_id": status_id(settings, ruled),
        "created_at": unix(facts.started_at),
        "request_id": facts.call_id,
        "_embedded": {"contacts": [new_contact(facts, settings, ruled)]},
    }
