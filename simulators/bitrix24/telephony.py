"""Calls: register, show, hide, finish (bitrix24.md §3.1–§3.4, §3.10)."""

from __future__ import annotations

from typing import Any

from .callcrm import create_entities, found_entity, is_internal, log_activity
from .clock import parse_iso
from .errors import RestError, core
from .lines import ensure_line
from .methods import Caller, Params, rest_method
from .phones import stripped
from .portal import LiveCall, Portal, User, new_secret
from .records import download_silently
from .rest import EmptyObject
from .values import flag, integer, integers, text

INBOUND_TYPES = {2, 3}
STATUS_CODES = {"200", "304", "603", "603-S", "486", "480", "404", "484", "503", "403", "402", "423", "OTHER"}
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


@rest_method("telephony.externalCall.show", "telephony", telephony_switch=True, documented="CALL_ID USER_ID")
def show(portal: Portal, _caller: Caller, params: Params) -> bool:
    """Opens the card on the screens of the named people; False for a call that is not live."""
    call = _live_for_card(portal, params, "show")
    if call is None:
        return False
    portal.cards.setdefault(call.call_id, set()).update(integers(params.get("USER_ID")) or [call.user_id])
    return True


@rest_method("telephony.externalCall.hide", "telephony", telephony_switch=True, documented="CALL_ID USER_ID")
def hide(portal: Portal, _caller: Caller, params: Params) -> bool:
    """Closes the card on the screens of the named people; False for a call that is not live."""
    call = _live_for_card(portal, params, "hide")
    if call is None:
        return False
    portal.cards.setdefault(call.call_id, set()).difference_update(integers(params.get("USER_ID")) or [call.user_id])
    return True


@rest_method(
    "telephony.externalCall.finish",
    "telephony",
    telephony_switch=True,
    documented="CALL_ID USER_ID USER_PHONE_INNER DURATION STATUS_CODE FAILED_REASON COST COST_CURRENCY RECORD_URL VOTE "
    "ADD_TO_CHAT",
)
def finish(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Ends a live call: owner, activity, statistics row, in the order of §3.3."""
    if not isinstance(params.get("CALL_ID"), str):
        raise RestError(400, "INVALID_ARGUMENT", "CALL_ID must be a string")
    user_id = _user_id(portal, params)
    call = portal.live.get(params["CALL_ID"])
    if call is None:
        _judge_lost_finish(portal, params["CALL_ID"])
        raise core("Call is not found (call should be registered prior to finishing")
    user = _active_user(portal, user_id)
    _close_cards(portal, call, user.id)
    for kind, number in call.created:
        portal.crm[kind][number]["ASSIGNED_BY_ID"] = user.id
    row = _statistics_row(portal, caller, call, user, params)
    row["CRM_ACTIVITY_ID"] = log_activity(portal, call, row)
    portal.statistics.append(row)
    if text(params.get("RECORD_URL")):
        download_silently(portal, call.call_id, text(params["RECORD_URL"]))
    del portal.live[call.call_id]
    _tell_of_end(portal, row, user.id)
    return _finished(call, row)


def _wanted_call(portal: Portal, caller: Caller, params: Params) -> LiveCall:
    user_id = _user_id(portal, params)
    kind = text(params.get("TYPE"))
    if not kind.isdigit() or int(kind) not in _TYPES:
        raise core("Unknown TYPE")
    started_at = _start(portal, params)
    phone = stripped(params.get("PHONE_NUMBER"))
    if not phone:
        raise core("Unsupported phone number format")
    _active_user(portal, user_id)
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


def _user_id(portal: Portal, params: Params) -> int:
    user_id = integer(params.get("USER_ID"))
    if not user_id and text(params.get("USER_PHONE_INNER")):
        found = portal.user_by_extension(text(params["USER_PHONE_INNER"]))
        user_id = found.id if found else 0
    if not user_id:
        raise core("USER_ID or USER_PHONE_INNER should be set")
    return user_id


def _active_user(portal: Portal, user_id: int) -> User:
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


def _judge_lost_finish(portal: Portal, call_id: str) -> None:
    known = any(row["CALL_ID"] == call_id for row in portal.statistics)
    portal.offence("finish_twice" if known else "finish_without_register", call_id)


def _live_for_card(portal: Portal, params: Params, verb: str) -> LiveCall | None:
    call_id = text(params.get("CALL_ID"))
    call = portal.live.get(call_id)
    if call is None:
        portal.offence(f"{verb}_after_finish", call_id)
    return call


def _close_cards(portal: Portal, call: LiveCall, user_id: int) -> None:
    """Finishing closes the card of the finisher alone; cards of others should have been hidden before."""
    shown = portal.cards.pop(call.call_id, set())
    if left := shown - {user_id}:
        portal.offence("card_left_open", f"{call.call_id}: users {sorted(left)}")


def _statistics_row(portal: Portal, caller: Caller, call: LiveCall, user: User, params: Params) -> dict[str, Any]:
    duration = integer(params.get("DURATION"))
    code = text(params.get("STATUS_CODE")) or ("200" if duration > 0 else "304")
    if code not in STATUS_CODES:
        portal.offence("unknown_status_code", code)
    if call.type in INBOUND_TYPES and code == "304":
        portal.missed[user.id] += 1
    return {
        "ID": portal.next_id("statistics"),
        "CALL_ID": call.call_id,
        "EXTERNAL_CALL_ID": call.external_call_id or None,
        "PORTAL_USER_ID": user.id,
        "PORTAL_NUMBER": call.line or f"REST_APP:{portal.app.id}",
        "PHONE_NUMBER": call.phone,
        "CALL_TYPE": str(call.type),
        "CALL_CATEGORY": "external",
        "CALL_DURATION": duration,
        "CALL_START_DATE": call.started_at,
        "CALL_STATUS": 1 if duration > 0 else 0,
        "CALL_VOTE": integer(params.get("VOTE")) or None,
        "CALL_LOG": None,
        "CALL_RECORD_URL": None,
        "COST": text(params.get("COST")) or "0.0000",
        "COST_CURRENCY": text(params.get("COST_CURRENCY")),
        "CALL_FAILED_CODE": code,
        "CALL_FAILED_REASON": text(params.get("FAILED_REASON")),
        "REST_APP_ID": portal.app.id if caller.is_app else None,
        "REST_APP_NAME": portal.app.name if caller.is_app else None,
        "CRM_ENTITY_TYPE": call.entity_type or None,
        "CRM_ENTITY_ID": call.entity_id,
        "CRM_ACTIVITY_ID": None,
        "COMMENT": None,
        "TRANSCRIPT_ID": None,
        "TRANSCRIPT_PENDING": "N",
        "SESSION_ID": None,
        "REDIAL_ATTEMPT": None,
        "RECORD_DURATION": None,
        "RECORD_FILE_ID": None,
        "ADD_TO_CHAT": flag(params.get("ADD_TO_CHAT"), default=False),
    }


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


def _finished(call: LiveCall, row: dict[str, Any]) -> dict[str, Any]:
    names: tuple[str, ...] = (
        "ID",
        "CALL_ID",
        "EXTERNAL_CALL_ID",
        "PORTAL_USER_ID",
        "PHONE_NUMBER",
        "PORTAL_NUMBER",
        "CALL_DURATION",
    )
    names += ("CALL_STATUS", "CALL_VOTE", "COST", "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON")
    names += ("REST_APP_ID", "REST_APP_NAME", "CRM_ACTIVITY_ID", "COMMENT")
    answer = {name: row[name] for name in names} | {"INCOMING": str(call.type), "CALL_START_DATE": EmptyObject()}
    if call.entity_type:
        answer |= {"CRM_ENTITY_TYPE": call.entity_type, "CRM_ENTITY_ID": call.entity_id}
        if row["CRM_ACTIVITY_ID"] is None:
            answer["ERRORS"] = {"ACTIVITY_CREATION": "The entity of the call is not found"}
    return answer


def _tell_of_start(portal: Portal, call: LiveCall) -> None:
    init = {"CALL_ID": call.call_id, "CALL_TYPE": call.type, "CALLER_ID": call.phone, "REST_APP_ID": portal.app.id}
    portal.happened("ONVOXIMPLANTCALLINIT", init, call.user_id)
    portal.happened("ONVOXIMPLANTCALLSTART", {"CALL_ID": call.call_id, "USER_ID": call.user_id}, call.user_id)


def _tell_of_end(portal: Portal, row: dict[str, Any], user_id: int) -> None:
    names: tuple[str, ...] = (
        "CALL_ID",
        "CALL_TYPE",
        "PHONE_NUMBER",
        "PORTAL_NUMBER",
        "PORTAL_USER_ID",
        "CALL_DURATION",
        "COST",
    )
    names += ("CALL_START_DATE", "COST_CURRENCY", "CALL_FAILED_CODE", "CALL_FAILED_REASON", "CRM_ACTIVITY_ID")
    portal.happened("ONVOXIMPLANTCALLEND", {name: row[name] for name in names}, user_id)
