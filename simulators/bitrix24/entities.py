"""Leads, contacts, companies, deals: what they hold and how it changes (bitrix24.md §4.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .clock import iso
from .portal import Portal
from .values import flag, integer, mapping, text

TYPE_IDS = {"LEAD": 1, "DEAL": 2, "CONTACT": 3, "COMPANY": 4}
KINDS = {number: kind for kind, number in TYPE_IDS.items()}
MULTIFIELDS = ("PHONE", "EMAIL", "WEB", "IM")

_UTM = ("UTM_SOURCE", "UTM_MEDIUM", "UTM_CAMPAIGN", "UTM_CONTENT", "UTM_TERM")
_SHARED = ("ASSIGNED_BY_ID", "COMMENTS", "ORIGINATOR_ID", "ORIGIN_ID", "TRACE", "OPENED", *_UTM)
_PERSON = ("NAME", "LAST_NAME", "SECOND_NAME", "POST", "ADDRESS")
_SOURCE = ("SOURCE_ID", "SOURCE_DESCRIPTION")
_SUM = ("OPPORTUNITY", "CURRENCY_ID")
FIELDS: dict[str, tuple[str, ...]] = {
    "LEAD": ("TITLE", *_PERSON, *_SOURCE, *_SUM, "STATUS_ID", "CONTACT_ID", "CONTACT_IDS", "COMPANY_ID", *_SHARED),
    "DEAL": (
        "TITLE",
        *_SOURCE,
        *_SUM,
        "STAGE_ID",
        "CATEGORY_ID",
        "LEAD_ID",
        "CONTACT_ID",
        "CONTACT_IDS",
        "COMPANY_ID",
        *_SHARED,
    ),
    "CONTACT": (*_PERSON, *_SOURCE, "COMPANY_ID", "COMPANY_IDS", "LEAD_ID", "TYPE_ID", *_SHARED),
    "COMPANY": ("TITLE", "COMPANY_TYPE", "LEAD_ID", *_SHARED),
}
_SYSTEM = (
    "ID",
    "DATE_CREATE",
    "DATE_MODIFY",
    "CREATED_BY_ID",
    "MODIFY_BY_ID",
    "IS_RETURN_CUSTOMER",
    "HAS_PHONE",
    "HAS_EMAIL",
)


def is_field(portal: Portal, kind: str, name: str) -> bool:
    """Whether the entity has this field; own fields count once they were made."""
    if name.startswith("UF_CRM_"):
        return any(one["FIELD_NAME"] == name for one in portal.userfields[kind].values())
    has_multifields = kind != "DEAL" and name in MULTIFIELDS
    return name in FIELDS[kind] or name in _SYSTEM or has_multifields


def add_entity(portal: Portal, kind: str, fields: Mapping[str, Any], user_id: int) -> int:
    """Stores a new entity and tells the handlers; what it does not know is left out silently."""
    number = portal.next_id(kind)
    now = iso(portal.clock())
    entity: dict[str, Any] = {"ID": number, "DATE_CREATE": now, "DATE_MODIFY": now, "CREATED_BY_ID": user_id}
    entity |= {"MODIFY_BY_ID": user_id, "ASSIGNED_BY_ID": user_id, "OPENED": "N"} | _defaults(kind, fields)
    portal.crm[kind][number] = entity
    _write(portal, kind, entity, fields)
    if "ASSIGNED_BY_ID" not in fields:
        portal.offence("entity_without_responsible", f"{kind} {number}")
    if kind == "LEAD":
        _after_lead(portal, entity, user_id)
    portal.happened(f"ONCRM{kind}ADD", {"FIELDS": {"ID": number}}, user_id)
    return number


def change_entity(portal: Portal, kind: str, number: int, fields: Mapping[str, Any], user_id: int) -> None:
    """Stores changes; multifields follow their own rules (`merge_multifield`)."""
    entity = portal.crm[kind][number]
    _write(portal, kind, entity, fields)
    entity["DATE_MODIFY"] = iso(portal.clock())
    entity["MODIFY_BY_ID"] = user_id
    portal.happened(f"ONCRM{kind}UPDATE", {"FIELDS": {"ID": number}}, user_id)


def merge_multifield(portal: Portal, name: str, present: list[dict[str, Any]], given: Any) -> list[dict[str, Any]]:
    """An element with ID changes or removes that value; one without ID adds another, even an equal one."""
    merged = {str(one["ID"]): dict(one) for one in present}
    for element in (mapping(one) for one in (given if isinstance(given, list) else list(mapping(given).values()))):
        known = str(element.get("ID") or "")
        value = text(element.get("VALUE"))
        if known in merged:
            if flag(element.get("DELETE"), default=False) or not value:
                del merged[known]
            else:
                merged[known] |= {key: element[key] for key in ("VALUE", "VALUE_TYPE") if key in element}
        elif value:
            new = portal.next_id("multifield")
            kind = text(element.get("VALUE_TYPE")) or "WORK"
            merged[str(new)] = {"ID": str(new), "VALUE_TYPE": kind, "VALUE": value, "TYPE_ID": name}
    return list(merged.values())


def _defaults(kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "LEAD":
        return {"STATUS_ID": "NEW", "TITLE": text(fields.get("TITLE")) or "Лид", "IS_RETURN_CUSTOMER": "N"}
    if kind == "DEAL":
        category = integer(fields.get("CATEGORY_ID"))
        return {
            "CATEGORY_ID": category,
            "STAGE_ID": f"C{category}:NEW" if category else "NEW",
            "IS_RETURN_CUSTOMER": "N",
        }
    return {}


def _write(portal: Portal, kind: str, entity: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if name in _SYSTEM or not is_field(portal, kind, name):
            continue
        if name in MULTIFIELDS:
            before = len(entity.get(name, []))
            entity[name] = merge_multifield(portal, name, entity.get(name, []), value)
            _judge_doubles(portal, kind, entity, name, before)
        else:
            entity[name] = integer(value) if name == "ASSIGNED_BY_ID" else value
    entity["HAS_PHONE"] = "Y" if entity.get("PHONE") else "N"
    entity["HAS_EMAIL"] = "Y" if entity.get("EMAIL") else "N"


def _judge_doubles(portal: Portal, kind: str, entity: Mapping[str, Any], name: str, before: int) -> None:
    values = [one["VALUE"] for one in entity[name]]
    if len(values) > before and len(set(values)) < len(values):
        portal.offence("multifield_doubled", f"{kind} {entity['ID']} {name}")


def _after_lead(portal: Portal, lead: dict[str, Any], user_id: int) -> None:
    if lead.get("CONTACT_ID") or lead.get("COMPANY_ID"):
        lead["IS_RETURN_CUSTOMER"] = "Y"
    if portal.settings.crm_mode != "simple":
        return
    lead["STATUS_ID"] = "CONVERTED"
    shared = {key: lead[key] for key in ("SOURCE_ID", "ASSIGNED_BY_ID", *_UTM) if key in lead}
    deal = shared | {"TITLE": lead["TITLE"], "LEAD_ID": lead["ID"]}
    if lead.get("NAME"):
        person = {key: lead[key] for key in ("NAME", "LAST_NAME", "PHONE", "EMAIL") if key in lead}
        deal["CONTACT_ID"] = add_entity(portal, "CONTACT", shared | person, user_id)
    add_entity(portal, "DEAL", deal, user_id)
