"""An account that was installed from the marketplace finds its workspace (amocrm.md §1.3, §1.9).

The widget shows amoCRM's one-time token; for an administrator's it gets an address here. Whoever
opens that address, logged in to the hub and allowed to connect, takes the account into their workspace.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from connectors.amocrm.hosts import host_of
from connectors.amocrm.install import Unproven
from hub.db.tables import Connection
from hub.web.amocrm import amocrm
from hub.web.amocrm.connect import refusal
from hub.web.amocrm.state import seal, spend, unseal
from hub.web.amocrm.store import VENDOR, claim
from hub.web.amocrm.visitor import admitted, for_widget, use_up
from hub.web.amocrm.words import words
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web


@amocrm.route("/widget", methods=["GET", "POST", "OPTIONS"], endpoint="visit")
@amocrm.route("/widget/claim", methods=["POST", "OPTIONS"], endpoint="claim_by_widget")
@for_widget
def visit() -> Response:
    """`{"url": …}` for an administrator of the account; 403 for everybody else. The token is good once."""
    with web().database.transaction() as session:
        guest = admitted(session)
        if not guest.visitor.is_admin:
            raise Unproven("Only an administrator of the account can do this.")
        use_up(session, guest, "amocrm_widget")
        ticket, _ = seal("claim", {"connection": guest.row.id})
    return make_response({"url": f"{web().public_url}/amocrm/claim?ticket={quote(ticket)}"})


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
