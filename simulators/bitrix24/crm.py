"""`crm.lead|contact|company|deal.*` and the search for doubles (bitrix24.md §4.1, §4.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .entities import FIELDS, MULTIFIELDS, TYPE_IDS, add_entity, change_entity, is_field
from .errors import RestError, crm
from .filters import PAGE, matching, ordered, page
from .methods import Caller, Listing, Params, rest_method
from .phones import without_extension
from .portal import Portal
from .values import integer, mapping

_MOST_VALUES = 20
_DUPLICATE_ORDER = ("LEAD", "CONTACT", "COMPANY")


def existing(portal: Portal, kind: str, raw_id: Any) -> int:
    """The id of an entity that is there. Raises the refusals of the old methods."""
    number = integer(raw_id)
    if number <= 0:
        raise crm("ID is not defined or invalid.")
    if number not in portal.crm[kind]:
        raise crm("Not found")
    return number


def shown(entity: Mapping[str, Any]) -> dict[str, Any]:
    """An entity as the old methods print it: every scalar is a string."""
    return {
        name: value if isinstance(value, list | Mapping) or value is None else str(value)
        for name, value in entity.items()
    }


def fields_of(params: Params) -> Mapping[str, Any]:
    """`fields`, spelled exactly so. Raises when it is not a map."""
    fields = params.get("fields")
    if not isinstance(fields, Mapping):
        raise crm("Parameter 'fields' must be array")
    return fields


def after_id(entities: Mapping[int, Mapping[str, Any]], params: Params) -> Iterable[Mapping[str, Any]]:
    """The rows that can stand on the page: a list that goes on by id, uncounted, needs no look at all the others."""
    conditions, order = mapping(params.get("filter")), mapping(params.get("order"))
    begins = integer(conditions.get(">ID"))
    if set(conditions) != {">ID"} or list(order.items()) != [("ID", "ASC")] or integer(params.get("start")) >= 0:
        return entities.values()
    ids = list(entities)
    if ids and ids[-1] - ids[0] == len(ids) - 1:  # without gaps, a place is found without searching
        return [entities[number] for number in ids[max(0, begins - ids[0] + 1) :][:PAGE]]
    return [entities[number] for number in sorted(number for number in ids if number > begins)[:PAGE]]


def _define(kind: str) -> None:
    prefix = f"crm.{kind.lower()}"

    @rest_method(f"{prefix}.add", "crm")
    def add(portal: Portal, caller: Caller, params: Params) -> int:
        return add_entity(portal, kind, fields_of(params), caller.user.id)

    @rest_method(f"{prefix}.update", "crm")
    def update(portal: Portal, caller: Caller, params: Params) -> bool:
        change_entity(portal, kind, existing(portal, kind, params.get("id")), fields_of(params), caller.user.id)
        return True

    @rest_method(f"{prefix}.get", "crm")
    def get(portal: Portal, _caller: Caller, params: Params) -> dict[str, Any]:
        return _complete(kind, portal.crm[kind][existing(portal, kind, params.get("id"))])

    @rest_method(f"{prefix}.list", "crm")
    def list_entities(portal: Portal, _caller: Caller, params: Params) -> Listing:
        rows = after_id(portal.crm[kind], params)
        found = matching(rows, params.get("filter"), lambda name: is_field(portal, kind, name))
        listing = page(ordered(found, params.get("order")), params.get("start"))
        picked = [_selected(kind, row, params.get("select")) for row in listing.rows]
        return Listing(picked, listing.total, listing.next_start)

    @rest_method(f"{prefix}.delete", "crm")
    def delete(portal: Portal, caller: Caller, params: Params) -> bool:
        number = existing(portal, kind, params.get("id"))
        del portal.crm[kind][number]
        portal.happened(f"ONCRM{kind}DELETE", {"FIELDS": {"ID": number}}, caller.user.id)
        return True


for _kind in TYPE_IDS:
    _define(_kind)


@rest_method("crm.duplicate.findbycomm", "crm")
def find_by_communication(portal: Portal, _caller: Caller, params: Params) -> dict[str, list[int]]:
    """Ids by phone or e-mail. Values are compared as a whole; only extensions are left out."""
    kind_of_value = str(params.get("type", "")).upper()
    values = params.get("values")
    if kind_of_value not in {"PHONE", "EMAIL"}:
        raise crm("Communication type is not defined")
    if not isinstance(values, list) or not values:
        raise crm("Communication values is not defined")
    if len(values) > _MOST_VALUES:
        portal.offence("too_many_values", f"{len(values)} values")
        raise RestError(400, "", f"Maximum {_MOST_VALUES} values are allowed")
    wanted = {_comparable(kind_of_value, str(value)) for value in values}
    only = str(params.get("entity_type") or "").upper()
    return _hits(portal, kind_of_value, wanted, [only] if only in _DUPLICATE_ORDER else list(_DUPLICATE_ORDER))


def _hits(portal: Portal, name: str, wanted: set[str], kinds: list[str]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for kind in kinds:
        for number, entity in portal.crm[kind].items():
            if any(_comparable(name, str(one["VALUE"])) in wanted for one in entity.get(name, [])):
                found.setdefault(kind, []).append(number)
        if len(found.get(kind, [])) >= _MOST_VALUES:
            found[kind] = found[kind][:_MOST_VALUES]
            break
    return found


def _comparable(name: str, value: str) -> str:
    return without_extension(value) if name == "PHONE" else value.strip().lower()


def _complete(kind: str, entity: Mapping[str, Any]) -> dict[str, Any]:
    return {name: None for name in FIELDS[kind] if name != "TRACE"} | shown(entity)


def _selected(kind: str, row: Mapping[str, Any], select: Any) -> dict[str, Any]:
    whole = _complete(kind, row)
    names = list(select) if isinstance(select, list) and select else ["*"]
    if "*" in names:
        own = [name for name in whole if not name.startswith("UF_") and name not in MULTIFIELDS]
        names = own + names
    if "UF_*" in names:
        names += [name for name in whole if name.startswith("UF_")]
    return {"ID": whole["ID"]} | {name: whole[name] for name in names if name in whole}
