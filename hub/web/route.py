"""`/route/<token>`: who should get this caller? A raw WSGI function in front of Flask, for a telephone is ringing.

Whoever has a valid token gets 200 whatever is missing or broken behind it: a dialplan that reads an
error page as an extension would drop the call (interface.md §5).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from hub.db.engine import Database
from hub.db.tables import ApiKey, Connection, Workspace
from hub.routing.decide import Decision, Reason
from hub.routing.desk import Asker, Question, RouteDesk

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = structlog.get_logger()

PREFIX = "/route/"
TTL_SECONDS = 30
"""How long a dialplan may use an answer again."""
SCOPE = "routing:read"
EVERY_PBX = "*"
_BODY_CAP_BYTES = 64 * 1024
_REMEMBERED_SECONDS = 5.0
_MOST_REMEMBERED = 1000
_LONGEST_TEXT = 200
_TEXT, _JSON = "text/plain; charset=utf-8", "application/json"
_REASONS = {200: "200 OK", 403: "403 Forbidden", 404: "404 Not Found", 405: "405 Method Not Allowed"}
_NOBODY: Mapping[str, Any] = {"extension": None, "reason": str(Reason.DEFAULT)}

Names = Mapping[str, str]


class RouteDoor:
    """The door to a `RouteDesk`: finds out who asks, and speaks text or JSON."""

    def __init__(self, database: Database, desk: RouteDesk) -> None:
        self._database = database
        self._desk = desk
        self._askers: dict[tuple[str, str], tuple[float, Asker | int]] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        status, document = self._answer(environ)
        as_text = _wants_text(environ)
        body = _as_text(document) if as_text else json.dumps(document, ensure_ascii=False).encode()
        headers = [
            ("Content-Type", _TEXT if as_text else _JSON),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ]
        start_response(_REASONS[status], headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _answer(self, environ: WSGIEnvironment) -> tuple[int, Mapping[str, Any]]:
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD", "POST"}:
            return 405, {**_NOBODY, "error": "ask with GET or POST"}
        names = _names(environ)
        asker = self._asker(_token(environ), names.get("connection", ""))
        if isinstance(asker, int):
            return asker, {**_NOBODY, "error": "not found" if asker == 404 else f"the key lacks the scope {SCOPE}"}
        if asker is None:
            return 200, _NOBODY
        return 200, document(self._desk.answer(asker, _question(names)))

    def _asker(self, token: str, connection: str) -> Asker | int | None:
        """Who asks, a status for a stranger, or None when the database does not say in time."""
        key = (hashlib.sha256(token.encode()).hexdigest(), connection)
        known = self._askers.get(key)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        try:
            found = self._desk.in_time(lambda: self._read_asker(*key))
        except (SQLAlchemyError, TimeoutError) as error:
            log.warning("route_asker_unread", error=type(error).__name__)
            return known[1] if known is not None else None
        if len(self._askers) >= _MOST_REMEMBERED:
            self._askers.clear()
        self._askers[key] = (time.monotonic() + _REMEMBERED_SECONDS, found)
        return found

    def _read_asker(self, digest: str, connection: str) -> Asker | int:
        with self._database.reading() as session:
            pbx = session.execute(
                select(Connection, Workspace)
                .join(Workspace, Workspace.id == Connection.workspace_id)
                .where(Connection.hook_token_hash == digest)
            ).one_or_none()
            if pbx is not None:
                row, workspace = pbx
                return Asker(workspace.id, row.id, row.name, workspace.region)
            return _asker_of_key(session, digest, connection)


def _asker_of_key(session: Session, digest: str, connection: str) -> Asker | int:
    """A program asks for the PBX that it names, else for whatever extension a person has on every PBX."""
    found = session.execute(
        select(ApiKey, Workspace).join(Workspace, Workspace.id == ApiKey.workspace_id).where(ApiKey.key_hash == digest)
    ).one_or_none()
    if found is None:
        return 404
    key, workspace = found
    if SCOPE not in key.scopes:
        return 403
    named = session.scalar(
        select(Connection).where(Connection.workspace_id == workspace.id, Connection.name == connection)
    )
    pbx_id, pbx_name = (named.id, named.name) if named is not None else (None, EVERY_PBX)
    return Asker(workspace.id, pbx_id, pbx_name, workspace.region, by="key")


def document(decision: Decision) -> dict[str, Any]:
    """The answer as interface.md §5 has it; nobody is said with two fields, or with who it is that nobody may get."""
    party = decision.party
    known = {} if party is None else {"party": {"kind": party.kind, "id": party.id, "name": party.name}}
    if decision.extension is None:
        vip = {"vip": True} if decision.vip else {}
        return {"extension": None, "reason": str(decision.reason), **vip, **known}
    return {
        "extension": decision.extension,
        "user": decision.name,
        "reason": str(decision.reason),
        "vip": decision.vip,
        "party": known.get("party"),
        "ttl": TTL_SECONDS,
    }


def _as_text(document: Mapping[str, Any]) -> bytes:
    return str(document["extension"] or "").encode()


# --- Reading the request ---------------------------------------------------------------------------


def _token(environ: Mapping[str, Any]) -> str:
    """What stands in the address, or the key in the header Authorization."""
    kind, _, bearer = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
    in_address: str = environ.get("PATH_INFO", "")[len(PREFIX) :].split("/")[0]
    return bearer.strip() if kind.lower() == "bearer" and not in_address else in_address


def _names(environ: Mapping[str, Any]) -> Names:
    """What the query and the body say; a body that cannot be read says nothing."""
    found = dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True, errors="replace"))
    if environ["REQUEST_METHOD"] == "POST":
        found.update(_body(environ))
    return {name: _clean(value) for name, value in found.items()}


def _body(environ: Mapping[str, Any]) -> Names:
    announced = environ.get("CONTENT_LENGTH") or ""
    size = min(int(announced), _BODY_CAP_BYTES) if announced.isdigit() else 0
    text = environ["wsgi.input"].read(size).decode(errors="replace") if size else ""
    if "json" not in (environ.get("CONTENT_TYPE") or "").lower():
        return dict(parse_qsl(text, keep_blank_values=True, errors="replace"))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {str(name): str(one) for name, one in value.items()} if isinstance(value, dict) else {}


def _clean(text: str) -> str:
    return "".join(character for character in text[:_LONGEST_TEXT] if character.isprintable()).strip()


def _question(names: Names) -> Question:
    waits = names.get("wait", "")
    return Question(
        caller=names.get("caller", ""),
        line=names.get("line") or None,
        call_key=names.get("call_id") or None,
        wait_seconds=int(waits) / 1000 if waits.isdecimal() and len(waits) <= 5 else 0.0,
    )


def _wants_text(environ: Mapping[str, Any]) -> bool:
    """Dialplans ask for text; who asks for both, or for anything, gets JSON."""
    query = environ.get("QUERY_STRING", "")
    if "format=text" in query.split("&"):
        return True
    accepted = str(environ.get("HTTP_ACCEPT", "")).lower()
    return "text/plain" in accepted and "json" not in accepted
