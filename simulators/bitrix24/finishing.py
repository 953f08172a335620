"""The end of calls: `telephony.externalCall.finish` and what follows from it (bitrix24.md §3.3, §3.10)."""

from __future__ import annotations

from typing import Any

from .callcrm import log_activity
from .cards import close_cards
from .errors import RestError, core
from .methods import Caller, Params, rest_method
from .portal import LiveCall, Portal, User
from .records import download_silently
from .rest import EmptyObject
from .telephony import INBOUND_TYPES, active_user, named_user_id
from .values import flag, integer, text

STATUS_CODES = {"200", "304", "603", "603-S", "486", "480", "404", "484", "503", "403", "402", "423", "OTHER"}


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
    user_id = named_user_id(portal, params)
    call = portal.live.get(params["CALL_ID"])
    if call is None:
        _judge_lost_finish(portal, params["CALL_ID"])
        raise core("Call is not found (call should be registered prior to finishing")
    user = active_user(portal, user_id)
    close_cards(portal, call, user.id)
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


def _judge_lost_finish(portal: Portal, call_id: str) -> None:
    known = any(row["CALL_ID"] == call_id for row in portal.statistics)
    portal.offence("finish_twice" if known else "finish_without_register", call_id)


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
