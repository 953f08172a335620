"""Finished calls: the statistics table, transcripts, and who a number belongs to (bitrix24.md §3.5, §3.6, §3.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .callcrm import entities_with_phone
from .clock import iso
from .errors import core, denied
from .filters import matching, ordered, page
from .methods import Caller, Listing, Params, rest_method
from .phones import stripped
from .portal import Portal
from .values import integer, mapping, text

_HIDDEN = {"CALL_STATUS", "ADD_TO_CHAT"}


@rest_method("voximplant.statistic.get", "telephony", documented="FILTER SORT ORDER start")
def statistic_get(portal: Portal, caller: Caller, params: Params) -> Listing:
    """Rows of finished calls. A filter on a field that does not exist is dropped without a word."""
    if not (caller.user.admin or caller.user.statistics):
        raise denied()
    rows = [_shown(row) for row in portal.statistics]
    known = set(rows[0]) if rows else set()
    for name in mapping(params.get("FILTER")):
        if rows and name.lstrip("!<>=%?") not in known:
            portal.offence("unknown_statistics_filter", name)
    found = matching(rows, params.get("FILTER"), lambda name: name in known)
    order = {text(params.get("SORT")) or "ID": text(params.get("ORDER")) or "ASC"}
    return page(ordered(found, order), params.get("start"))


@rest_method("telephony.externalCall.searchCrmEntities", "telephony", documented="PHONE_NUMBER")
def search_crm_entities(portal: Portal, _caller: Caller, params: Params) -> list[dict[str, Any]]:
    """Who the number belongs to, with owner, extension and presence."""
    phone = stripped(params.get("PHONE_NUMBER"))
    if not phone:
        raise core("PHONE_NUMBER is empty")
    return [_with_owner(portal, kind, number) for kind, number in entities_with_phone(portal, phone)]


@rest_method(
    "telephony.call.attachTranscription",
    "telephony",
    documented="CALL_ID MESSAGES COST COST_CURRENCY",
)
def attach_transcription(portal: Portal, _caller: Caller, params: Params) -> dict[str, int]:
    """Stores who said what."""
    call_id, messages = text(params.get("CALL_ID")), params.get("MESSAGES")
    if not call_id:
        raise core("CALL_ID should be set")
    if not isinstance(messages, list):
        raise core("MESSAGES should be an array")
    for index, message in enumerate(messages):
        _check_message(index, mapping(message))
    row = next((row for row in portal.statistics if row["CALL_ID"] == call_id), None)
    if row is None:
        raise core(f"Call {call_id} is not found. Is it finished?")
    transcript = portal.next_id("transcript")
    portal.transcripts[transcript] = {"CALL_ID": call_id, "MESSAGES": messages}
    row["TRANSCRIPT_ID"] = transcript
    return {"TRANSCRIPT_ID": transcript}


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: None if value is None else str(value) for name, value in row.items() if name not in _HIDDEN}
    return shown | {"CALL_START_DATE": iso(row["CALL_START_DATE"]), "RECORD_FILE_ID": row["RECORD_FILE_ID"]}


def _with_owner(portal: Portal, kind: str, number: int) -> dict[str, Any]:
    entity = portal.crm[kind][number]
    owner_id = integer(entity.get("ASSIGNED_BY_ID"))
    owner = portal.users.get(owner_id)
    name = " ".join(str(entity[key]) for key in ("NAME", "LAST_NAME") if entity.get(key)) or entity.get("TITLE") or ""
    found: dict[str, Any] = {"CRM_ENTITY_TYPE": kind, "CRM_ENTITY_ID": number, "ASSIGNED_BY_ID": owner_id, "NAME": name}
    if owner:
        found["ASSIGNED_BY"] = {
            "ID": str(owner.id),
            "TIMEMAN_STATUS": owner.timeman,
            "USER_PHONE_INNER": owner.extension or None,
            "WORK_PHONE": owner.work_phone or None,
            "PERSONAL_PHONE": None,
            "PERSONAL_MOBILE": owner.personal_mobile or None,
        }
    return found


def _check_message(index: int, message: Mapping[str, Any]) -> None:
    if message.get("SIDE") not in {"User", "Client"}:
        raise core(f"MESSAGES[{index}][SIDE] should be either Client or User")
    if integer(message.get("START_TIME"), -1) < 0:
        raise core(f"MESSAGES[{index}][START_TIME] should be greater or equal to zero")
    if integer(message.get("STOP_TIME")) <= 0:
        raise core(f"MESSAGES[{index}][STOP_TIME] should be greater than zero")
    if not text(message.get("MESSAGE")):
        raise core(f"MESSAGES[{index}][MESSAGE] is empty")
