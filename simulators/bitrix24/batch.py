"""`batch`: up to fifty commands in one request, with results of earlier ones put into later ones (bitrix24.md §2.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from .brackets import nest
from .errors import RestError
from .methods import Caller, Params, rest_method
from .portal import Portal
from .rest import Asked, call, error_body, note

MAX_COMMANDS = 50
_REFERENCE = re.compile(r"\$result((?:\[[^\[\]]+\])+)")
_STEP = re.compile(r"\[([^\[\]]+)\]")


@rest_method("batch", locks_itself=True)
def batch(portal: Portal, caller: Caller, params: Params) -> dict[str, Any]:
    """Runs the commands one after another; `halt` stops at the first error."""
    commands = _commands(params.get("cmd"))
    if len(commands) > MAX_COMMANDS:
        portal.offence("batch_too_long", f"{len(commands)} commands")
        raise RestError(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
    halt = str(params.get("halt", "0")).lower() in {"1", "true", "y"}
    done = _Outcome()
    for key, command in commands.items():
        _one(portal, caller, key, command, done)
        if halt and key in done.errors:
            break
    return done.result()


class _Outcome:
    """The answers of the commands so far."""

    def __init__(self) -> None:
        self.results: dict[str, Any] = {}
        self.errors: dict[str, Any] = {}
        self.totals: dict[str, Any] = {}
        self.nexts: dict[str, Any] = {}
        self.times: dict[str, Any] = {}

    def add(self, key: str, envelope: Mapping[str, Any]) -> None:
        self.results[key] = envelope["result"]
        self.times[key] = envelope["time"]
        if "total" in envelope:
            self.totals[key] = envelope["total"]
        if "next" in envelope:
            self.nexts[key] = envelope["next"]

    def result(self) -> dict[str, Any]:
        return {
            "result": _array(self.results),
            "result_error": _array(self.errors),
            "result_total": _array(self.totals),
            "result_next": _array(self.nexts),
            "result_time": _array(self.times),
        }


def _commands(raw: Any) -> dict[str, str]:
    if isinstance(raw, list):
        return {str(index): str(command) for index, command in enumerate(raw)}
    if isinstance(raw, Mapping):
        return {str(key): str(command) for key, command in raw.items()}
    return {}


def _array(values: dict[str, Any]) -> Any:
    """PHP serialises a map with keys 0..n-1 as a list."""
    if values and list(values) == [str(index) for index in range(len(values))]:
        return list(values.values())
    return values


def _one(portal: Portal, caller: Caller, key: str, command: str, done: _Outcome) -> None:
    name, _, query = command.partition("?")
    name = name.removesuffix(".json")
    params = _substituted(nest(parse_qsl(query, keep_blank_values=True)), done.results)
    asked = Asked(name, params, "batch", in_batch=True)
    try:
        _refuse_what_batch_cannot(portal, name, params)
        envelope = _with_faults(portal, caller, asked)
    except RestError as refusal:
        done.errors[key] = error_body(portal, refusal)
    else:
        done.add(key, envelope)


def _refuse_what_batch_cannot(portal: Portal, name: str, params: Params) -> None:
    is_upload = name.lower() == "telephony.externalcall.attachrecord" and (
        "FILE_CONTENT" in params or "RECORD_URL" in params
    )
    if name.lower() == "batch" or is_upload:
        portal.offence("not_allowed_in_batch", name)
        raise RestError(405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "Method is not allowed for batch usage")
    if str(params.get("PHONE_NUMBER", "")).startswith(" "):
        portal.offence("plus_lost_in_batch", "a plus in a query must be written as %2B")


def _with_faults(portal: Portal, caller: Caller, asked: Asked) -> dict[str, Any]:
    """Inside a batch a fault can only be an error of its command; what is about the connection is left out."""
    for fault in portal.faults.take(asked.method):
        refusal = RestError(fault.status, fault.code, fault.description)
        if fault.kind == "error_after":
            call(portal, caller, asked)
            raise refusal
        if fault.kind == "throttle":
            refusal = RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        if fault.kind == "operating":
            refusal = RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
        if fault.kind == "empty_error":
            refusal = RestError(400, "", fault.description)
        if fault.kind in {"error_before", "ok_with_error", "throttle", "operating", "empty_error"}:
            note(portal, asked, refusal.status, error=refusal.code)
            raise refusal
    return call(portal, caller, asked)


def _substituted(value: Any, results: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _substituted(inner, results) for key, inner in value.items()}
    if isinstance(value, list):
        return [_substituted(inner, results) for inner in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _look_up(whole.group(1), results)
    return _REFERENCE.sub(lambda found: str(_look_up(found.group(1), results)), value)


def _look_up(path: str, results: Any) -> Any:
    node: Any = results
    for step in _STEP.findall(path):
        if isinstance(node, Mapping) and step in node:
            node = node[step]
        elif isinstance(node, list) and step.isdigit() and int(step) < len(node):
            node = node[int(step)]
        else:
            return ""
    return node
