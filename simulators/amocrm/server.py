"""HTTP: reads requests, applies faults and limits, writes answers. The rules are elsewhere."""

from __future__ import annotations

import contextlib
import json
import socket
import time
import uuid
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map

from . import calls, cards, complex_leads, crm, dictionaries, links, notes, sorting, sources, tasks, unsorted, webhooks
from .account import Account, World
from .asking import Answer, Asked, routes
from .brackets import nest
from .consent import consent_location
from .control import control_pages
from .errors import Problem
from .faults import Fault
from .limits import Verdict
from .oauth import caller_of, current_subdomain, token_answer, unauthorized
from .traffic import Exchange, write

HANDLER_MODULES: tuple[ModuleType, ...] = (
    calls,
    cards,
    complex_leads,
    crm,
    dictionaries,
    links,
    notes,
    sorting,
    sources,
    tasks,
)
HANDLER_MODULES += (unsorted, webhooks)
"""Importing a module puts its routes into the table."""

_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_FORBIDDEN = "<html><head><title>403 Forbidden</title></head><body><h1>403 Forbidden</h1></body></html>"
_VERBS = ["GET", "POST", "PATCH", "DELETE", "PUT"]


def account_app(world: World, account: Account) -> Flask:
    """One account: API, token endpoint, consent page, the page for people, and the controls under `/_sim/`."""
    app = Flask(__name__)
    app.register_blueprint(control_pages(world, account))
    table = routes()

    @app.route("/api/<any(v2,v4):version>/<path:path>", methods=_VERBS)
    def api(version: str, path: str) -> Response:
        is_v4 = version == "v4" and not path.startswith("v2/")
        return _answered(world, account, table, path if is_v4 else f"{version}/{path}")

    @app.post("/oauth2/access_token")
    def token() -> Response:
        return _answered(world, account, table, "oauth2/access_token")

    @app.get("/oauth2/account/current/subdomain")
    def subdomain() -> Response:
        return _answered(world, account, table, "oauth2/account/current/subdomain")

    @app.get("/oauth")
    def consent() -> Response:
        location = consent_location(world, account, request.args.to_dict())
        if location is None:
            return Response("<h1>Интеграция не найдена</h1>", 404, content_type="text/html; charset=utf-8")
        return Response(b"", 302, headers={"Location": location})

    @app.errorhandler(HTTPException)
    def unknown(error: HTTPException) -> Response:
        return _problem(Problem(error.code or 404))

    return app


def _answered(world: World, account: Account, table: Map, path: str) -> Response:
    asked = _read(world, account, path)
    planned = _planned(account, asked)
    if planned is None:
        return _executed(world, account, table, asked, None)
    # What the client sees is in the ledger before the client sees it: a test reads both.
    if planned.kind.endswith("_after"):
        _executed(world, account, table, asked, planned)
    else:
        write(account, asked, planned.answers, executed=False, error=planned.kind)
    return _refusal(account, planned)


def _read(world: World, account: Account, path: str) -> Exchange:
    """The request for the ledger and the rules; the body is always read, so that the connection stays in step."""
    raw = request.get_data()
    body: Any = None
    if raw:
        with contextlib.suppress(ValueError):
            body = json.loads(raw)
        if body is None and path.startswith("oauth2/"):
            account.offence("oauth_not_json", request.content_type or "")
            body = dict(parse_qsl(raw.decode("utf-8", "replace")))
        if not request.is_json and not path.startswith("oauth2/"):
            account.offence("not_json", f"{request.method} {path}: {request.content_type}")
    grant = world.grant_of_access(_bearer())
    if "access_token" in request.args:
        account.offence("token_in_url", path)
    client = str(body.get("client_id", "")) if isinstance(body, dict) and path.startswith("oauth2/") else ""
    query = nest(request.args.items(multi=True))
    if grant is None:
        return Exchange(request.method, path, query, body, client)
    return Exchange(request.method, path, query, body, grant.client_id, grant.user_id)


def _planned(account: Account, asked: Exchange) -> Fault | None:
    """The refusal that this request meets; delays before it happen here, while no lock is held."""
    refusal: Fault | None = None
    for fault in account.faults.take(asked.verb, asked.path):
        if fault.kind == "delay":
            time.sleep(fault.seconds or 0.0)
        else:
            refusal = fault
    return refusal


def _executed(world: World, account: Account, table: Map, asked: Exchange, fault: Fault | None) -> Response:
    """Runs the rules. With a fault the answer is thrown away, and the ledger has what the client gets instead."""
    try:
        _admit(account, asked)
        answer = _run(world, account, table, asked)
    except Problem as problem:
        status = fault.answers if fault else problem.status
        write(account, asked, status, executed=False, error=problem.detail)
        return _problem(problem, account)
    status, error = (fault.answers, fault.kind) if fault else (answer.status, "")
    write(account, asked, status, executed=answer.status < 400, error=error)
    return _hal(answer)


def _run(world: World, account: Account, table: Map, asked: Exchange) -> Answer:
    if asked.path == "oauth2/account/current/subdomain":
        return Answer(current_subdomain(world, request.headers.get("X-Refresh-Token", "")))
    if _is_old_address(account):
        raise Problem(404, "Account not found")
    if asked.path.startswith("oauth2/"):
        return Answer(token_answer(world, account, asked.body if isinstance(asked.body, dict) else {}))
    caller = caller_of(world, account, _bearer(), request.headers.get("X-Context-User-ID"))
    if not account.settings.paid:
        raise Problem(402, "Account is not paid")
    handler, parts = _handler(table, asked)
    if request.content_length and asked.body is None:
        raise Problem(400, "Invalid JSON")
    with account.lock:
        answer: Answer = handler(account, Asked(asked.verb, asked.path, caller, dict(asked.query), asked.body), **parts)
        return answer


def _handler(table: Map, asked: Exchange) -> tuple[Any, dict[str, Any]]:
    try:
        handler, parts = table.bind("account").match(f"/{asked.path}", asked.verb)
    except HTTPException as unknown:
        raise Problem(unknown.code if unknown.code in (404, 405) else 404) from None
    return handler, dict(parts)


def _admit(account: Account, asked: Exchange) -> None:
    settings = account.settings
    if not settings.limited:
        return
    by_ip = settings.limit_by == "ip" or not asked.client_id
    who = f"ip {request.remote_addr}" if by_ip else f"client {asked.client_id}"
    limits = {who: settings.integration_per_second, f"account {account.id}": settings.account_per_second}
    verdict: Verdict = account.gate.admit(
        account.clock(), limits, who, patience=settings.abuse_patience, ban_seconds=settings.ban_seconds
    )
    if verdict == "too_many":
        account.offence("rate_limit_exceeded", f"{asked.verb} {asked.path}")
        raise Problem(429, "You have exceeded the request limit", retry_after=settings.retry_after_seconds)
    if verdict == "banned":
        account.offence("asked_while_banned", f"{asked.verb} {asked.path}")
        raise Problem(403, "banned")


def _refusal(account: Account, fault: Fault) -> Response:
    match fault.kind:
        case "drop_before" | "drop_after":
            return _hang_up()
        case "html_502" | "html_502_after":
            return Response(_BAD_GATEWAY, 502, content_type="text/html")
        case "throttle":
            return _problem(Problem(429, retry_after=account.settings.retry_after_seconds), account)
        case "block":
            return _problem(Problem(403, "banned"))
        case "unauthorized":
            return _problem(unauthorized())
        case "no_content":
            return Response(b"", 204)
        case "redirect":
            return Response(b"", 302, headers={"Location": fault.location})
        case "unpaid":
            return _problem(Problem(402, "Account is not paid"))
        case _:
            return _problem(Problem(fault.status, "An unknown error occurred."))


def _hang_up() -> Response:
    """Closes the connection; what the server then writes goes nowhere."""
    connection = request.environ["werkzeug.socket"]
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    return Response(b"", 500, headers={"Connection": "close"})


def _problem(problem: Problem, account: Account | None = None) -> Response:
    if problem.detail == "banned":
        return Response(_FORBIDDEN, 403, content_type="text/html")
    if problem.status == 429 and account is not None and account.settings.too_many_form == "text":
        return Response("Too many requests", 429, content_type="text/plain")
    return _json(problem.status, problem.body(), "application/problem+json")


def _hal(answer: Answer) -> Response:
    if answer.body is None:
        empty = _named(Response(b"", answer.status))
        del empty.headers["Content-Type"]
        return empty
    kind = "application/problem+json" if answer.status >= 400 else "application/hal+json"
    return _json(answer.status, answer.body, kind)


def _json(status: int, body: Any, kind: str) -> Response:
    return _named(Response(json.dumps(body, ensure_ascii=False), status, content_type=kind))


def _named(response: Response) -> Response:
    response.headers["X-Request-Id"] = uuid.uuid4().hex
    return response


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _is_old_address(account: Account) -> bool:
    return int(request.environ["SERVER_PORT"]) in account.old_ports
