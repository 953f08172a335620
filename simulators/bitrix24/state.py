"""What a portal holds, as JSON: for tests in another process and for the page."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from .clock import iso
from .ledger import Ledger
from .phones import same_number_key
from .portal import Portal


def leads_per_phone(portal: Portal) -> dict[str, int]:
    """How many leads were made for each number (digits with the country)."""
    counted: Counter[str] = Counter()
    for lead in portal.crm["LEAD"].values():
        counted.update({same_number_key(str(one["VALUE"])) for one in lead.get("PHONE", [])})
    return dict(counted)


def finished_calls(portal: Portal) -> list[dict[str, Any]]:
    """Rows of the statistics with the dates in ISO and the recording, newest last."""
    return [_finished(portal, row) for row in portal.statistics]


def live_calls(portal: Portal) -> list[dict[str, Any]]:
    """Registered calls that were not finished, with the people who see a card."""
    return [
        {**asdict(call), "started_at": iso(call.started_at), "cards": sorted(portal.cards.get(call.call_id, ()))}
        for call in portal.live.values()
    ]


def tasks(portal: Portal) -> list[dict[str, Any]]:
    """To-dos, newest last."""
    found = [one for one in portal.activities.values() if one.get("PROVIDER_ID") == "CRM_TODO"]
    return [{**one, "DEADLINE": iso(one["DEADLINE"]), "CREATED": iso(one["CREATED"])} for one in found]


def state_of(portal: Portal) -> dict[str, Any]:
    """Everything at once."""
    with portal.lock:
        return {
            "domain": portal.domain,
            "member_id": portal.member_id,
            "leads": list(portal.crm["LEAD"].values()),
            "contacts": list(portal.crm["CONTACT"].values()),
            "companies": list(portal.crm["COMPANY"].values()),
            "deals": list(portal.crm["DEAL"].values()),
            "calls": finished_calls(portal),
            "live_calls": live_calls(portal),
            "tasks": tasks(portal),
            "activities": list(portal.activities.values()),
            "comments": list(portal.comments.values()),
            "traces": list(portal.traces.values()),
            "lines": list(portal.lines.values()),
            "handlers": [asdict(one) for one in portal.handlers],
            "placements": portal.placements,
            "missed": dict(portal.missed),
            "users": [asdict(user) for user in portal.users.values()],
            "settings": asdict(portal.settings),
        }


def ledger_report(portal: Portal, ledger: Ledger) -> dict[str, Any]:
    """The ledger of one portal with its counts."""
    with portal.lock:
        leads, never_finished = leads_per_phone(portal), sorted(portal.live)
    offences = [asdict(one) for one in ledger.offences() if one.tenant == portal.member_id]
    per_second = ledger.requests_per_second(portal.member_id)
    return {
        "requests": [asdict(one) for one in ledger.requests(tenant=portal.member_id)],
        "refreshes": [asdict(one) for one in ledger.refreshes if one.tenant == portal.member_id],
        "deliveries": [asdict(one) for one in ledger.deliveries if one.tenant == portal.member_id],
        "offences": offences,
        "offence_counts": dict(Counter(one["code"] for one in offences)),
        "leads_per_phone": leads,
        "registers": dict(ledger.registers()),
        "finishes": dict(ledger.finishes()),
        "never_finished": never_finished,
        "most_requests_in_a_second": max(per_second.values(), default=0),
        "secrets_in_query": sum(1 for one in offences if one["code"] == "token_in_url"),
    }


def _finished(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    records = [one for one in portal.records.values() if one.call_id == row["CALL_ID"]]
    shown = [
        {"file_id": one.file_id, "filename": one.filename, "mime": one.mime, "bytes": len(one.content)}
        for one in records
    ]
    current = next((one for one in shown if one["file_id"] == row["RECORD_FILE_ID"]), None)
    return {**row, "CALL_START_DATE": iso(row["CALL_START_DATE"]), "RECORD": current, "RECORDS_EVER": len(records)}
