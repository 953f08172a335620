"""Intents to what Bitrix24's methods take, and their answers to what we keep. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from connectors.bitrix24.envelope import identifier, mapping, rows, text
from connectors.contract import Json, StepResult
from hub.domain.events import Cost, Direction, Phrase, Result, Side
from hub.domain.intents import CallFacts
from hub.domain.phone import Phone
from hub.domain.treatment import PersonState

Params = dict[str, Json]

ENTITY_TYPE_IDS = {"LEAD": 1, "DEAL": 2, "CONTACT": 3, "COMPANY": 4}
"""bitrix24.md §0."""

_LONGEST_LINE = 50


class Entity(NamedTuple):
    """A CRM card: `type` is LEAD, CONTACT, COMPANY or DEAL."""

    type: str
    id: str


# --- The call ---------------------------------------------------------------------------------------


def employee(facts: CallFacts, fallback: str | None) -> Params:
    """Whom to put the call on: the CRM's user, else whoever has the extension there, else `fallback`."""
    if facts.user_id:
        return {"USER_ID": user_id(facts.user_id)}
    if facts.extension:
        return {"USER_PHONE_INNER": facts.extension}
    return {"USER_ID": user_id(fallback)} if fallback else {}


def user_id(value: str) -> int | str:
    return int(value) if value.isdigit() else value


def register_params(facts: CallFacts, who: Params, *, timezone: str, source_id: str) -> Params:
    """`telephony.externalCall.register` (bitrix24.md §3.2). The card is opened by `show`, never here."""
    assert facts.client is not None
    params: Params = {
        **who,
        "PHONE_NUMBER": facts.client.display,
        "TYPE": call_type(facts),
        "CALL_START_DATE": moment(facts.started_at, timezone),
        "EXTERNAL_CALL_ID": facts.call_id,
        "CRM_CREATE": int(facts.creates_lead),
        "CRM_SOURCE": facts.orders.crm_source or source_id,
        "SHOW": 0,
        "ADD_TO_CHAT": 0,
    }
    if facts.line is not None:
        params["LINE_NUMBER"] = line_number(facts.line)
    if facts.callback and facts.party is not None and facts.party.kind in ENTITY_TYPE_IDS:
        params |= {"CRM_ENTITY_TYPE": facts.party.kind, "CRM_ENTITY_ID": user_id(facts.party.id)}
    return params


def call_type(facts: CallFacts) -> int:
    if facts.callback:
        return 4
    if facts.direction is Direction.OUTBOUND:
        return 1
    return 3 if facts.redirected else 2


def line_number(line: Phone) -> str:
    """A line as Bitrix24 spells it, in digits alone (bitrix24.md §3.2).

    It cuts the number to 50 characters, so a longer one would never be found again.
    """
    return line.display.removeprefix("+")[:_LONGEST_LINE]


def moment(at: datetime, timezone: str) -> str:
    """ISO 8601 with the workspace's offset; without one the portal would read its own zone into it."""
    return at.astimezone(ZoneInfo(timezone)).isoformat(timespec="seconds")


def register_result(result: Json, who: Params) -> StepResult | None:
    """What we keep of a registration; None when it has no CALL_ID, without which it is none."""
    answer = mapping(result)
    call_id = text(answer.get("CALL_ID"))
    if not call_id:
        return None
    kept: Params = {"call_id": call_id, "created": created_entities(answer), **_entity_of(answer)}
    if "USER_ID" in who:
        kept["user_id"] = str(who["USER_ID"])
    if text(answer.get("LEAD_CREATION_ERROR")):
        kept["lead_creation_error"] = text(answer["LEAD_CREATION_ERROR"])
    return kept


def person_of(kept: StepResult) -> Params:
    """Who the client was before this call; of a contact the answer does not say whether they have a deal."""
    if kept["created"] or kept["entity_type"] is None:
        return {"person": str(PersonState.UNKNOWN)}
    return {"person": str(PersonState.LEAD)} if kept["entity_type"] == "LEAD" else {}


def created_entities(answer: Mapping[str, Json]) -> list[Json]:
    """What this registration created, as [{"type", "id"}]: a lead, or a contact and a deal in simple CRM mode."""
    found = [
        Entity(text(row.get("ENTITY_TYPE")).upper(), entity_id)
        for row in rows(answer.get("CRM_CREATED_ENTITIES"))
        if (entity_id := identifier(row.get("ENTITY_ID")))
    ]
    lead = identifier(answer.get("CRM_CREATED_LEAD"))
    if not found and lead:
        found = [Entity("LEAD", lead)]
    return [{"type": entity.type, "id": entity.id} for entity in found if entity.type in ENTITY_TYPE_IDS]


def _entity_of(answer: Mapping[str, Json]) -> Params:
    """`CRM_ENTITY_TYPE` is "" and the id null when the call is bound to nobody."""
    kind, entity_id = text(answer.get("CRM_ENTITY_TYPE")).upper(), identifier(answer.get("CRM_ENTITY_ID"))
    if kind not in ENTITY_TYPE_IDS or entity_id is None:
        return {"entity_type": None, "entity_id": None}
    return {"entity_type": kind, "entity_id": entity_id}


# --- Its end ----------------------------------------------------------------------------------------

_INBOUND_CODES = {
    Result.BUSY: "486",
    Result.DECLINED: "603",
    Result.FORBIDDEN: "403",
}
"""All other inbound calls that nobody took are missed: 304 is what raises the missed-call counter."""

_OUTBOUND_CODES = {
    Result.NO_ANSWER: "480",
    Result.BUSY: "486",
    Result.DECLINED: "603",
    Result.CANCELLED: "603-S",
    Result.UNAVAILABLE: "480",
    Result.WRONG_NUMBER: "404",
    Result.FORBIDDEN: "403",
    Result.NO_MONEY: "402",
    Result.FAILED: "484",
}


def status_code(facts: CallFacts) -> str:
    """bitrix24.md §3.3."""
    if facts.answered:
        return "200"
    if facts.direction is Direction.INBOUND:
        return "304" if facts.result is None else _INBOUND_CODES.get(facts.result, "304")
    return "OTHER" if facts.result is None else _OUTBOUND_CODES.get(facts.result, "OTHER")


def finish_params(facts: CallFacts, who: Params, call_id: str) -> Params:
    """`telephony.externalCall.finish` (bitrix24.md §3.3)."""
    params: Params = {
        "CALL_ID": call_id,
        **who,
        "DURATION": duration_seconds(facts),
        "STATUS_CODE": status_code(facts),
        "ADD_TO_CHAT": 0,
    }
    if facts.cost is not None:
        params |= cost_params(facts.cost)
    return params if facts.rating is None else {**params, "VOTE": facts.rating}


def cost_params(cost: Cost) -> Params:
    params: Params = {"COST": float(cost.amount)}
    return {**params, "COST_CURRENCY": cost.currency} if cost.currency else params


def transcript_params(call_id: str, phrases: Sequence[Phrase]) -> Params:
    """`telephony.call.attachTranscription` (bitrix24.md §3.6): a phrase has to stop later than at 0."""
    sides = {Side.CLIENT: "Client", Side.EMPLOYEE: "User"}
    messages: list[Json] = [
        {
            "SIDE": sides[phrase.side],
            "START_TIME": phrase.started_second,
            "STOP_TIME": max(1, phrase.ended_second),
            "MESSAGE": phrase.text,
        }
        for phrase in phrases
    ]
    return {"CALL_ID": call_id, "MESSAGES": messages}


def duration_seconds(facts: CallFacts) -> int:
    """Seconds of talk. Bitrix24 files 0 as "not answered", so a talk of less than a second counts as one."""
    return max(1, facts.talk_seconds) if facts.answered else 0


def finish_result(row: Mapping[str, Json]) -> StepResult:
    """What we keep of a row of the call statistics, be it the answer of finish or a row looked up."""
    kept: Params = {
        "statistic_id": identifier(row.get("ID")),
        "activity_id": identifier(row.get("CRM_ACTIVITY_ID")),
        **_entity_of(row),
    }
    trouble = text(mapping(row.get("ERRORS")).get("ACTIVITY_CREATION"))
    return {**kept, "activity_error": trouble} if trouble else kept
