"""`/bitrix24/install` and `/bitrix24/app`: what the portal opens in its frame (bitrix24.md §1.2, §1.3)."""

from __future__ import annotations

from flask import request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale  # type: ignore[import-untyped]

from connectors.bitrix24.application import Unproven, claim_of_frame
from connectors.bitrix24.hosts import origin_of
from hub.db.tables import Connection
from hub.domain.errors import Unreachable
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.connect import come_back
from hub.web.bitrix24.events import take_event
from hub.web.bitrix24.frame import framed_page, refusal_page, shown_moment
from hub.web.bitrix24.installing import install_for
from hub.web.bitrix24.launch import new_ticket
from hub.web.bitrix24.overview import overview_of
from hub.web.bitrix24.people import table_for
from hub.web.bitrix24.store import connections_of, has_tokens, keep_address
from hub.web.bitrix24.trust import Visitor, verified
from hub.web.bitrix24.words import language_of
from hub.web.services import web


@bitrix24.route("/install", methods=["GET", "POST"])
def install() -> ResponseReturnValue:
    """The installer: verify, keep, bind the events, and let the page tell the portal that it is done.

    An application without pages posts its installation here as an event; a browser that comes back
    from the consent of the authorization-code flow comes here too, as the application's settings say.
    """
    if request.method != "POST":
        return come_back() if {"code", "error"} & request.args.keys() else _outside()
    body = request.get_data(cache=True)
    if "event" in request.form:
        return take_event(body)
    visitor = _visitor()
    if not isinstance(visitor, Visitor):
        return visitor
    try:
        install_for(visitor)
    except Unproven as refusal:
        return refusal_page("refused", status=403, words=refusal.message, hint=refusal.hint)
    return framed_page(
        "bitrix24/install.html",
        portal=origin_of(visitor.proof.client_endpoint),
        language=language_of(visitor.claim.language),
        domain=visitor.proof.domain,
    )


@bitrix24.route("/app", methods=["GET", "POST"])
def app_page() -> ResponseReturnValue:
    """How the connection is, and the way into the hub. An administrator's first visit installs, if nothing has yet."""
    if request.method != "POST":
        return come_back() if {"code", "error"} & request.args.keys() else _outside()
    body = request.get_data(cache=True)
    if "event" in request.form:
        return take_event(body)
    visitor = _visitor()
    if not isinstance(visitor, Visitor):
        return visitor
    try:
        connection_id = _connection(visitor)
    except Unproven as refusal:
        return refusal_page("refused", status=403, words=refusal.message, hint=refusal.hint)
    return _app_page(visitor, connection_id)


def _outside() -> ResponseReturnValue:
    return refusal_page("outside", status=200)


def _visitor() -> Visitor | ResponseReturnValue:
    """Who opened the page, proven; else the page that says why not."""
    claim = claim_of_frame(request.args.to_dict(), request.form.to_dict())
    if claim is None:
        return refusal_page("outside", status=400)
    try:
        return verified(claim)
    except Unproven as refusal:
        return refusal_page("refused", status=403, words=refusal.message, hint=refusal.hint)
    except Unreachable as error:
        return refusal_page("later", status=503, words=error.message)


def _connection(visitor: Visitor) -> int:
    """The portal's connection; a renamed portal's new address is kept, a missing installation made good."""
    with web().database.transaction() as session:
        rows = [row for row in connections_of(session, visitor.proof.member_id) if _is_same(row, visitor)]
        for row in rows:
            keep_address(row, visitor.proof)
        if rows and has_tokens(session, rows[0].id) and rows[0].state != "needs_reconnect":
            return rows[0].id
    if visitor.user.is_admin is not False:
        return install_for(visitor).connection_id
    if rows:
        return rows[0].id
    raise Unproven("Only an administrator of the portal can install the application.")


def _is_same(row: Connection, visitor: Visitor) -> bool:
    return (row.secrets or {}).get("client_id") == visitor.proof.client_id


def _app_page(visitor: Visitor, connection_id: int) -> ResponseReturnValue:
    language = language_of(visitor.claim.language)
    with web().database.reading() as session:
        overview = overview_of(session, connection_id)
    role = role_of(visitor, overview.installed_by, owns_workspace=overview.owns_workspace)
    member_id, user_id = visitor.proof.member_id, visitor.user.id
    with force_locale(language):
        table = table_for(connection_id, member_id, user_id, language, may_change=role != "agent")
    return framed_page(
        "bitrix24/app.html",
        portal=origin_of(visitor.proof.client_endpoint),
        language=language,
        view=overview,
        table=table,
        moments={
            "event": shown_moment(overview.last_event_at, overview.zone, language),
            "written": shown_moment(overview.last_success_at, overview.zone, language),
        },
        visitor=visitor.user,
        is_admin=role != "agent",
        is_installed=visitor.proof.installed,
        ticket=new_ticket(connection_id, visitor.user.id, role, language),
    )


def role_of(visitor: Visitor, installed_by: str, *, owns_workspace: bool) -> str:
    """The portal's administrators administer here, too; whoever installed owns a workspace made for the portal."""
    is_installer = bool(installed_by) and visitor.user.id == installed_by
    if not visitor.user.is_admin and not (visitor.user.is_admin is None and is_installer):
        return "agent"
    return "owner" if is_installer and owns_workspace else "admin"
