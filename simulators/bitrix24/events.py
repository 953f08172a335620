"""Event bindings and the offline queue (bitrix24.md §5)."""

from __future__ import annotations

from typing import Any

from .clock import iso
from .errors import RestError, core, denied
from .filters import matching
from .methods import Caller, Params, rest_method
from .portal import Handler, Occurrence, Portal, new_secret
from .values import flag, integer, text

_CRM = tuple(
    f"ONCRM{kind}{what}" for kind in ("LEAD", "CONTACT", "COMPANY", "DEAL") for what in ("ADD", "UPDATE", "DELETE")
)
_ACTIVITY = tuple(
    f"ONCRM{kind}{what}" for kind in ("ACTIVITY", "TIMELINECOMMENT") for what in ("ADD", "UPDATE", "DELETE")
)
_CALLS = (
    "ONEXTERNALCALLSTART",
    "ONEXTERNALCALLBACKSTART",
    "ONVOXIMPLANTCALLINIT",
    "ONVOXIMPLANTCALLSTART",
    "ONVOXIMPLANTCALLEND",
)
_APP = (
    "ONAPPINSTALL",
    "ONAPPUPDATE",
    "ONAPPUNINSTALL",
    "ONAPPPAYMENT",
    "ONAPPMETHODCONFIRM",
    "ONAPPTEST",
    "ONOFFLINEEVENT",
)
_SCOPE_OF = dict.fromkeys(_CRM + _ACTIVITY + ("ONCRMDEALMOVETOCATEGORY",), "crm") | dict.fromkeys(_CALLS, "telephony")
EVENTS = {**_SCOPE_OF, **dict.fromkeys(_APP, ""), "ONUSERADD": "user"}


def keep_offline(portal: Portal, occurrence: Occurrence) -> None:
    """Puts an occurrence into the offline queue: one row for each object, the latest state."""
    for handler in portal.handlers:
        silent = handler.connector and handler.connector == occurrence.connector
        if not handler.offline or handler.event != occurrence.event or silent:
            continue
        for row in [row for row in portal.offline if _same_object(row, occurrence) and not row["PROCESS_ID"]]:
            portal.offline.remove(row)
        portal.offline.append(
            {
                "ID": str(portal.next_id("offline")),
                "TIMESTAMP_X": iso(occurrence.at),
                "EVENT_NAME": occurrence.event,
                "EVENT_DATA": dict(occurrence.params),
                "EVENT_ADDITIONAL": {"user_id": occurrence.user_id or 0},
                "MESSAGE_ID": new_secret(32),
                "PROCESS_ID": "",
            }
        )


@rest_method("event.bind", app_only=True)
def bind(portal: Portal, caller: Caller, params: Params) -> bool:
    """Binds a handler. Before the installation is finished this answers true, and nothing will come."""
    name, url = _event(caller, params), text(params.get("handler"))
    offline = text(params.get("event_type")).lower() == "offline"
    user_id = integer(params.get("auth_type"))
    if not offline and not url:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'handler' is null or empty", {"argument": "handler"})
    if (offline or user_id not in {0, caller.user.id}) and not caller.user.admin:
        raise denied()
    if any((one.event, one.url, one.offline) == (name, url, offline) for one in portal.handlers):
        portal.offence("handler_bound_twice", f"{name} {url}")
        raise core("Unable to set event handler: Handler already binded")
    connector = text(params.get("auth_connector"))
    portal.handlers.append(Handler(portal.next_id("handler"), name, url, user_id, offline, connector))
    return True


@rest_method("event.unbind", app_only=True)
def unbind(portal: Portal, caller: Caller, params: Params) -> dict[str, int]:
    """Removes bindings and says how many."""
    name, url = _event(caller, params), text(params.get("handler"))
    offline = text(params.get("event_type")).lower() == "offline"
    if offline and not caller.user.admin:
        raise denied()
    gone = [one for one in portal.handlers if (one.event, one.offline) == (name, offline) and one.url in {url, ""}]
    portal.handlers[:] = [one for one in portal.handlers if one not in gone]
    return {"count": len(gone)}


@rest_method("event.get", app_only=True)
def get(portal: Portal, _caller: Caller, _params: Params) -> list[dict[str, Any]]:
    """All bindings."""
    return [
        {"event": one.event, "handler": one.url, "auth_type": str(one.user_id), "offline": int(one.offline)}
        for one in portal.handlers
    ]


@rest_method("events")
def events(_portal: Portal, caller: Caller, params: Params) -> list[str]:
    """Names of events: of the own scope, of one scope, or all."""
    if flag(params.get("FULL"), default=False):
        return sorted(EVENTS)
    scopes = {text(params["SCOPE"])} if params.get("SCOPE") else {"", *caller.scope}
    return sorted(name for name, scope in EVENTS.items() if scope in scopes)


@rest_method("event.test", app_only=True)
def test(portal: Portal, caller: Caller, params: Params) -> int:
    """Fires ONAPPTEST with the request's own parameters."""
    portal.happened("ONAPPTEST", {"QUERY": dict(params)}, caller.user.id)
    return 1


@rest_method("event.offline.get", app_only=True)
def offline_get(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Takes rows from the queue: for good, or with `clear=0` reserved under a process id."""
    rows = _queued(portal, caller, params)[: integer(params.get("limit"), 50)]
    if flag(params.get("clear"), default=True):
        portal.offline[:] = [row for row in portal.offline if row not in rows]
        return {"process_id": None, "events": [_shown(row) for row in rows]}
    process_id = text(params.get("process_id")) or new_secret(32)
    for row in rows:
        row["PROCESS_ID"] = process_id
    return {"process_id": process_id, "events": [_shown(row) for row in rows]}


@rest_method("event.offline.list", app_only=True)
def offline_list(portal: Portal, caller: Caller, params: Params) -> list[dict[str, Any]]:
    """Looks at the queue without taking anything."""
    return [dict(row) for row in _queued(portal, caller, params)]


@rest_method("event.offline.clear", app_only=True)
def offline_clear(portal: Portal, caller: Caller, params: Params) -> bool:
    """Removes reserved rows that were dealt with."""
    _queued(portal, caller, {})
    process_id = text(params.get("process_id"))
    if not process_id:
        raise RestError(400, "ERROR_ARGUMENT", "Argument 'process_id' is null or empty", {"argument": "process_id"})
    messages, numbers = params.get("message_id") or [], [str(one) for one in params.get("id") or []]
    portal.offline[:] = [
        row
        for row in portal.offline
        if row["PROCESS_ID"] != process_id
        or (messages and row["MESSAGE_ID"] not in messages)
        or (numbers and row["ID"] not in numbers)
    ]
    return True


@rest_method("event.offline.error", app_only=True)
def offline_error(portal: Portal, caller: Caller, params: Params) -> bool:
    """Notes that reserved rows could not be dealt with."""
    _queued(portal, caller, {})
    for row in portal.offline:
        if row["PROCESS_ID"] == text(params.get("process_id")) and row["MESSAGE_ID"] in (
            params.get("message_id") or []
        ):
            row["ERROR"] = "1"
    return True


def _event(caller: Caller, params: Params) -> str:
    name = text(params.get("event")).upper()
    scope = EVENTS.get(name)
    is_reachable = scope is not None and (not scope or scope in caller.scope or scope == "user")
    if not is_reachable:
        raise RestError(400, "ERROR_EVENT_NOT_FOUND", "Event not found")
    return name


def _queued(portal: Portal, caller: Caller, params: Params) -> list[dict[str, Any]]:
    if not caller.user.admin:
        raise denied()
    free = [row for row in portal.offline if not row["PROCESS_ID"]]
    chosen = matching(free, params.get("filter"), lambda _name: True)
    return [row for row in free if row in chosen]


def _same_object(row: dict[str, Any], occurrence: Occurrence) -> bool:
    return bool(row["EVENT_NAME"] == occurrence.event and row["EVENT_DATA"] == dict(occurrence.params))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in {"PROCESS_ID", "ERROR"}}
