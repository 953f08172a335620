"""A request for a callback, to what amoCRM's API takes (amocrm.md §3.3). Pure."""

from __future__ import annotations

import re
from collections.abc import Collection

from connectors.amocrm.settings import AccountSettings
from connectors.amocrm.translate import Item, lead_fields, new_contact, pipeline_id, source_id, source_name, unix
from connectors.amocrm.words import say
from hub.domain.intents import CallFacts

FORM_MARK = "callback:"


def incoming_form(facts: CallFacts, settings: AccountSettings, codes: Collection[str], locale: str) -> Item:
    """`/leads/unsorted/forms` (amocrm.md §3.3). The number stands in `form_id`, by which the card is found again.

    No call is put on the card: the call that follows is logged on it like any other.
    """
    form = facts.form
    assert form is not None
    return {
        "request_id": facts.call_id,
        "source_uid": source_id(facts),
        "source_name": source_name(facts, settings),
        "pipeline_id": pipeline_id(facts, settings),
        "created_at": unix(form.sent_at),
        "metadata": {
            "form_id": form_id(facts),
            "form_name": say("callback_form", locale),
            "form_page": form.page or (f"https://{form.site}" if form.site else settings.service_name),
            "form_sent_at": unix(form.sent_at),
            "ip": form.ip or None,
            "referer": form.referrer or None,
        },
        "_embedded": {
            "leads": [lead_fields(facts, settings, codes, locale)],
            "contacts": [new_contact(facts, settings)],
        },
    }


def form_id(facts: CallFacts) -> str:
    """Our key of a request and the number it is for: "callback:<digits>:<key>"."""
    assert facts.client is not None
    digits = re.sub(r"\D", "", facts.client.display)
    return f"{FORM_MARK}{digits}:{facts.call_id}"
