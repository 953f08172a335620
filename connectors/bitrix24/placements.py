"""Our place on the portal's call card (bitrix24.md §6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import identifier, mapping, rows, text
from connectors.bitrix24.errors import Refused
from hub.domain.errors import Paused

CARD_PATH = "/bitrix24/card"
CALL_CARD = "CALL_CARD"
_TITLES = {"ru": "Дозвон: откуда звонок", "en": "Dozvon: where from"}
_NO_ENTITY = frozenset({"", "0", "undefined"})
_BOUND_ALREADY = ("already binded", "already bound")


@dataclass(frozen=True, slots=True)
class ShownCall:
    """What the portal says of the call on its card; every word may be missing. `entity` is "CONTACT:871" or ""."""

    call_id: str
    phone: str
    line: str
    entity: str


def bind_card(portal: Portal, handler: str) -> bool:
    """Show `handler` on call cards; a former address of ours is taken away. False where the portal does not let us."""
    try:
        known = rows(portal.call("placement.get", {}, write=False))
        there = {text(row.get("handler")) for row in known if text(row.get("placement")).upper() == CALL_CARD}
        for url in sorted(there):
            if url != handler and url.endswith(CARD_PATH):
                portal.call("placement.unbind", {"PLACEMENT": CALL_CARD, "HANDLER": url}, write=True)
        if handler not in there:
            portal.call("placement.bind", _binding(handler), write=True)
    except Refused as refusal:
        return refusal.says(*_BOUND_ALREADY)
    except Paused:
        return False  # a right that the application was not given; the calls themselves need none of it
    return True


def _binding(handler: str) -> dict[str, object]:
    titles = {language: {"TITLE": title} for language, title in _TITLES.items()}
    return {"PLACEMENT": CALL_CARD, "HANDLER": handler, "TITLE": _TITLES["en"], "LANG_ALL": titles}


def shown_call(options: str) -> ShownCall:
    """`PLACEMENT_OPTIONS`, a JSON text; what is no such text says nothing."""
    try:
        given: Mapping[str, object] = mapping(json.loads(options or "{}"))
    except ValueError:
        given = {}
    kind, number = text(given.get("CRM_ENTITY_TYPE")).upper(), identifier(given.get("CRM_ENTITY_ID"))
    entity = f"{kind}:{number}" if kind not in _NO_ENTITY and number not in (None, *_NO_ENTITY) else ""
    return ShownCall(
        text(given.get("CALL_ID"))[:100],
        text(given.get("PHONE_NUMBER"))[:100],
        text(given.get("LINE_NUMBER"))[:100],
        entity,
    )
