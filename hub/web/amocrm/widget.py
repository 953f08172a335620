"""An account that was installed from the marketplace finds its workspace (amocrm.md §1.3, §1.9).

The widget shows amoCRM's one-time token; for an administrator's it gets an address here. Whoever
opens that address, logged in to the hub and allowed to connect, takes the account into their workspace.
"""

from __future__ import annotations

from urllib.parse import quote

import structlog
from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from connectors.amocrm.hosts import host_of, is_account
from connectors.amocrm.install import Unproven, WidgetVisitor, client_of_widget_token, widget_visitor
from hub.db.tables import Connection
from hub.web.amocrm import amocrm
from hub.web.amocrm.connect import refusal
from hub.web.amocrm.state import seal, spend, unseal
from hub.web.amocrm.store import VENDOR, account_of, claim, connections_of, keys_of
from hub.web.amocrm.words import words
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

log = structlog.get_logger()


@amocrm.route("/widget", methods=["GET", "POST", "OPTIONS"])
def visit() -> Response:
    """`{"url": …}` for an administrator of the account; 403 for everybody else. The token is good once."""
    if request.method == "OPTIONS":
        return _for_the_widget(make_response("", 204))
    try:
        address = _address(request.headers.get("X-Auth-Token", ""))
    except Unproven as refused:
        log.warning("amocrm_widget_refused", why=refused.message[:200])
        return _for_the_widget(make_response({"error": refused.message}, 403))
    return _for_the_widget(make_response({"url": address}))


def _for_the_widget(answer: Response) -> Response:
    """The widget runs on the account's own site, and on no other."""
    origin = request.headers.get("Origin", "")
    if origin.startswith("https://") and is_account(host_of(origin)):
        answer.headers["Access-Control-Allow-Origin"] = origin
        answer.headers["Access-Control-Allow-Headers"] = "X-Auth-Token, Content-Type"
        answer.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
    answer.headers["Vary"] = "Origin"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _address(token: str) -> str:
    client_id = client_of_widget_token(token)
    with web().database.transaction() as session:
        for row in connections_of(session, client_id):
            visitor = _visitor(token, row)
            if visitor is None or account_of(session, row) != visitor.account_id:
                continue
            if not visitor.is_admin:
                raise Unproven("Only an administrator of the account can do this.")
            if not spend(session, row.workspace_id, "amocrm_widget", visitor.token_id):
                raise Unproven("This token was used already. Open the widget again.")
            ticket, _ = seal("claim", {"connection": row.id})
            return f"{web().public_url}/amocrm/claim?ticket={quote(ticket)}"
    raise Unproven("The widget's token is not genuine, or its account is not installed.")


def _visitor(token: str, row: Connection) -> WidgetVisitor | None:
    try:
        return widget_visitor(token, keys_of(row), web().services.now())
    except Unproven:
        return None


@amocrm.get("/claim")
@needs(Right.CONNECT)
def ask() -> ResponseReturnValue:
    """Whose account is about to be taken into which workspace: a person must have seen it."""
    facts = unseal("claim", request.args.get("ticket", ""))
    with web().database.reading() as session:
        row = session.get(Connection, facts["connection"]) if facts else None
    if row is None or row.vendor != VENDOR:
        return refusal("again", 400)
    account = host_of(str(row.settings.get("base_url", "")))
    return render_template("amocrm/claim.html", say=words(), account=account, ticket=request.args["ticket"])


@amocrm.post("/claim")
@needs(Right.CONNECT)
def take() -> ResponseReturnValue:
    """Take the account into this person's workspace."""
    facts = unseal("claim", request.form.get("ticket", ""))
    if facts is None:
        return refusal("again", 400)
    workspace_id = this_person().workspace_id
    try:
        with web().database.transaction() as session:
            row = session.get(Connection, facts["connection"], with_for_update=True)
            if row is None or not spend(session, workspace_id, "amocrm_claim", facts["nonce"]):
                return refusal("again", 400)
            claim(session, row, workspace_id)
    except Unproven as refused:
        return refusal("refused", 403, refused.message, refused.hint)
    flash(words()["connected"], "good")
    return redirect(url_for("pages.connection", connection_id=facts["connection"]), code=303)
