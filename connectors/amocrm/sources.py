"""What a new lead can say of where the client came from: tracking fields that exist, and the line as a source."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from connectors.amocrm.client import Account
from connectors.amocrm.envelope import embedded
from connectors.amocrm.errors import Refused
from connectors.amocrm.reference import lead_field_codes
from connectors.amocrm.translate import Item, source_id, source_name, source_values
from hub.domain.intents import CallFacts

_SOURCE_KNOWN_FOR = timedelta(hours=1)


def known_codes(facts: CallFacts, account: Account) -> Collection[str]:
    """The lead fields that exist; none when nothing is to be written, or when amoCRM does not tell."""
    if not source_values(facts.source):
        return ()
    try:
        return lead_field_codes(account)
    except Refused:
        return ()


def source_of(facts: CallFacts, account: Account) -> Item:
    """What a new lead embeds of its source (amocrm.md §4.1); nothing when amoCRM takes no more sources."""
    if not _has_source(facts, account):
        return {}
    return {"source": {"type": "widget", "external_id": source_id(facts)}}


def _has_source(facts: CallFacts, account: Account) -> bool:
    """Whether the line is a source of our integration; made when it is not, which may be done twice.

    `external_id` is unique there. When amoCRM takes no more sources, the lead goes without one.
    """
    external_id = source_id(facts)
    key, now = (*account.key("source"), external_id), account.door.now()
    if account.memory.recall(key, now):
        return True
    try:
        known = embedded(account.read("sources", {"filter[external_id][]": [external_id]}), "sources")
        if not any(row.get("external_id") == external_id for row in known):
            name = source_name(facts, account.settings)
            account.write("POST", "sources", [{"name": name, "external_id": external_id, "request_id": external_id}])
    except Refused:
        return False
    account.memory.keep(key, True, now + _SOURCE_KNOWN_FOR)
    return True
