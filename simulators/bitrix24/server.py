"""HTTP: reads requests, applies faults, writes answers. The rules are elsewhere."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterable
from dataclasses import replace
from types import ModuleType
from typing import Any

from flask import Flask, Response, redirect, request

from . import (
    activities,
    basics,
    batch,
    cards,
    crm,
    directories,
    events,
    finishing,
    items,
    lines,
    people,
    placements,
    statistics,
    telephony,
)
from .auth import caller_of_token, caller_of_webhook
from .auth_server import app_info, authorize_location, token_answer
from .brackets import nest
from .control import control_pages
from .errors import RestError
from .faults import Fault
from .ledger import Exchange, masked
from .methods import Caller
from .portal import Portal
from .records import take_upload
from .rest import Asked, admit, call, error_body, note, php
from .tenants import Tenants

METHOD_MODULES: tuple[ModuleType, ...] = (activities, basics, batch, cards, crm, directories, events, finishing)
METHOD_MODULES += (items, lines, people, placements, statistics, telephony)
"""Importing a module puts its methods into the table."""

_BAD_GATEWAY = (
    "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


def portal_app(tenants: Tenants) -> Flask:
    """The portals: REST, the consent page, the page for people, and the controls under `/_sim/`."""
    app = Flask(__name__)
    app.register_blueprint(control_pages(tenants))

    @app.route("/rest/<path:path>", methods=["GET", "POST"])
    def rest(path: str) -> Response:
        portal = tenants.by_host(request.host)
        if portal is None:
            return _json(404, {"error": "PORTAL_NOT_FOUND", "error_description": "No such portal here"})
        if _is_old_address(portal):
            return _moved(f"{portal.base_url}{request.full_path.rstrip('?')}")
        return _answer_with_faults(portal, path)

    @app.get("/oauth/authorize/")
    def authorize() -> Response:
        portal = tenants.by_host(request.host)
        return _authorize([portal] if portal else [])

    return app


def auth_app(tenants: Tenants) -> Flask:
    """The auth server."""
    app = Flask(__name__)

    @app.route("/oauth/token/", methods=["GET", "POST"])
    def token() -> Response:
        return _auth_answer(tenants, "oauth/token", lambda: token_answer(tenants, request.args.to_dict()))

    @app.route("/rest/app.info", methods=["GET", "POST"])
    @app.route("/rest/app.info.json", methods=["GET", "POST"])
    def info() -> Response:
        return _auth_answer(tenants, "oauth/app.info", lambda: app_info(tenants, request.values.get("auth", "")))

    @app.get("/oauth/authorize/")
    def authorize() -> Response:
        return _authorize(tenants.portals)

    return app


def _answer_with_faults(portal: Portal, path: str) -> Response:
    asked, credentials = _asked(portal, path)
    planned = _planned(portal, asked.method)
    if planned is None:
        return _execute(portal, asked, credentials)
    # What the client sees is in the ledger before the client sees it: a test reads both.
    if planned.kind.endswith("_after"):
        _execute(portal, replace(asked, answered=(_refusal_status(planned), planned.kind)), credentials)
    else:
        note(portal, asked, _refusal_status(planned), error=planned.kind)
    return _refusal(planned, path)


def _planned(portal: Portal, method: str) -> Fault | None:
    """The refusal that this request meets; delays before it happen here, while no lock is held."""
    refusal: Fault | None = None
    for fault in portal.faults.take(method):
        if fault.kind == "delay":
            time.sleep(fault.seconds or 0.0)
        else:
            refusal = fault
    return refusal


def _execute(portal: Portal, asked: Asked, credentials: tuple[str, ...]) -> Response:
    try:
        admit(portal, asked.source)
        caller = _caller(portal, asked, credentials)
        if asked.method == "upload":
            return _json(200, {"result": _upload(portal, asked), "time": {}})
    except RestError as refusal:
        note(portal, asked, refusal.status, error=refusal.code)
        return _json(refusal.status, error_body(portal, refusal))
    try:
        return _json(200, call(portal, caller, asked))
    except RestError as refusal:
        return _json(refusal.status, error_body(portal, refusal))


def _upload(portal: Portal, asked: Asked) -> dict[str, Any]:
    file = request.files.get("file")
    result = take_upload(
        portal, request.args.get("token", ""), file.filename if file else None, file.read() if file else b""
    )
    note(portal, asked, 200, executed=True, result=result)
    return result


def _caller(portal: Portal, asked: Asked, credentials: tuple[str, ...]) -> Caller:
    try:
        with portal.lock:
            if credentials:
                return caller_of_webhook(portal, *credentials)
            return caller_of_token(portal, str(asked.params.get("auth") or ""))
    except RestError:
        if asked.method == "upload":
            portal.offence("upload_to_stale_url", "the token inside the address is dead")
        raise


def _asked(portal: Portal, path: str) -> tuple[Asked, tuple[str, ...]]:
    *credentials, name = path.strip("/").split("/")
    method = name.removesuffix(".json")
    if "auth" in request.args and method.lower() != "upload":
        portal.offence("token_in_url", method)
    params = nest(_pairs(request.args.items(multi=True))) | _body(portal, method)
    asked = Asked(method, params, request.remote_addr or "", request.method)
    is_webhook = len(credentials) == 2
    return asked, tuple(credentials) if is_webhook else ()


def _body(portal: Portal, method: str) -> dict[str, Any]:
    if not request.is_json:
        return nest(_pairs(request.form.items(multi=True)))
    if request.method == "GET":
        portal.offence("json_on_get", method)
        return {}
    with contextlib.suppress(ValueError):
        document = json.loads(request.get_data() or b"{}")
        return document if isinstance(document, dict) else {}
    portal.offence("malformed_json", method)
    return {}


def _pairs(items: Iterable[tuple[str, str]]) -> list[tuple[str, Any]]:
    return [(name, value) for name, value in items]


def _refusal(fault: Fault, path: str) -> Response:
    match fault.kind:
        case "drop_before" | "drop_after":
            return _hang_up()
        case "html_502" | "html_502_after":
            return Response(_BAD_GATEWAY, 502, content_type="text/html")
        case "redirect":
            return _moved(fault.location or f"https://moved.example/rest/{path}")
        case "throttle":
            return _error(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")
        case "operating":
            return _error(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
        case "empty_error":
            return _error(400, "", fault.description)
        case "empty":
            return Response('{"result": []}', content_type="application/json")
        case "ok_with_error":
            return _error(200, fault.code, fault.description)
        case _:
            return _error(fault.status, fault.code, fault.description)


def _refusal_status(fault: Fault) -> int | None:
    """The status that a fault answers with; None for a closed connection."""
    fixed = {"redirect": 302, "throttle": 503, "operating": 429, "empty_error": 400, "ok_with_error": 200, "empty": 200}
    fixed |= {"html_502": 502, "html_502_after": 502}
    return None if fault.kind.startswith("drop") else fixed.get(fault.kind, fault.status)


def _hang_up() -> Response:
    """Closes the connection; what the server then writes goes nowhere."""
    connection = request.environ["werkzeug.socket"]
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(b"", 500, headers={"Connection": "close"})


def _auth_answer(tenants: Tenants, name: str, work: Any) -> Response:
    portal = next(
        (one for one in tenants.portals if one.app.client_id == request.values.get("client_id")), tenants.portals[0]
    )
    planned = _planned(portal, name)
    if planned and not planned.kind.endswith("_after"):
        _note_auth(portal, name, _refusal_status(planned), planned.kind)
        return _refusal(planned, name)
    try:
        body = work()
    except RestError as refusal:
        _note_auth(portal, name, refusal.status, refusal.code)
        return _json(refusal.status, refusal.body())
    if planned:
        _note_auth(portal, name, _refusal_status(planned), planned.kind, executed=True)
        return _refusal(planned, name)
    _note_auth(portal, name, 200, None, executed=True)
    return _json(200, body)


def _note_auth(portal: Portal, name: str, status: int | None, error: str | None, *, executed: bool = False) -> None:
    entry = Exchange(
        at=portal.clock(),
        tenant=portal.member_id,
        side="auth",
        http_method=request.method,
        method=name,
        params=masked(request.values.to_dict()),
        status=status,
        error=error,
        source=request.remote_addr or "",
        executed=executed,
    )
    portal.ledger.write(entry)


def _authorize(portals: list[Portal]) -> Response:
    for portal in portals:
        user_id = next(user.id for user in portal.users.values() if user.admin)
        location = authorize_location(portal, request.args.to_dict(), int(request.args.get("user_id", user_id)))
        if location:
            return _moved(location)
    return Response("<h1>Приложение не установлено</h1>", 200, content_type="text/html; charset=utf-8")


def _is_old_address(portal: Portal) -> bool:
    ports = {name.rpartition(":")[2] for name in portal.old_domains}
    return request.host in portal.old_domains or request.host.rpartition(":")[2] in ports


def _moved(location: str) -> Response:
    answer = redirect(location, 302)
    return Response(answer.get_data(), 302, headers={"Location": location})


def _error(status: int, code: str, description: str) -> Response:
    return _json(status, {"error": code, "error_description": description})


def _json(status: int, body: Any) -> Response:
    return Response(
        json.dumps(php(body), ensure_ascii=False, default=str), status, content_type="application/json; charset=utf-8"
    )
