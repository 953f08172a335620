"""What the portal tells an application that has a place on the call card (bitrix24.md §6)."""

from __future__ import annotations

from typing import Any

from .portal import Portal

CALL_CARD = "CALL_CARD"
_DIRECTIONS = {1: "outgoing", 2: "incoming", 3: "incoming", 4: "callback", 5: "outgoing"}


def card_handlers(portal: Portal) -> list[str]:
    """The addresses that are bound to the call card."""
    return [str(one["handler"]) for one in portal.placements if one["placement"] == CALL_CARD]


def card_options(portal: Portal, call_id: str) -> dict[str, Any]:
    """PLACEMENT_OPTIONS for a live call: strings, "undefined" and "0" where there is nothing."""
    call = portal.live[call_id]
    bound = [{"ENTITY_TYPE": call.entity_type, "ENTITY_ID": str(call.entity_id)}] if call.entity_type else []
    return {
        "CALL_ID": call.call_id,
        "PHONE_NUMBER": call.phone,
        "LINE_NUMBER": call.line,
        "LINE_NAME": str(portal.lines.get(call.line, {}).get("NAME", "")),
        "CRM_ENTITY_TYPE": call.entity_type,
        "CRM_ENTITY_ID": str(call.entity_id or 0),
        "CRM_BINDINGS": bound,
        "CRM_ACTIVITY_ID": "undefined",
        "CALL_DIRECTION": _DIRECTIONS[call.type],
        "CALL_STATE": "connecting",
        "CALL_LIST_MODE": "false",
    }
