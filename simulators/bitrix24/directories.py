"""Directories, funnels, own fields and the mode of the CRM (bitrix24.md §4.4)."""

from __future__ import annotations

import re
from typing import Any

from .entities import KINDS, TYPE_IDS
from .errors import core, crm, denied
from .filters import matching, ordered
from .methods import Caller, Listing, Params, rest_method
from .portal import Portal
from .values import flag, integer, mapping, text

_SOURCES = {
    "CALL": "Звонок",
    "EMAIL": "Электронная почта",
    "WEB": "Веб-сайт",
    "ADVERTISING": "Реклама",
    "PARTNER": "Существующий клиент",
    "RECOMMENDATION": "По рекомендации",
    "TRADE_SHOW": "Выставка",
    "WEBFORM": "CRM-форма",
    "CALLBACK": "Обратный звонок",
    "RC_GENERATOR": "Генератор продаж",
    "STORE": "Интернет-магазин",
    "OTHER": "Другое",
}
_LEAD_STAGES = {"NEW": "Не обработан", "IN_PROCESS": "В работе", "PROCESSED": "Обработан"}
_LEAD_STAGES |= {"JUNK": "Некачественный лид", "CONVERTED": "Качественный лид"}
_DEAL_STAGES = {"NEW": "Новая", "PREPARATION": "Подготовка", "EXECUTING": "В работе", "WON": "Успех", "LOSE": "Провал"}
_CATEGORIES = [{"id": 0, "name": "Общее", "sort": 100, "entityTypeId": 2, "isDefault": "Y"}]
_LONGEST_NAME = 50


def default_statuses() -> list[dict[str, Any]]:
    """The directories of a fresh portal."""
    rows: list[dict[str, Any]] = []
    for entity_id, values in (("SOURCE", _SOURCES), ("STATUS", _LEAD_STAGES), ("DEAL_STAGE", _DEAL_STAGES)):
        for number, (status_id, name) in enumerate(values.items(), start=1):
            rows.append(_status(len(rows) + 1, entity_id, status_id, name, number * 10))
    return rows


@rest_method("crm.status.list", "crm")
def status_list(portal: Portal, _caller: Caller, params: Params) -> Listing:
    """Rows of directories, all at once."""
    rows = matching(portal.statuses, params.get("filter"), lambda _name: True)
    rows = ordered(rows, params.get("order") or {"SORT": "ASC"})
    return Listing(rows, total=len(rows))


@rest_method("crm.status.add", "crm")
def status_add(portal: Portal, caller: Caller, params: Params) -> int:
    """Adds a value to a directory; for administrators."""
    if not caller.user.admin:
        raise denied("Access denied.")
    fields = mapping(params.get("fields"))
    entity_id, status_id, name = (text(fields.get(key)) for key in ("ENTITY_ID", "STATUS_ID", "NAME"))
    if not entity_id or not name:
        raise core("The field ENTITY_ID and NAME are required.")
    if len(status_id) > _LONGEST_NAME:
        raise core("The status ID is too long.")
    if any((row["ENTITY_ID"], row["STATUS_ID"]) == (entity_id, status_id) for row in portal.statuses):
        raise core("The specified status ID already exists.")
    number = len(portal.statuses) + 1
    portal.statuses.append(
        _status(number, entity_id, status_id or f"UC_{number}", name, integer(fields.get("SORT"), 10))
    )
    return number


@rest_method("crm.category.list", "crm")
def category_list(_portal: Portal, _caller: Caller, params: Params) -> dict[str, Any]:
    """The funnels of a type; only deals have them here."""
    type_id = integer(params.get("entityTypeId"))
    return {"categories": [row for row in _CATEGORIES if row["entityTypeId"] == type_id]}


@rest_method("crm.settings.mode.get", "crm")
def mode_get(portal: Portal, _caller: Caller, _params: Params) -> int:
    """1 classic (with leads), 2 simple."""
    return 2 if portal.settings.crm_mode == "simple" else 1


def _define(kind: str) -> None:
    prefix = f"crm.{kind.lower()}.userfield"

    @rest_method(f"{prefix}.add", "crm")
    def add(portal: Portal, caller: Caller, params: Params) -> int:
        return _add_userfield(portal, caller, kind, params)

    @rest_method(f"{prefix}.list", "crm")
    def list_fields(portal: Portal, _caller: Caller, params: Params) -> Listing:
        rows = matching(portal.userfields[kind].values(), params.get("filter"), lambda _name: True)
        return Listing(rows, total=len(rows))

    @rest_method(f"{prefix}.delete", "crm")
    def delete(portal: Portal, _caller: Caller, params: Params) -> bool:
        if portal.userfields[kind].pop(integer(params.get("id")), None) is None:
            raise crm("Not found")
        return True


for _kind in TYPE_IDS:
    _define(_kind)


@rest_method("userfieldconfig.add", "userfieldconfig")
def userfieldconfig_add(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """The universal way to add an own field."""
    field = mapping(params.get("field"))
    kind = text(field.get("entityId")).removeprefix("CRM_")
    if text(params.get("moduleId")) != "crm" or kind not in KINDS.values():
        raise core("Unknown module or entity")
    fields = {"FIELD_NAME": field.get("fieldName"), "USER_TYPE_ID": field.get("userTypeId")}
    number = _add_userfield(portal, caller, kind, {"fields": fields})
    return {
        "field": {
            "id": str(number),
            "entityId": f"CRM_{kind}",
            "fieldName": portal.userfields[kind][number]["FIELD_NAME"],
        }
    }


def _add_userfield(portal: Portal, caller: Caller, kind: str, params: Params) -> int:
    if not caller.user.admin:
        raise denied("Access denied.")
    fields = mapping(params.get("fields"))
    name = "UF_CRM_" + text(fields.get("FIELD_NAME")).upper().removeprefix("UF_CRM_")
    if not text(fields.get("USER_TYPE_ID")):
        raise crm("The 'USER_TYPE_ID' field is not found.")
    if len(name) > _LONGEST_NAME or not re.fullmatch(r"UF_CRM_[A-Z0-9_]+", name):
        raise crm("The field name is wrong.")
    if any(row["FIELD_NAME"] == name for row in portal.userfields[kind].values()):
        raise crm(f"Field {name} of object CRM_{kind} already exists.")
    number = portal.next_id("userfield")
    portal.userfields[kind][number] = {
        "ID": str(number),
        "ENTITY_ID": f"CRM_{kind}",
        "FIELD_NAME": name,
        "USER_TYPE_ID": text(fields["USER_TYPE_ID"]),
        "XML_ID": text(fields.get("XML_ID")) or None,
        "MULTIPLE": "Y" if flag(fields.get("MULTIPLE"), default=False) else "N",
        "MANDATORY": "Y" if flag(fields.get("MANDATORY"), default=False) else "N",
    }
    return number


def _status(number: int, entity_id: str, status_id: str, name: str, sort: int) -> dict[str, Any]:
    row = {"ID": str(number), "ENTITY_ID": entity_id, "STATUS_ID": status_id, "NAME": name, "NAME_INIT": name}
    row |= {"SORT": str(sort), "SYSTEM": "Y", "CATEGORY_ID": "0"}
    return {**row, "COLOR": "", "SEMANTICS": None, "EXTRA": []}
