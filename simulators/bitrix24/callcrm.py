"""What a call does in the CRM: finds the client, creates a lead, leaves an activity (bitrix24.md §3.2, §3.3, §3.10)."""

from __future__ import annotations

from typing import Any

from .activities import add_activity
from .entities import add_entity
from .phones import same_number_key
from .portal import LiveCall, Portal

SEARCH_ORDER = ("CONTACT", "LEAD", "COMPANY")
_TITLES = {1: "Исходящий звонок", 2: "Входящий звонок", 3: "Входящий звонок", 4: "Обратный звонок", 5: "Инфозвонок"}
_CLOSED_LEADS = {"CONVERTED", "JUNK"}


def is_internal(portal: Portal, phone: str) -> bool:
    """Whether the number is the extension of an active employee: such a call has no client."""
    return portal.user_by_extension(phone) is not None


def entities_with_phone(portal: Portal, phone: str) -> list[tuple[str, int]]:
    """(type, id) of the people, open leads and companies with this number, however either side writes it."""
    key = same_number_key(phone)
    found: list[tuple[str, int]] = []
    for kind in SEARCH_ORDER:
        for number, entity in portal.crm[kind].items():
            is_closed = kind == "LEAD" and entity.get("STATUS_ID") in _CLOSED_LEADS
            numbers = {same_number_key(str(one["VALUE"])) for one in entity.get("PHONE", [])}
            if key and key in numbers and not is_closed:
                found.append((kind, number))
    return found


def found_entity(portal: Portal, phone: str) -> tuple[str, int] | None:
    """The entity that a call of this number is tied to."""
    return next(iter(entities_with_phone(portal, phone)), None)


def create_entities(portal: Portal, call: LiveCall, source: str) -> None:
    """Classic CRM: a lead. Simple CRM: a contact and its deal."""
    if portal.settings.lead_creation_error:
        call.lead_error = portal.settings.lead_creation_error
        return
    sources = {row["STATUS_ID"] for row in portal.statuses if row["ENTITY_ID"] == "SOURCE"}
    if source and source not in sources:
        portal.offence("unknown_crm_source", source)
    fields: dict[str, Any] = {"SOURCE_ID": source or "CALL", "ASSIGNED_BY_ID": call.user_id}
    phone = [{"VALUE": call.phone, "VALUE_TYPE": "WORK"}]
    title = f"{call.phone} - {_TITLES[call.type]}"
    if portal.settings.crm_mode == "classic":
        lead = add_entity(portal, "LEAD", fields | {"TITLE": title, "PHONE": phone}, call.user_id)
        call.created = [("LEAD", lead)]
    else:
        contact = add_entity(portal, "CONTACT", fields | {"NAME": call.phone, "PHONE": phone}, call.user_id)
        deal = add_entity(portal, "DEAL", fields | {"TITLE": title, "CONTACT_ID": contact}, call.user_id)
        call.created = [("CONTACT", contact), ("DEAL", deal)]
    call.entity_type, call.entity_id = call.created[0]


def log_activity(portal: Portal, call: LiveCall, row: dict[str, Any]) -> int | None:
    """The call in the timeline of its entity; None when it belongs to none."""
    if not call.entity_type or call.entity_id not in portal.crm[call.entity_type]:
        return None
    missed = row["CALL_FAILED_CODE"] == "304" and call.type in {2, 3}
    return add_activity(
        portal,
        {
            "OWNER_TYPE": call.entity_type,
            "OWNER_ID": call.entity_id,
            "TYPE_ID": 2,
            "PROVIDER_ID": "VOXIMPLANT_CALL",
            "PROVIDER_TYPE_ID": "CALL",
            "SUBJECT": f"{_TITLES[call.type]} {call.phone}",
            "DIRECTION": 2 if call.type == 1 else 1,
            "COMPLETED": "N" if missed else "Y",
            "RESPONSIBLE_ID": row["PORTAL_USER_ID"],
            "ORIGINATOR_ID": "VOXIMPLANT",
            "ORIGIN_ID": f"VI_{call.call_id}",
            "START_TIME": call.started_at,
            "END_TIME": call.started_at + row["CALL_DURATION"],
        },
    )
