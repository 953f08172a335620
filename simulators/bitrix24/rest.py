"""The way of a REST request: limits, authorisation, rights, execution, envelope (bitrix24.md §2)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .clock import iso
from .errors import RestError
from .ledger import Exchange, masked
from .methods import METHODS, Caller, Listing, Params, RestMethod, known_names
from .portal import Portal


class EmptyObject:
    """Stands for `{}` where PHP would usually say `[]`: a serialised object without public fields."""


@dataclass(frozen=True)
class Asked:
    """What a request asks: the method as it was spelled, its parameters, and from which address.

    `answered` is the status and fault that the client sees instead of the true answer.
    """

    method: str
    params: Params
    source: str
    http_method: str = "POST"
    in_batch: bool = False
    answered: tuple[int | None, str] | None = None


def admit(portal: Portal, source: str) -> None:
    """Counts one hit of the source's bucket. Raises `RestError` 503 QUERY_LIMIT_EXCEEDED."""
    settings = portal.settings
    if not settings.limited:
        return
    if not portal.buckets.take(source, portal.clock(), settings.bucket_capacity, settings.bucket_leak_per_second):
        portal.offence("request_limit_exceeded", source)
        raise RestError(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")


def call(portal: Portal, caller: Caller, asked: Asked) -> dict[str, Any]:
    """Runs one method and gives the envelope. Raises `RestError`; every outcome is in the ledger."""
    started = portal.clock()
    try:
        method = _allowed(portal, caller, asked.method)
        result = _run(portal, caller, method, asked.params)
    except RestError as refusal:
        note(portal, asked, refusal.status, error=refusal.code)
        raise
    listing = result if isinstance(result, Listing) else Listing(result)
    envelope: dict[str, Any] = {"result": listing.rows}
    if listing.next_start is not None:
        envelope["next"] = listing.next_start
    if listing.total is not None:
        envelope["total"] = listing.total
    envelope["time"] = _time(portal, caller, method.name, started)
    note(portal, asked, 200, executed=True, result=listing.rows)
    return envelope


def note(
    portal: Portal,
    asked: Asked,
    status: int | None,
    *,
    error: str | None = None,
    executed: bool = False,
    result: Any = None,
) -> None:
    """Writes a request into the ledger."""
    if asked.answered is not None:
        status, error = asked.answered
    portal.ledger.write(
        Exchange(
            at=portal.clock(),
            tenant=portal.member_id,
            side="rest",
            http_method=asked.http_method,
            method=METHODS[asked.method.lower()].name if asked.method.lower() in METHODS else asked.method,
            params=masked(asked.params),
            status=status,
            error=error,
            source=asked.source,
            executed=executed,
            in_batch=asked.in_batch,
            result=masked(php(result)),
        )
    )


def php(value: Any) -> Any:
    """The value as PHP serialises it: an empty map is `[]`."""
    if isinstance(value, EmptyObject):
        return {}
    if isinstance(value, Mapping):
        return {key: php(inner) for key, inner in value.items()} if value else []
    if isinstance(value, list | tuple):
        return [php(inner) for inner in value]
    return value


def error_body(portal: Portal, refusal: RestError) -> dict[str, Any]:
    """The map of an error; some portals leave the code of business errors empty (bitrix24.md §2.3)."""
    body = refusal.body()
    if portal.settings.empty_error_codes and refusal.code == "ERROR_CORE":
        body["error"] = ""
    return body


def _allowed(portal: Portal, caller: Caller, name: str) -> RestMethod:
    method = METHODS.get(name.lower())
    if method is None:
        raise RestError(404, "ERROR_METHOD_NOT_FOUND", "Method not found!")
    if method.scopes and not set(method.scopes) & set(caller.scope):
        raise RestError(
            403, "insufficient_scope", "The request requires higher privileges than provided by the access token"
        )
    switched_off = method.telephony_switch and portal.settings.webhook_telephony == "allow"
    if method.app_only and not caller.is_app and not switched_off:
        portal.offence("webhook_where_app_is_required", method.name)
        raise RestError(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
    _check_operating(portal, caller, method.name)
    return method


def _check_operating(portal: Portal, caller: Caller, name: str) -> None:
    used = portal.operating.used(caller.app_id, name, portal.clock())
    if portal.settings.limited and used >= portal.settings.operating_limit_seconds:
        portal.offence("operating_limit_exceeded", name)
        raise RestError(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")


def _run(portal: Portal, caller: Caller, method: RestMethod, params: Params) -> Any:
    known = known_names(portal, method, params)
    lock = contextlib.nullcontext() if method.locks_itself else portal.lock
    with lock:
        return method.run(portal, caller, known)


def _time(portal: Portal, caller: Caller, name: str, started: float) -> dict[str, Any]:
    seconds = portal.operating.cost(name)
    portal.operating.charge(caller.app_id, name, portal.clock(), seconds)
    finish = max(portal.clock(), started + seconds)
    block: dict[str, Any] = {
        "start": round(started, 6),
        "finish": round(finish, 6),
        "duration": round(finish - started, 6),
        "processing": round(seconds, 6),
        "date_start": iso(started),
        "date_finish": iso(finish),
    }
    if not portal.settings.omit_operating:
        block["operating_reset_at"] = portal.operating.resets_at(caller.app_id, name, portal.clock())
        block["operating"] = round(portal.operating.used(caller.app_id, name, portal.clock()), 6)
    return block
