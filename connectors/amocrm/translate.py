"""Intents to what amoCRM's API takes. Pure.

Keys without a value are left out everywhere: null is refused (amocrm.md §3.1). Times are unix seconds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from connectors.amocrm.envelope import number
from connectors.amocrm.settings import AccountSettings
from connectors.amocrm.words import say
from connectors.contract import Json
from hub.domain.events import Direction, Result
from hub.domain.intents import CallFacts, Intent
from hub.domain.party import Source
from hub.domain.phone import Phone, format_phone
from hub.domain.treatment import PersonState, Treatment

Item = dict[str, Json]

SERVICE_CODE = "dozvon"
_LONGEST_FIELD = 255
_TASK_WITHIN = timedelta(hours=1)

_TALKED, _NOT_REACHED, _WRONG_NUMBER, _BUSY = 4, 6, 5, 7
"""`call_status`, amocrm.md §3.1."""
_STATUSES = {Result.BUSY: _BUSY, Result.WRONG_NUMBER: _WRONG_NUMBER}


# --- The call -------------------------------------------------------------------------------------


def unix(at: datetime) -> int:
    return int(at.timestamp())


def duration_seconds(facts: CallFacts) -> int:
    """Seconds of talk; a talk of less than a second is still one, 0 means "missed"."""
    return max(1, facts.talk_seconds) if facts.answered else 0


def call_status(facts: CallFacts) -> int:
    if facts.answered:
        return _TALKED
    return _NOT_REACHED if facts.result is None else _STATUSES.get(facts.result, _NOT_REACHED)


def user(user_id: str | None) -> Json:
    return None if user_id is None else number(user_id)


def responsible(facts: CallFacts, settings: AccountSettings) -> Json:
    """Whose the call is: the employee of the intent, else the connection's default person."""
    return user(facts.user_id or settings.default_user_id)


def on_whom(facts: CallFacts, settings: AccountSettings) -> Json:
    """Who is shown in the feed as having had the call: a user, else the extension."""
    return user(facts.user_id) or facts.extension or user(settings.default_user_id)


def call_params(facts: CallFacts, settings: AccountSettings, link: str | None) -> Item:
    """`params` of a call note (amocrm.md §3.6). `uniq` is our key."""
    assert facts.client is not None
    return {
        "uniq": facts.call_id,
        "duration": duration_seconds(facts),
        "source": settings.service_name,
        "phone": facts.client.display,
        "link": link or None,
        "call_status": call_status(facts),
        "call_responsible": on_whom(facts, settings),
    }


def call_note(facts: CallFacts, settings: AccountSettings, entity_id: str) -> Item:
    """A call on a card that we chose."""
    person = responsible(facts, settings)
    return {
        "entity_id": number(entity_id),
        "note_type": note_type(facts),
        "params": call_params(facts, settings, first_link(facts)),
        "created_by": person,
        "responsible_user_id": person,
        "created_at": unix(facts.started_at),
        "request_id": facts.call_id,
    }


def note_type(facts: CallFacts) -> str:
    return "call_out" if facts.direction is Direction.OUTBOUND else "call_in"


def first_link(facts: CallFacts) -> str | None:
    """A call keeps one link; further recordings come as notes."""
    return facts.recording_links[0] if facts.recording_links else None


def ringing(facts: CallFacts, user_id: str) -> Item:
    """`/api/v2/events` (amocrm.md §3.11): the number in digits."""
    assert facts.client is not None
    digits = re.sub(r"\D", "", facts.client.display)
    return {"add": [{"type": "phone_call", "phone_number": digits, "users": [number(user_id)]}]}


# --- A new client ---------------------------------------------------------------------------------


def incoming_lead(facts: CallFacts, settings: AccountSettings, codes: Collection[str], locale: str) -> Item:
    """`/leads/unsorted/sip` (amocrm.md §3.2). The caller stands in both fields, because amoCRM swaps them at times.

    amoCRM itself puts the call on the new card, so nothing else logs it.
    """
    assert facts.client is not None
    caller = facts.client.display
    return {
        "request_id": facts.call_id,
        "source_uid": line_id(facts.line),
        "source_name": line_name(facts.line, settings),
        "pipeline_id": pipeline_id(facts, settings),
        "created_at": unix(facts.started_at),
        "metadata": {
            "phone": caller,
            "from": caller,
            "call_responsible": on_whom(facts, settings),
            "called_at": unix(facts.started_at),
            "duration": duration_seconds(facts),
            "link": first_link(facts) or "",
            "service_code": SERVICE_CODE,
            "uniq": facts.call_id,
            "is_call_event_needed": True,
        },
        "_embedded": {
            "leads": [lead_fields(facts, settings, codes, locale)],
            "contacts": [new_contact(facts, settings)],
        },
    }


def source_id(facts: CallFacts) -> str:
    """Our stable key of where the client came in: the line that was called, or the site that was asked."""
    return f"callback:{facts.form.site or 'api'}" if facts.form else line_id(facts.line)


def source_name(facts: CallFacts, settings: AccountSettings) -> str:
    if facts.form is None:
        return line_name(facts.line, settings)
    return f"{settings.service_name}: {facts.form.site}" if facts.form.site else settings.service_name


def lead_fields(
    facts: CallFacts, settings: AccountSettings, codes: Collection[str], locale: str, ruled: Treatment | None = None
) -> Item:
    """A lead's name, person, source and tags, as the rules say of an unknown client, or as `ruled`."""
    assert facts.client is not None
    treatment = ruled or stranger(facts)
    kind = "callback_for" if facts.form else "call_from" if facts.answered else "missed_from"
    fields = source_fields(facts.source, codes)
    missed = [] if facts.answered or facts.form else [say("missed_tag", locale)]
    return {
        "name": treatment.title or say(kind, locale, client=shown_client(facts)),
        "responsible_user_id": user(treatment.user_id) or responsible(facts, settings),
        "custom_fields_values": fields or None,
        "tags_to_add": named([*missed, *source_tags(facts.source)]) or None,
    }


def stranger(facts: CallFacts) -> Treatment:
    """What the rules say of a client whom amoCRM does not know."""
    return facts.orders.treatment(PersonState.UNKNOWN)


def pipeline_id(facts: CallFacts, settings: AccountSettings, ruled: Treatment | None = None) -> Json:
    """Where a new lead goes: as the rules say, else as the connection does; None leaves it to amoCRM."""
    return user((ruled or stranger(facts)).pipeline) or settings.pipeline_id


def status_id(settings: AccountSettings, treatment: Treatment) -> Json:
    """The stage of a new lead; the connection's own only in the connection's own pipeline."""
    return user(treatment.stage) or (None if treatment.pipeline else settings.status_id)


def shown_client(facts: CallFacts) -> str:
    """The client in names and titles."""
    assert facts.client is not None
    return facts.orders.client_name or format_phone(facts.client)


def new_contact(facts: CallFacts, settings: AccountSettings, ruled: Treatment | None = None) -> Item:
    assert facts.client is not None
    phone = {"value": facts.client.display, "enum_code": "WORK"}
    return {
        "name": (facts.form.name if facts.form else "") or shown_client(facts),
        "responsible_user_id": user((ruled or stranger(facts)).user_id) or responsible(facts, settings),
        "custom_fields_values": [{"field_code": "PHONE", "values": [phone]}],
    }


def line_id(line: Phone | None) -> str:
    """Our stable key of the line that was called, as amoCRM's source (amocrm.md §4.1)."""
    digits = re.sub(r"\D", "", line.display) if line else ""
    return f"did:{digits or (line.raw if line else 'unknown')}"


def line_name(line: Phone | None, settings: AccountSettings) -> str:
    return f"{settings.service_name}: {format_phone(line)}" if line else settings.service_name


# --- Where the client came from -------------------------------------------------------------------


def source_values(source: Source | None) -> dict[str, str]:
    """Tracking field to value, without the empty ones."""
    if source is None:
        return {}
    found = {
        "UTM_SOURCE": source.source,
        "UTM_MEDIUM": source.medium,
        "UTM_CAMPAIGN": source.campaign,
        "UTM_CONTENT": source.content,
        "UTM_TERM": source.term,
    }
    return {code: value[:_LONGEST_FIELD] for code, value in found.items() if value}


def source_fields(source: Source | None, codes: Collection[str]) -> list[Json]:
    """`custom_fields_values` for the tracking fields that the account has."""
    return [
        {"field_code": code, "values": [{"value": value}]}
        for code, value in source_values(source).items()
        if code in codes
    ]


def source_tags(source: Source | None) -> list[str]:
    return [source.source[:_LONGEST_FIELD]] if source else []


def named(tags: Sequence[str]) -> list[Json]:
    return [{"name": tag} for tag in dict.fromkeys(tags) if tag]


# --- Tasks and notes ------------------------------------------------------------------------------


def marker(intent: Intent) -> str:
    """Our key in a text, by which it is found again. It ends in a bracket: "12" is not found in "123"."""
    return f"{MARK}{intent.call.call_id}:{short_key(intent.key)})"


MARK = "(dozvon:"


def short_key(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def task(intent: Intent, target: tuple[str, str], person: str | None, settings: AccountSettings) -> Item:
    """`/tasks` (amocrm.md §3.9) on a lead, contact or company."""
    facts = intent.call
    deadline = intent.deadline or (facts.ended_at or facts.started_at) + _TASK_WITHIN
    words = "\n".join(part for part in (intent.title, intent.text) if part)
    return {
        "text": f"{words}\n{marker(intent)}".lstrip(),
        "complete_till": unix(deadline),
        "task_type_id": settings.task_type_id,
        "entity_type": target[0],
        "entity_id": number(target[1]),
        "responsible_user_id": user(person),
        "request_id": marker(intent),
    }


def common_note(intent: Intent, words: str, entity_id: str) -> Item:
    return {
        "entity_id": number(entity_id),
        "note_type": "common",
        "params": {"text": f"{words}\n{marker(intent)}".lstrip()},
        "request_id": marker(intent),
    }


def note_words(intent: Intent) -> str:
    return "\n".join(part for part in (intent.title, intent.text, intent.link) if part)
