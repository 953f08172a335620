"""Custom fields: definitions and values (amocrm.md §4.2, §4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .account import Account, Entity
from .errors import Flaw, missing, not_supported, null, wrong_type

TRACKING_CODES = [
    "UTM_CONTENT",
    "UTM_MEDIUM",
    "UTM_CAMPAIGN",
    "UTM_SOURCE",
    "UTM_TERM",
    "UTM_REFERRER",
    "ROISTAT",
    "REFERRER",
    "OPENSTAT_SERVICE",
    "OPENSTAT_CAMPAIGN",
    "OPENSTAT_AD",
    "OPENSTAT_SOURCE",
    "FROM",
    "GCLIENTID",
    "_YM_UID",
    "_YM_COUNTER",
    "GCLID",
    "YCLID",
    "FBCLID",
]
_PHONE_CODES = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
_EMAIL_CODES = ("WORK", "PRIV", "OTHER")
_LONGEST_TEXT = 255
CHOICES = {"select", "radiobutton", "multiselect"}
_ONE_VALUE = {"text", "textarea", "url", "numeric", "tracking_data", "checkbox", "select", "radiobutton", "date"}
KINDS = {*_ONE_VALUE, *CHOICES, "multitext", "date_time", "birthday", "streetaddress", "price", "monetary"}


def add_field(account: Account, entity_type: str, name: str, code: str | None, kind: str, **more: Any) -> Entity:
    """A new definition; `enums` are texts, or codes of a multitext field."""
    field_id = account.next_id("fields")
    enums = [
        {"id": account.next_id("enums"), "value": text, "sort": number, "code": text if kind == "multitext" else None}
        for number, text in enumerate(more.pop("enums", ()))
    ]
    definition = {
        "id": field_id,
        "name": name,
        "code": code,
        "type": kind,
        "sort": field_id,
        "entity_type": entity_type,
        "enums": enums or None,
        "is_api_only": False,
        "is_predefined": False,
        "is_deletable": True,
        "group_id": None,
        "required_statuses": [],
        "tracking_callback": None,
        "remind": None,
        "account_id": account.id,
        **more,
    }
    account.fields[entity_type][field_id] = definition
    return definition


def add_usual_fields(account: Account) -> None:
    """What every account has: phones, mail addresses, and the tracking fields of leads."""
    for entity_type in ("contacts", "companies"):
        predefined = {"is_predefined": True, "is_deletable": False}
        add_field(account, entity_type, "Телефон", "PHONE", "multitext", enums=_PHONE_CODES, **predefined)
        add_field(account, entity_type, "Email", "EMAIL", "multitext", enums=_EMAIL_CODES, **predefined)
    add_field(account, "contacts", "Должность", "POSITION", "text", is_predefined=True)
    add_field(account, "companies", "Web", "WEB", "url", is_predefined=True)
    add_field(account, "companies", "Адрес", "ADDRESS", "textarea", is_predefined=True)
    for code in TRACKING_CODES:
        add_field(
            account,
            "leads",
            code.lower(),
            code,
            "tracking_data",
            is_predefined=True,
            is_deletable=False,
            group_id="statistic",
        )


def field_by_code(account: Account, entity_type: str, code: str) -> Entity | None:
    """The definition with this code."""
    return next((one for one in account.fields[entity_type].values() if one["code"] == code), None)


def flaws_of_fields(account: Account, entity_type: str, raw: Any, path: str) -> list[Flaw]:
    """What is wrong with `custom_fields_values`; null is right and changes nothing."""
    if raw is None:
        return []
    if not isinstance(raw, list):
        return [wrong_type(path, "array")]
    flaws: list[Flaw] = []
    for index, item in enumerate(raw):
        flaws += _flaws_of_field(account, entity_type, item, f"{path}.{index}")
    return flaws


def stored_values(account: Account, entity_type: str, raw: list[Entity] | None) -> dict[int, list[Entity] | None]:
    """Checked `custom_fields_values` by field id; None clears the field."""
    found: dict[int, list[Entity] | None] = {}
    for item in raw or []:
        definition = _definition(account, entity_type, item)
        if definition is not None:
            values = item.get("values")
            found[definition["id"]] = None if values is None else [_stored(definition, value) for value in values]
    return found


def rendered_values(account: Account, entity_type: str, values: Mapping[int, list[Entity]]) -> list[Entity] | None:
    """`custom_fields_values` as read; null when there are none."""
    shown = []
    for field_id, rows in values.items():
        definition = account.fields[entity_type].get(field_id)
        if definition is not None and rows:
            names = {"field_id": field_id, "field_name": definition["name"], "field_code": definition["code"]}
            shown.append({**names, "field_type": definition["type"], "values": [dict(row) for row in rows]})
    return shown or None


def values_of_code(account: Account, entity_type: str, entity: Entity, code: str) -> list[str]:
    """The values that an entity has in the field with this code."""
    definition = field_by_code(account, entity_type, code)
    rows = entity["values"].get(definition["id"], []) if definition else []
    return [str(row["value"]) for row in rows]


def _definition(account: Account, entity_type: str, item: Entity) -> Entity | None:
    if item.get("field_id") is not None:
        field_id = item["field_id"]
        return account.fields[entity_type].get(field_id) if isinstance(field_id, int) else None
    return field_by_code(account, entity_type, str(item.get("field_code") or ""))


def _flaws_of_field(account: Account, entity_type: str, item: Any, path: str) -> list[Flaw]:
    if not isinstance(item, dict):
        return [wrong_type(path, "object")]
    if "field_id" not in item and "field_code" not in item:
        return [missing(f"{path}.field_id")]
    definition = _definition(account, entity_type, item)
    if definition is None:
        return [not_supported(f"{path}.{'field_id' if item.get('field_id') is not None else 'field_code'}")]
    if "values" not in item:
        return [missing(f"{path}.values")]
    values = item["values"]
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        return [wrong_type(f"{path}.values", "array")]
    flaws: list[Flaw] = []
    for index, value in enumerate(values):
        flaws += _flaws_of_value(account, definition, value, f"{path}.values.{index}")
    return flaws


def _flaws_of_value(account: Account, definition: Entity, value: Entity, path: str) -> list[Flaw]:
    kind = definition["type"]
    if kind in CHOICES:
        return [] if _choice(definition, value) else [not_supported(f"{path}.{_chosen_by(value)}")]
    if "value" not in value:
        return [missing(f"{path}.value")]
    given = value["value"]
    if given is None:
        return [null(f"{path}.value")]
    if kind == "checkbox":
        return [] if isinstance(given, bool) else [wrong_type(f"{path}.value", "bool")]
    if kind in ("date", "date_time", "birthday"):
        return [] if type(given) in (int, str) else [wrong_type(f"{path}.value", "int")]
    if kind in ("numeric", "price", "monetary"):
        return [] if type(given) in (int, float, str) else [wrong_type(f"{path}.value", "numeric")]
    if not isinstance(given, str):
        return [wrong_type(f"{path}.value", "string")]
    if kind != "textarea" and len(given) > _LONGEST_TEXT:
        account.offence("long_text", f"{definition['code'] or definition['name']}: {len(given)} characters")
    has_enum = kind == "multitext" and _chosen_by(value) != "value"
    return [not_supported(f"{path}.{_chosen_by(value)}")] if has_enum and not _choice(definition, value) else []


def _chosen_by(value: Entity) -> str:
    return next((name for name in ("enum_id", "enum_code") if value.get(name) is not None), "value")


def _choice(definition: Entity, value: Entity) -> Entity | None:
    name = _chosen_by(value)
    key = {"enum_id": "id", "enum_code": "code", "value": "value"}[name]
    return next((enum for enum in definition["enums"] or [] if enum[key] == value.get(name)), None)


def _stored(definition: Entity, value: Entity) -> Entity:
    if definition["type"] in CHOICES:
        enum = _choice(definition, value) or {}
        return {"value": enum.get("value"), "enum_id": enum.get("id"), "enum_code": enum.get("code")}
    if definition["type"] == "multitext":
        chosen = value if _chosen_by(value) != "value" else {"enum_code": "WORK"}
        enum = _choice(definition, chosen) or {}
        return {"value": value["value"], "enum_id": enum.get("id"), "enum_code": enum.get("code")}
    given = value["value"]
    is_text = definition["type"] not in ("checkbox", "date", "date_time", "birthday")
    return {"value": str(given) if is_text else given}
