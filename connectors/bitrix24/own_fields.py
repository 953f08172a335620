"""The fields that rules fill in, in the shapes that the portal takes (bitrix24.md §2.6, §4.2, §4.4).

A list holds the ids of its items and not their words; a field of several values takes a list; a date has no clock; a
phone is a multifield. The portal drops in silence what it cannot read, so its own definitions are asked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from connectors.bitrix24.client import Params, Portal
from connectors.bitrix24.envelope import Envelope, rows, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.translate import Entity
from connectors.contract import Json
from hub.domain.intents import CallFacts
from hub.domain.treatment import FieldValue

_OWN = "UF_"
_MULTIFIELDS = frozenset({"PHONE", "EMAIL", "WEB", "IM"})
_BETWEEN_VALUES = re.compile(r"[\n;]")
_CURRENCIES = {"RU": "RUB", "KZ": "KZT", "BY": "BYN", "UZ": "UZS"}


def in_shape(portal: Portal, facts: CallFacts, entity: Entity, wanted: Iterable[FieldValue]) -> Params:
    """Field to value; what the portal's definitions do not allow is left out."""
    fields = list(wanted)
    own = any(one.field.startswith(_OWN) for one in fields)
    definitions = _definitions(portal, entity) if own else {}
    shaped = {one.field: _shaped(portal, facts, one, definitions.get(one.field)) for one in fields}
    return {field: value for field, value in shaped.items() if value is not None}


def _definitions(portal: Portal, entity: Entity) -> dict[str, Envelope]:
    """Without the right to read them, values go as they are."""
    try:
        found = rows(portal.call(f"crm.{entity.type.lower()}.userfield.list", {}, write=False))
    except Refused:
        return {}
    return {text(row.get("FIELD_NAME")): row for row in found}


def _shaped(portal: Portal, facts: CallFacts, one: FieldValue, definition: Envelope | None) -> Json:
    if one.field in _MULTIFIELDS:
        is_there = (
            one.field == "PHONE" and facts.client is not None and _digits(one.value) in _digits(facts.client.display)
        )
        return None if is_there else [{"VALUE": one.value, "VALUE_TYPE": "WORK"}]
    if definition is None:
        return one.value
    is_multiple = definition.get("MULTIPLE") == "Y"
    parts = _BETWEEN_VALUES.split(one.value) if is_multiple else [one.value]
    values = [value for part in parts if (value := _as(portal, part.strip(), definition)) is not None]
    return None if not values else values if is_multiple else values[0]


def _digits(written: str) -> str:
    return re.sub(r"\D", "", written)


def _as(portal: Portal, value: str, definition: Envelope) -> Json:
    match text(definition.get("USER_TYPE_ID")):
        case "enumeration":
            return _item(value, definition)
        case "date":
            return _day(value, portal.door.connection.timezone)
        case "money" if "|" not in value:
            currency = _CURRENCIES.get(portal.door.connection.region)
            return f"{value}|{currency}" if currency else value
    return value or None


def _item(value: str, definition: Envelope) -> Json:
    """The id of the item with these words; one that the list does not have is nobody's."""
    listed = rows(definition.get("LIST"))
    by_words = {text(row.get("VALUE")).strip().casefold(): text(row.get("ID")) for row in listed}
    ids = {text(row.get("ID")) for row in listed}
    if not listed:
        return value or None
    return by_words.get(value.casefold()) or (value if value in ids else None)


def _day(value: str, zone: str) -> Json:
    """A moment is of the workspace's day, and not of the day in Greenwich."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return value or None
    return (moment.astimezone(ZoneInfo(zone)) if moment.tzinfo else moment).date().isoformat()
