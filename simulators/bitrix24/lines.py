"""External lines of the application (bitrix24.md §3.7)."""

from __future__ import annotations

from typing import Any

from .errors import core
from .methods import Caller, Params, rest_method
from .portal import Portal
from .values import text

_LONGEST = 50


def ensure_line(portal: Portal, number: str) -> None:
    """A line that a call names and nobody has added comes to be by itself."""
    if number and number not in portal.lines:
        _add(portal, number, "", "Y")


@rest_method("telephony.externalLine.add", "telephony", telephony_switch=True, documented="NUMBER NAME CRM_AUTO_CREATE")
def add(portal: Portal, _caller: Caller, params: Params) -> dict[str, Any]:
    """Adds a line."""
    number = _number(params)
    if number in portal.lines:
        raise core("Line already exists")
    return {"ID": _add(portal, number, text(params.get("NAME")), text(params.get("CRM_AUTO_CREATE")) or "Y")}


@rest_method(
    "telephony.externalLine.update", "telephony", telephony_switch=True, documented="NUMBER NAME CRM_AUTO_CREATE"
)
def update(portal: Portal, _caller: Caller, params: Params) -> dict[str, str]:
    """Changes the name or the creation of leads; the id comes back as a string."""
    number = _number(params)
    line = _line(portal, number)
    changes = {name: text(params[name]) for name in ("NAME", "CRM_AUTO_CREATE") if name in params}
    if not changes:
        raise core("There are no fields to update")
    line.update(changes)
    return {"ID": str(line["ID"])}


@rest_method("telephony.externalLine.get", "telephony", telephony_switch=True)
def get(portal: Portal, _caller: Caller, _params: Params) -> list[dict[str, Any]]:
    """All lines, without their ids."""
    return [{name: line[name] for name in ("NUMBER", "NAME", "CRM_AUTO_CREATE")} for line in portal.lines.values()]


@rest_method("telephony.externalLine.delete", "telephony", telephony_switch=True, documented="NUMBER")
def delete(portal: Portal, _caller: Caller, params: Params) -> list[Any]:
    """Removes a line."""
    number = _number(params)
    _line(portal, number)
    del portal.lines[number]
    return []


def _add(portal: Portal, number: str, name: str, auto_create: str) -> int:
    line_id = portal.next_id("line")
    portal.lines[number] = {"ID": line_id, "NUMBER": number, "NAME": name, "CRM_AUTO_CREATE": auto_create}
    return line_id


def _number(params: Params) -> str:
    number = text(params.get("NUMBER"))[:_LONGEST]
    if not number:
        raise core("NUMBER should not be empty")
    return number


def _line(portal: Portal, number: str) -> dict[str, Any]:
    if number not in portal.lines:
        raise core(f"Could not find line with number {number}")
    return portal.lines[number]
