"""Places in the interface where an application shows its own pages (bitrix24.md §6)."""

from __future__ import annotations

from typing import Any

from .errors import RestError, denied
from .methods import Caller, Params, rest_method
from .portal import Portal
from .values import integer, mapping, text

_CRM = tuple(
    f"CRM_{kind}_{place}"
    for kind in ("LEAD", "DEAL", "CONTACT", "COMPANY")
    for place in (
        "DETAIL_TAB",
        "DETAIL_ACTIVITY",
        "DETAIL_TOOLBAR",
        "LIST_MENU",
        "ACTIVITY_TIMELINE_MENU",
        "LIST_TOOLBAR",
    )
)
_SCOPE_OF = dict.fromkeys(_CRM, "crm") | dict.fromkeys(("CALL_CARD", "TELEPHONY_ANALYTICS_MENU"), "telephony")
_SCOPE_OF |= dict.fromkeys(("PAGE_BACKGROUND_WORKER", "LEFT_MENU", "REST_APP_URI", "DEFAULT"), "placement")
_ONLY_ONE = {"PAGE_BACKGROUND_WORKER", "REST_APP_URI"}


@rest_method("placement.bind", "placement", app_only=True)
def bind(portal: Portal, caller: Caller, params: Params) -> bool:
    """Registers a handler for a place; refusals that the documentation shows with HTTP 200 come so."""
    if not caller.user.admin:
        raise denied()
    code, handler = _argument(params, "PLACEMENT"), _argument(params, "HANDLER")
    _check_place(caller, code)
    user_id = integer(params.get("USER_ID"))
    _check_kind(portal, code, user_id, params)
    if any((one["placement"], one["handler"]) == (code, handler) for one in portal.placements):
        portal.offence("placement_bound_twice", f"{code} {handler}")
        raise RestError(400, "ERROR_CORE", "Unable to set placement handler: Handler already binded")
    portal.placements.append(
        {
            "placement": code,
            "userId": user_id,
            "handler": handler,
            "options": params.get("OPTIONS") or [],
            "title": text(params.get("TITLE")),
            "description": text(params.get("DESCRIPTION")),
            "langAll": params.get("LANG_ALL") or [],
        }
    )
    return True


@rest_method("placement.unbind", "placement", app_only=True)
def unbind(portal: Portal, caller: Caller, params: Params) -> dict[str, int]:
    """Removes handlers; the count has each of them twice, found and deleted."""
    if not caller.user.admin:
        raise denied()
    code, handler = _argument(params, "PLACEMENT", status=400), text(params.get("HANDLER"))
    gone = [one for one in portal.placements if one["placement"] == code and handler in {"", one["handler"]}]
    portal.placements[:] = [one for one in portal.placements if one not in gone]
    return {"count": 2 * len(gone)}


@rest_method("placement.get", "placement", app_only=True)
def get(portal: Portal, _caller: Caller, _params: Params) -> list[dict[str, Any]]:
    """All handlers."""
    return [dict(one) for one in portal.placements]


@rest_method("placement.list", "placement", app_only=True)
def list_places(_portal: Portal, caller: Caller, _params: Params) -> list[str]:
    """The codes that the scope allows."""
    return sorted(code for code, scope in _SCOPE_OF.items() if scope in caller.scope)


def _argument(params: Params, name: str, status: int = 200) -> str:
    value = text(params.get(name))
    if not value:
        raise RestError(status, "ERROR_ARGUMENT", f"Argument '{name}' is null or empty", {"argument": name})
    return value


def _check_place(caller: Caller, code: str) -> None:
    if _SCOPE_OF.get(code) not in caller.scope:
        raise RestError(400, "ERROR_PLACEMENT_NOT_FOUND", "Placement not found")


def _check_kind(portal: Portal, code: str, user_id: int, params: Params) -> None:
    if user_id and code != "PAGE_BACKGROUND_WORKER":
        raise RestError(200, "ERROR_PLACEMENT_USER_MODE", "Placement does not support USER_ID")
    if code == "PAGE_BACKGROUND_WORKER" and not mapping(params.get("OPTIONS")).get("errorHandlerUrl"):
        raise RestError(200, "EMPTY_ERROR_HANDLER_URL", "errorHandlerUrl is required")
    if code in _ONLY_ONE and any(one["placement"] == code for one in portal.placements):
        raise RestError(200, "ERROR_PLACEMENT_MAX_COUNT", "Placement max count")
