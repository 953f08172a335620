"""Who asks from the widget: proven by amoCRM's one-time token, heard by the account's own pages (amocrm.md §1.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import structlog
from flask import Response, make_response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.amocrm.hosts import host_of, is_account
from connectors.amocrm.install import Unproven, WidgetVisitor, widget_visitor
from connectors.amocrm.jwt import account_id_of, claims_of
from hub.db.tables import Connection
from hub.web.amocrm.reach import is_opened_host
from hub.web.amocrm.state import spend
from hub.web.amocrm.store import VENDOR, account_of, connections_of, keys_of
from hub.web.services import web

log = structlog.get_logger()
_LONGEST_TOKEN = 8192
_NOT_GENUINE = "The widget's token is not genuine, or its account is not installed."


@dataclass(frozen=True, slots=True)
class Guest:
    """A user of an account, and the connection of that account."""

    row: Connection
    visitor: WidgetVisitor


def admitted(session: Session) -> Guest:
    """Who sent this request. Raises `Unproven`."""
    token = request.headers.get("X-Auth-Token", "")
    if len(token) <= _LONGEST_TOKEN:
        for row in _candidates(session, token):
            visitor = _visitor(token, row)
            if visitor is not None and account_of(session, row) == visitor.account_id:
                return Guest(row, visitor)
    raise Unproven(_NOT_GENUINE)


def use_up(session: Session, guest: Guest, action: str) -> None:
    """Let the token do this once. Raises `Unproven` for a second time."""
    if not spend(session, guest.row.workspace_id, action, guest.visitor.token_id):
        raise Unproven("This token was used already. Try again.")


def _candidates(session: Session, token: str) -> list[Connection]:
    """The connections that the token, still unproven, may be about: of that account, else of that integration."""
    account_id = account_id_of(token)
    of_account = select(Connection).where(
        Connection.vendor == VENDOR, Connection.settings["account_id"].as_string() == account_id
    )
    found = list(session.scalars(of_account)) if account_id else []
    return found or connections_of(session, str(claims_of(token).get("client_uuid") or ""))


def _visitor(token: str, row: Connection) -> WidgetVisitor | None:
    try:
        return widget_visitor(token, keys_of(row), web().services.now())
    except Unproven:
        return None


# --- Answers ------------------------------------------------------------------------------------------


def for_widget(view: Callable[[], Response]) -> Callable[[], Response]:
    """An address for the widget: it answers the browser's question first, and refuses whom nobody has proven."""

    @wraps(view)
    def answered() -> Response:
        if request.method == "OPTIONS":
            return _heard(make_response("", 204))
        try:
            return _heard(view())
        except Unproven as refused:
            log.warning("amocrm_widget_refused", why=refused.message[:200])
            return _heard(make_response({"error": refused.message, "reason": "refused"}, 403))

    return answered


def _heard(answer: Response) -> Response:
    """The widget runs on the account's own site, or on a stand-in's that the operator opened, and nowhere else."""
    origin = request.headers.get("Origin", "")
    host = host_of(origin)
    is_vendors = origin.startswith("https://") and is_account(host)
    if is_vendors or (origin.startswith("http://") and is_opened_host(host)):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Headers"] = "X-Auth-Token, Content-Type"
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        answer.headers["Access-Control-Max-Age"] = "600"
    answer.headers["Vary"] = "Origin"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
