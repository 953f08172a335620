"""Calls that are over, as statistics tell of them: rows of the CSV, entries of the JSON (mango.md §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from itertools import groupby
from typing import Any

from simulators.mango.calls import LiveCall
from simulators.mango.legs import Leg
from simulators.mango.office import Office

Body = Mapping[str, Any]
MOSCOW = timezone(timedelta(hours=3))
_CONTEXT_TYPES = {1: 1, 2: 2, 0: 3}


def legs_with_people(call: LiveCall) -> list[Leg]:
    """The legs that reached somebody's phone; of a call that ended before that, its first leg."""
    return [leg for leg in call.legs if leg.place == "abonent"] or call.legs[:1]


def csv_row(call: LiveCall, leg: Leg) -> dict[str, object]:
    return {
        "records": "[" + ",".join(_recordings_of(call, leg)) + "]",
        "start": leg.appeared_at,
        "finish": leg.ended_at,
        "answer": leg.connected_at,
        "from_extension": leg.frm.get("extension", ""),
        "from_number": leg.frm.get("number", ""),
        "to_extension": leg.to.get("extension", ""),
        "to_number": leg.to.get("number", ""),
        "disconnect_reason": leg.reason,
        "line_number": call.line_of_outbound or call.numbers.line,
        "location": leg.place,
        "entry_id": call.entry_id,
        "create": call.created_at,
    }


def _recordings_of(call: LiveCall, leg: Leg) -> list[str]:
    return [recording.recording_id for recording in call.recordings if recording.leg is leg]


def fits_filters(row: Mapping[str, object], body: Body) -> bool:
    wanted = {
        f"{side}_{name}": value for side in ("from", "to") for name, value in (body.get(side) or {}).items() if value
    }
    party = body.get("call_party") or {}
    sides = [
        all(not value or row.get(f"{side}_{name}") == value for name, value in party.items()) for side in ("from", "to")
    ]
    return all(row.get(name) == value for name, value in wanted.items()) and any(sides)


def json_entry(call: LiveCall, office: Office) -> dict[str, Any]:
    summary = call.summary or {}
    talked = int(summary["talk_time"])
    outbound = call.direction != 1
    employee = office.employee(summary["from"].get("extension")) if outbound else None
    client = call.numbers.client or ""
    called = client if outbound else call.numbers.line
    return {
        "entry_id": call.entry_id,
        "context_type": _CONTEXT_TYPES[call.direction],
        "context_status": 1 if talked else 0,
        "caller_id": employee.user_id if employee else None,
        "caller_name": employee.name if employee else "",
        "caller_number": summary["from"].get("number", ""),
        "called_number": called,
        "context_start_time": call.created_at,
        "duration": int(summary["end_time"]) - call.created_at,
        "talk_duration": int(summary["end_time"]) - talked if talked else 0,
        "context_init_type": 4 if call.callback_initiator else 0,
        "recall_status": 2,
        "cost": 0,
        "context_calls": [_context_call(call, leg, office) for leg in legs_with_people(call) if leg.place == "abonent"],
    }


def _context_call(call: LiveCall, leg: Leg, office: Office) -> dict[str, Any]:
    employee = office.employee(leg.to.get("extension"))
    return {
        "call_type": "user" if leg.to.get("extension") else "number",
        "call_abonent_id": employee.user_id if employee else None,
        "call_abonent_info": employee.name if employee else leg.to.get("number", ""),
        "call_abonent_number": leg.to.get("number", ""),
        "call_abonent_extension": leg.to.get("extension", ""),
        "call_start_time": leg.appeared_at,
        "call_answer_time": leg.connected_at or None,
        "call_end_time": leg.ended_at,
        "call_duration": leg.ended_at - leg.appeared_at,
        "talk_duration": leg.ended_at - leg.connected_at if leg.connected_at else 0,
        "dial_duration": (leg.connected_at or leg.ended_at) - leg.appeared_at,
        "hold_duration": 0,
        "call_end_reason": leg.reason,
        "recording_id": _recordings_of(call, leg),
        "external_call_id": leg.call_id,
        "members": [],
    }


def has_text_ids(body: Body) -> bool:
    """Ids as strings make Mango's job fail (5004); the report is the error then."""
    return any(isinstance(each, str) for name in ("user_ids", "group_ids") for each in body.get(name) or [])


def fits_query(entry: Mapping[str, Any], body: Body) -> bool:
    types = body.get("context_type")
    wanted = types if isinstance(types, list) else [types]
    status, part = body.get("context_status"), str(body.get("search_string") or "")
    numbers = f"{entry['caller_number']} {entry['called_number']}"
    people = {entry["caller_id"], *[leg["call_abonent_id"] for leg in entry["context_calls"]]}
    if body.get("user_ids") and not people & set(body["user_ids"]):
        return False
    return (
        (types is None or entry["context_type"] in wanted)
        and status in (None, entry["context_status"])
        and part in numbers
    )


def by_day(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def day(entry: Mapping[str, Any]) -> str:
        return datetime.fromtimestamp(entry["context_start_time"], MOSCOW).strftime("%Y-%m-%d")

    grouped = [(period, list(entries)) for period, entries in groupby(entries, key=day)]
    return [{"period": period, "list": entries, "total_calls_count": len(entries)} for period, entries in grouped]
