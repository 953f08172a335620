"""Activities, notes and advertising traces (bitrix24.md §4.5, §4.7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .clock import iso, parse_iso
from .entities import KINDS, TYPE_IDS
from .errors import RestError, core, crm
from .filters import matching, ordered, page
from .methods import Caller, Listing, Params, rest_method
from .portal import Portal
from .values import integer, mapping, text

_CALL = 2
_TRACED = ("COMPANY", "CONTACT", "DEAL", "LEAD", "QUOTE")


def add_activity(portal: Portal, fields: Mapping[str, Any]) -> int:
    """Stores an activity of `OWNER_TYPE`/`OWNER_ID` and tells the handlers."""
    number = portal.next_id("activity")
    owner_type = TYPE_IDS[str(fields["OWNER_TYPE"])]
    activity = {"ID": number, "CREATED": portal.clock(), "OWNER_TYPE_ID": owner_type, **fields}
    portal.activities[number] = activity
    portal.happened("ONCRMACTIVITYADD", {"FIELDS": {"ID": number}}, integer(fields.get("RESPONSIBLE_ID")) or None)
    return number


def _owner(portal: Portal, type_id: Any, owner_id: Any) -> tuple[str, int]:
    kind = KINDS.get(integer(type_id))
    if kind is None or integer(owner_id) not in portal.crm[kind]:
        raise RestError(400, "OWNER_NOT_FOUND", "Owner is not found")
    return kind, integer(owner_id)


def _required(params: Mapping[str, Any], *names: str) -> None:
    for name in names:
        if params.get(name) in (None, ""):
            raise RestError(400, "100", f"Could not find value for parameter {{{name}}}")


@rest_method("crm.activity.todo.add", "crm")
def todo_add(portal: Portal, caller: Caller, params: Params) -> dict[str, int]:
    """A to-do with a deadline on an entity."""
    _required(params, "ownerTypeId", "ownerId", "deadline")
    kind, owner_id = _owner(portal, params["ownerTypeId"], params["ownerId"])
    try:
        deadline, aware = parse_iso(text(params["deadline"]))
    except ValueError:
        raise RestError(400, "WRONG_DATETIME_FORMAT", "Wrong datetime format of deadline") from None
    if not aware:
        portal.offence("deadline_without_offset", text(params["deadline"]))
    fields = {
        "OWNER_TYPE": kind,
        "OWNER_ID": owner_id,
        "TYPE_ID": 6,
        "PROVIDER_ID": "CRM_TODO",
        "PROVIDER_TYPE_ID": "TODO",
        "SUBJECT": text(params.get("title")),
        "DESCRIPTION": text(params.get("description")),
        "RESPONSIBLE_ID": integer(params.get("responsibleId")) or caller.user.id,
        "DEADLINE": deadline,
        "COMPLETED": "N",
    }
    return {"id": add_activity(portal, fields)}


@rest_method("crm.activity.add", "crm")
def activity_add(portal: Portal, _caller: Caller, params: Params) -> int:
    """The old way to add an activity; for calls of the telephony it would be a second entry."""
    fields = mapping(params.get("fields"))
    for name in ("OWNER_TYPE_ID", "OWNER_ID", "TYPE_ID", "RESPONSIBLE_ID"):
        if not integer(fields.get(name)):
            raise crm(f"The field {name} is required.")
    if integer(fields["TYPE_ID"]) in {1, _CALL, 4} and not fields.get("COMMUNICATIONS"):
        raise crm("The field COMMUNICATIONS is not defined or invalid.")
    if integer(fields["TYPE_ID"]) == _CALL:
        portal.offence("call_activity_by_hand", text(fields.get("SUBJECT")))
    kind, owner_id = _owner(portal, fields["OWNER_TYPE_ID"], fields["OWNER_ID"])
    return add_activity(portal, {**fields, "OWNER_TYPE": kind, "OWNER_ID": owner_id})


@rest_method("crm.activity.get", "crm")
def activity_get(portal: Portal, _caller: Caller, params: Params) -> dict[str, Any]:
    """One activity."""
    return _shown(portal.activities[_existing(portal, params)])


@rest_method("crm.activity.list", "crm")
def activity_list(portal: Portal, _caller: Caller, params: Params) -> Listing:
    """A page of activities."""
    rows = [_shown(one) for one in portal.activities.values()]
    known = {name for row in rows for name in row}
    found = matching(rows, params.get("filter"), known.__contains__)
    return page(ordered(found, params.get("order")), params.get("start"))


@rest_method("crm.activity.update", "crm")
def activity_update(portal: Portal, caller: Caller, params: Params) -> bool:
    """Changes fields, for instance `COMPLETED`."""
    number = _existing(portal, params)
    portal.activities[number] |= {key: value for key, value in mapping(params.get("fields")).items() if key != "ID"}
    portal.happened("ONCRMACTIVITYUPDATE", {"FIELDS": {"ID": number}}, caller.user.id)
    return True


@rest_method("crm.activity.delete", "crm")
def activity_delete(portal: Portal, caller: Caller, params: Params) -> bool:
    """Removes an activity."""
    number = _existing(portal, params)
    del portal.activities[number]
    portal.happened("ONCRMACTIVITYDELETE", {"FIELDS": {"ID": number}}, caller.user.id)
    return True


@rest_method("crm.timeline.comment.add", "crm")
def comment_add(portal: Portal, caller: Caller, params: Params) -> int:
    """A note on an entity's timeline."""
    _required(params, "fields")
    fields = mapping(params["fields"])
    _required(fields, "ENTITY_ID", "ENTITY_TYPE")
    if not text(fields.get("COMMENT")):
        raise RestError(400, "INVALID_ARG_VALUE", "Empty comment message")
    kind = text(fields["ENTITY_TYPE"])
    _owner(portal, TYPE_IDS.get(kind.upper(), 0) if kind.islower() else 0, fields["ENTITY_ID"])
    number = portal.next_id("comment")
    comment = {
        "ID": number,
        "ENTITY_TYPE": kind,
        "ENTITY_ID": integer(fields["ENTITY_ID"]),
        "AUTHOR_ID": caller.user.id,
    }
    portal.comments[number] = comment | {"COMMENT": text(fields["COMMENT"]), "CREATED": iso(portal.clock())}
    portal.happened("ONCRMTIMELINECOMMENTADD", {"FIELDS": {"ID": number}}, caller.user.id)
    return number


@rest_method("crm.timeline.comment.list", "crm")
def comment_list(portal: Portal, _caller: Caller, params: Params) -> Listing:
    """Notes; the filter wants the entity."""
    rows = [{name: str(value) for name, value in one.items()} for one in portal.comments.values()]
    found = matching(rows, params.get("filter"), lambda _name: True)
    return page(ordered(found, params.get("order")), params.get("start"))


@rest_method("crm.timeline.logmessage.add", "crm")
def log_message_add(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """A system line on an entity's timeline."""
    fields = mapping(params.get("fields"))
    _required(fields, "entityTypeId", "entityId", "title", "text", "iconCode")
    _owner(portal, fields["entityTypeId"], fields["entityId"])
    message = {"id": portal.next_id("comment"), "created": iso(portal.clock()), "authorId": caller.user.id}
    message |= {name: text(fields[name]) for name in ("title", "text", "iconCode")}
    portal.log_messages.append(
        message | {"entityTypeId": integer(fields["entityTypeId"]), "entityId": integer(fields["entityId"])}
    )
    return {"logMessage": message}


@rest_method("crm.tracking.trace.add", "crm")
def trace_add(portal: Portal, _caller: Caller, params: Params) -> int:
    """A path of advertising on entities; each call adds one more."""
    if not params.get("TRACE"):
        raise core("Parameter `TRACE` required.")
    try:
        trace = json.loads(str(params["TRACE"]))
    except ValueError:
        raise core("Can not parse JSON in parameter `TRACE`.") from None
    entities = params.get("ENTITIES")
    bound = [_traced(portal, mapping(one)) for one in (entities if isinstance(entities, list) else [])]
    if any(set(bound) & set(one["ENTITIES"]) for one in portal.traces.values()):
        portal.offence("trace_added_again", str(bound))
    number = portal.next_id("trace")
    portal.traces[number] = {"ID": number, "TRACE": trace, "ENTITIES": bound}
    return number


@rest_method("crm.tracking.trace.delete", "crm")
def trace_delete(portal: Portal, _caller: Caller, params: Params) -> None:
    """Removes a trace; an unknown one is no error."""
    if not params.get("id"):
        raise core("Parameter `id` required.")
    portal.traces.pop(integer(params["id"]), None)


def _traced(portal: Portal, entity: Mapping[str, Any]) -> tuple[str, int]:
    kind, number = text(entity.get("TYPE")), integer(entity.get("ID"))
    if kind not in _TRACED:
        raise core(f"Wrong TYPE in parameter `ENTITIES`. Allowed types: {', '.join(_TRACED)}")
    if number <= 0:
        raise core("Wrong ID in parameter `ENTITIES`.")
    if number not in portal.crm[kind]:
        raise core(f"You have no access to entity {kind} with ID {number}.")
    return kind, number


def _existing(portal: Portal, params: Params) -> int:
    number = integer(params.get("id"))
    if number not in portal.activities:
        raise crm("Activity is not found.")
    return number


def _shown(activity: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        name: value if isinstance(value, list) else str(value)
        for name, value in activity.items()
        if name != "OWNER_TYPE"
    }
    for name in ("CREATED", "START_TIME", "END_TIME", "DEADLINE"):
        if isinstance(activity.get(name), float):
            shown[name] = iso(activity[name])
    return shown
