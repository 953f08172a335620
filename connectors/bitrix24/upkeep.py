"""Keeping the portal in step with us: event handlers and external lines (bitrix24.md §3.7, §5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from connectors.bitrix24.client import Portal
from connectors.bitrix24.envelope import rows, text
from connectors.bitrix24.errors import Refused
from connectors.bitrix24.events import BOUND_EVENTS
from connectors.bitrix24.placements import CARD_PATH, bind_card
from connectors.bitrix24.translate import line_number
from connectors.contract import Door, FirmLine, Surroundings

EVENTS_PATH = "/bitrix24/events"
_LONGEST_NAME = 100
_BOUND_ALREADY = ("already binded", "already bound")


def keep_up(door: Door, surroundings: Surroundings) -> str:
    """Bind what is not bound, add and rename lines. A line for people; raises the delivery errors.

    A webhook has neither events nor lines of its own: both belong to an application (bitrix24.md §1.1).
    """
    portal = Portal(door)
    if portal.settings.webhook:
        return "A webhook has no events and no lines."
    address = surroundings.public_url
    bound = bind_events(portal, f"{address}{EVENTS_PATH}") if address else 0  # a hub without one gets no events
    added, renamed = _keep_lines(portal, surroundings.lines)
    has_place = bool(address) and bind_card(portal, f"{address}{CARD_PATH}")
    place = "our place on the call card is there" if has_place else "we have no place on the call card"
    return f"Bound {bound} events, added {added} lines, renamed {renamed}; {place}."


def bind_events(portal: Portal, handler: str) -> int:
    """Bind each event that is not bound yet; handlers of a former address of ours are taken away."""
    known = rows(portal.call("event.get", {}, write=False))
    there = {(text(row.get("event")).upper(), text(row.get("handler"))) for row in known}
    for name, url in sorted(there):
        if name in BOUND_EVENTS and url != handler and url.endswith(EVENTS_PATH):
            portal.call("event.unbind", {"event": name, "handler": url}, write=True)
    missing = [name for name in BOUND_EVENTS if (name, handler) not in there]
    for name in missing:
        _bind(portal, name, handler)
    return len(missing)


def _bind(portal: Portal, name: str, handler: str) -> None:
    try:
        portal.call("event.bind", {"event": name, "handler": handler}, write=True)
    except Refused as refusal:
        if not refusal.says(*_BOUND_ALREADY):
            raise


def _keep_lines(portal: Portal, lines: Sequence[FirmLine]) -> tuple[int, int]:
    """Lines of the PBX that the portal lacks are added; what people set on a line is left as it is.

    Lines are the same when their digits are. None is deleted: a PBX that did not answer lists no lines either.
    """
    if not lines:
        return 0, 0
    found = rows(portal.call("telephony.externalLine.get", {}, write=False))
    there = {_digits(text(row.get("NUMBER"))): row for row in found}
    added = renamed = 0
    for line in lines:
        number, name = line_number(line.number), line.name.strip()[:_LONGEST_NAME]
        row = there.get(_digits(number))
        if row is None:
            added += _add(portal, number, name)
        elif name and name != number and text(row.get("NAME")) in ("", number):
            portal.call("telephony.externalLine.update", {"NUMBER": row["NUMBER"], "NAME": name}, write=True)
            renamed += 1
    return added, renamed


def _digits(number: str) -> str:
    """What a line is known by, however it is spelled; a line without digits by its own spelling."""
    return re.sub(r"\D", "", number) or number


def _add(portal: Portal, number: str, name: str) -> int:
    """Outbound calls create nothing unless the portal's owner switches it on (§6 of the hub's defaults)."""
    params = {"NUMBER": number, "NAME": name or number, "CRM_AUTO_CREATE": "N"}
    try:
        portal.call("telephony.externalLine.add", params, write=True)
    except Refused as refusal:
        if not refusal.says("already exists"):
            raise
        return 0
    return 1
