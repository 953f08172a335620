"""The beginning of calls: `telephony.externalCall.register` and its 30-minute rule (bitrix24.md §3.1, §3.2, §3.10)."""

from __future__ import annotations

from typing import Any

from .callcrm import create_entities, found_entity, is_internal
from .clock import parse_iso
from .errors import core
from .lines import ensure_line
from .methods import Caller, Params, rest_method
from .phones import stripped
from .portal import LiveCall, Portal, User, new_secret
from .values import flag, integer, text

INBOUND_TYPES = {2, 3}
DEDUP_SECONDS = 30 * 60
_TYPES = {1, 2, 3, 4, 5}


@rest_method(
    "telephony.externalCall.register",
    "telephony",
    telephony_switch=True,
    documented="USER_ID USER_PHONE_INNER PHONE_NUMBER TYPE CALL_START_DATE CRM_CREATE CRM_SOURCE CRM_ENTITY_TYPE "
    "CRM_ENTITY_ID SHOW ADD_TO_CHAT CALL_LIST_ID LINE_NUMBER EXTERNAL_CALL_ID",
)
def register(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Makes a live call, or finds the one that this register repeats."""
    wanted = _wanted_call(portal, caller, params)
    _judge_register(portal, wanted, params)
    call = _same_live_call(portal, wanted)
    if call is None:
        call = wanted
        begin(portal, call, params)
    if flag(params.get("SHOW"), default=True):
        portal.cards.setdefault(call.call_id, set()).add(call.user_id)
    _tell_of_start(portal, call)
    return _registered(call)


def begin(portal: Portal, call: LiveCall, params: Params) -> None:
    """Puts a new call among the live ones and ties it to the CRM."""
    portal.live[call.call_id] = call
    ensure_line(portal, call.line)
    if is_internal(portal, call.phone):
        return
    if text(params.get("CRM_ENTITY_TYPE")) and integer(params.get("CRM_ENTITY_ID")):
        call.entity_type = text(params["CRM_ENTITY_TYPE"]).upper()
        call.entity_id = integer(params["CRM_ENTITY_ID"])
        return
    found = found_entity(portal, call.phone)
    if found:
        call.entity_type, call.entity_id = found
    elif flag(params.get("CRM_CREATE"), default=False):
        create_entities(portal, call, text(params.get("CRM_SOURCE")))


def new_call_id(portal: Portal) -> str:
    """`externalCall.<32 hex>.<unix>`."""
    return f"externalCall.{new_secret(32)}.{int(portal.clock())}"


def _wanted_call(portal: Portal, caller: Caller, params: Params) -> LiveCall:
    user_id = named_user_id(portal, params)
    kind = text(params.get("TYPE"))
    if not kind.isdigit() or int(kind) not in _TYPES:
        raise core("Unknown TYPE")
    started_at = _start(portal, params)
    phone = stripped(params.get("PHONE_NUMBER"))
    if not phone:
        raise core("Unsupported phone number format")
    active_user(portal, user_id)
    return LiveCall(
        call_id=new_call_id(portal),
        app_id=caller.app_id,
        user_id=user_id,
        phone=phone,
        type=int(kind),
        line=text(params.get("LINE_NUMBER"))[:50],
        external_call_id=text(params.get("EXTERNAL_CALL_ID")),
        started_at=started_at,
    )


def named_user_id(portal: Portal, params: Params) -> int:
    """USER_ID, or whose extension USER_PHONE_INNER is. Raises the refusal that names both."""
    user_id = integer(params.get("USER_ID"))
    if not user_id and text(params.get("USER_PHONE_INNER")):
        found = portal.user_by_extension(text(params["USER_PHONE_INNER"]))
        user_id = found.id if found else 0
    if not user_id:
        raise core("USER_ID or USER_PHONE_INNER should be set")
    return user_id


def active_user(portal: Portal, user_id: int) -> User:
    """The employee. Raises the refusal for people who are unknown, dismissed or not employees."""
    user = portal.users.get(user_id)
    if user is None or not user.active or user.user_type != "employee":
        raise core("User is not found or is not active")
    return user


def _start(portal: Portal, params: Params) -> float:
    raw = text(params.get("CALL_START_DATE"))
    if not raw:
        return portal.clock()
    try:
        started_at, aware = parse_iso(raw)
    except ValueError:
        raise core("CALL_START_DATE should be in the ISO-8601 format") from None
    if not aware:
        portal.offence("start_date_without_offset", raw)
    return started_at


def _same_live_call(portal: Portal, wanted: LiveCall) -> LiveCall | None:
    """The 30-minute rule: what is not given in the new request is not compared."""
    now = portal.clock()
    for call in portal.live.values():
        same_person = (call.app_id, call.user_id) == (wanted.app_id, wanted.user_id)
        same_call = (call.phone, call.type) == (wanted.phone, wanted.type)
        same_line = not wanted.line or call.line == wanted.line
        same_key = not wanted.external_call_id or call.external_call_id == wanted.external_call_id
        if same_person and same_call and same_line and same_key and now - call.started_at <= DEDUP_SECONDS:
            return call
    return None


def _judge_register(portal: Portal, wanted: LiveCall, params: Params) -> None:
    about = f"phone {wanted.phone}, EXTERNAL_CALL_ID {wanted.external_call_id or '-'}"
    if wanted.type in INBOUND_TYPES and not wanted.line:
        portal.offence("register_without_line_number", about)
    if not wanted.external_call_id:
        portal.offence("register_without_external_call_id", about)
    if not text(params.get("PHONE_NUMBER")).startswith("+") and not is_internal(portal, wanted.phone):
        portal.offence("phone_not_e164", about)
    for call in portal.live.values():
        if call.click_to_call and (call.user_id, call.phone) == (wanted.user_id, wanted.phone):
            portal.offence("click_to_call_registered_again", about)
    finished = {row["EXTERNAL_CALL_ID"] for row in portal.statistics if row["PORTAL_USER_ID"] == wanted.user_id}
    if wanted.external_call_id and wanted.external_call_id in finished:
        portal.offence("register_after_finish", about)


def _registered(call: LiveCall) -> dict[str, Any]:
    lead = next((number for kind, number in call.created if kind == "LEAD"), None)
    answer: dict[str, Any] = {
        "CALL_ID": call.call_id,
        "CRM_CREATED_LEAD": lead,
        "CRM_CREATED_ENTITIES": [{"ENTITY_TYPE": kind, "ENTITY_ID": number} for kind, number in call.created],
        "CRM_ENTITY_TYPE": call.entity_type,
        "CRM_ENTITY_ID": call.entity_id,
    }
    if call.lead_error:
        answer["LEAD_CREATION_ERROR"] = call.lead_error
    return answer


def _tell_of_start(portal: Portal, call: LiveCall) -> None:
    init = {"CALL_ID": call.call_id, "CALL_TYPE": call.type, "CALLER_ID": call.phone, "REST_APP_ID": portal.app.id}
    portal.happened("ONVOXIMPLANTCALLINIT", init, call.user_id)
    portal.happened("ONVOXIMPLANTCALLSTART", {"CALL_ID": call.call_id, "USER_ID": call.user_id}, call.user_id)
