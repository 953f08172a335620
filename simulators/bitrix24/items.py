"""The universal `crm.item.*`: the same entities under camelCase names (bitrix24.md §4.3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .entities import FIELDS, KINDS, MULTIFIELDS, add_entity, change_entity, is_field
from .errors import RestError
from .filters import matching, ordered, page, split_prefix
from .methods import Caller, Listing, Params, rest_method
from .portal import Portal
from .values import flag, integer, mapping

_ALIASES = {"createdTime": "DATE_CREATE", "updatedTime": "DATE_MODIFY", "createdBy": "CREATED_BY_ID", "id": "ID"}
_NUMBERS = {"ID", "ASSIGNED_BY_ID", "CATEGORY_ID", "CONTACT_ID", "COMPANY_ID", "CREATED_BY_ID", "LEAD_ID"}


@rest_method("crm.item.add", "crm")
def add(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Adds an item and gives it back."""
    kind = _kind(params)
    number = add_entity(portal, kind, _stored(portal, kind, _fields(params)), caller.user.id)
    return {"item": _item(portal, kind, number, params, with_multifields=True)}


@rest_method("crm.item.update", "crm")
def update(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Changes an item; nothing is saved, and nobody is told, when no value differs."""
    kind = _kind(params)
    number = _number(portal, kind, params)
    fields = _stored(portal, kind, _fields(params))
    entity = portal.crm[kind][number]
    if any(name in MULTIFIELDS or str(entity.get(name)) != str(value) for name, value in fields.items()):
        change_entity(portal, kind, number, fields, caller.user.id)
    return {"item": _item(portal, kind, number, params, with_multifields=True)}


@rest_method("crm.item.get", "crm")
def get(portal: Portal, _caller: Caller, params: Params) -> dict[str, Any]:
    """One item."""
    kind = _kind(params)
    return {"item": _item(portal, kind, _number(portal, kind, params), params, with_multifields=True)}


@rest_method("crm.item.list", "crm")
def list_items(portal: Portal, _caller: Caller, params: Params) -> Listing:
    """A page of items; a filter on a field that does not exist is refused."""
    kind = _kind(params)
    conditions = {_condition(portal, kind, name): value for name, value in mapping(params.get("filter")).items()}
    found = matching(portal.crm[kind].values(), conditions, lambda _name: True)
    order = {_column(kind, name): direction for name, direction in mapping(params.get("order")).items()}
    listing = page(ordered(found, order), params.get("start"))
    select = params.get("select")
    chosen = set(select) if isinstance(select, list) else set()
    whole = not chosen or "*" in chosen
    items = [_item(portal, kind, row["ID"], params, with_multifields=whole) for row in listing.rows]
    if not whole:
        items = [{name: value for name, value in item.items() if name in chosen | {"id"}} for item in items]
    return Listing({"items": items}, listing.total, listing.next_start)


def camel(name: str) -> str:
    """`ASSIGNED_BY_ID` → `assignedById`; `UF_CRM_17_A` → `ufCrm_17A`."""
    parts = name.lower().split("_")
    return parts[0] + "".join(f"_{part}" if part.isdigit() else part.capitalize() for part in parts[1:])


def _column(kind: str, name: str) -> str:
    if name in _ALIASES:
        return _ALIASES[name]
    if name == "stageId":
        return "STATUS_ID" if kind == "LEAD" else "STAGE_ID"
    if name.startswith("UF_"):
        return name
    return re.sub(r"(?<!^)(?<!_)(?=[A-Z])|(?<=[a-z])(?=\d)", "_", name).upper()


def _stored(portal: Portal, kind: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    stored = {_column(kind, name): value for name, value in fields.items() if name != "fm"}
    stored.pop("TRACE", None)
    for one in (mapping(element) for element in fields.get("fm") or []):
        element = {"VALUE": one.get("value"), "VALUE_TYPE": one.get("valueType", "WORK"), "ID": one.get("id")}
        stored.setdefault(str(one.get("typeId", "PHONE")), []).append(element)
    return {name: value for name, value in stored.items() if is_field(portal, kind, name)}


def _condition(portal: Portal, kind: str, name: str) -> str:
    prefix, bare = split_prefix(name)
    column = _column(kind, bare)
    if not is_field(portal, kind, column):
        message = f"Invalid filter: field '{bare}' is not allowed in filter"
        raise RestError(400, "INVALID_ARG_VALUE", message)
    return prefix + column


def _item(portal: Portal, kind: str, number: int, params: Params, *, with_multifields: bool) -> dict[str, Any]:
    entity = portal.crm[kind][number]
    original = flag(params.get("useOriginalUfNames"), default=False)
    item: dict[str, Any] = {"entityTypeId": integer(params.get("entityTypeId"))}
    for name in ("ID", "DATE_CREATE", "DATE_MODIFY", "CREATED_BY_ID", *FIELDS[kind]):
        if name != "TRACE":
            value = entity.get(name)
            item[_public(kind, name)] = integer(value) if name in _NUMBERS and value is not None else value
    for name in (one for one in entity if one.startswith("UF_")):
        item[name if original else camel(name)] = entity[name]
    if with_multifields and kind != "DEAL":
        item["fm"] = [_element(one) for name in MULTIFIELDS for one in entity.get(name, [])]
    return item


def _public(kind: str, name: str) -> str:
    if name == {"LEAD": "STATUS_ID", "DEAL": "STAGE_ID"}.get(kind):
        return "stageId"
    return next((public for public, column in _ALIASES.items() if column == name), camel(name))


def _element(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": int(one["ID"]), "typeId": one["TYPE_ID"], "valueType": one["VALUE_TYPE"], "value": one["VALUE"]}


def _kind(params: Params) -> str:
    if "entityTypeId" not in params:
        raise RestError(400, "100", "Could not find value for parameter {entityTypeId}")
    kind = KINDS.get(integer(params["entityTypeId"]))
    if kind is None:
        raise RestError(400, "NOT_FOUND", "Smart process is not found")
    return kind


def _number(portal: Portal, kind: str, params: Params) -> int:
    number = integer(params.get("id"))
    if number not in portal.crm[kind]:
        raise RestError(400, "NOT_FOUND", "Item is not found")
    return number


def _fields(params: Params) -> Mapping[str, Any]:
    if not isinstance(params.get("fields"), Mapping):
        raise RestError(400, "100", "Could not find value for parameter {fields}")
    return mapping(params["fields"])
