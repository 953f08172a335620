"""What the widget shows and does: state, a card's calls and visit, incoming calls, click-to-call."""

from __future__ import annotations

from flask import Response, make_response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.amocrm.events import click
from hub.db.tables import Connection, Workspace
from hub.domain.errors import DeliveryError
from hub.domain.phone import parse_phone
from hub.web.amocrm import amocrm
from hub.web.amocrm.people import telephones_of
from hub.web.amocrm.shown import calls_of, is_talking, phones_of_card, ringing_for
from hub.web.amocrm.store import is_waiting
from hub.web.amocrm.visitor import Guest, admitted, for_widget, use_up
from hub.web.services import web
from webhooks.contract import InboxItem
from webhooks.inbox import InboxUnavailable


@amocrm.route("/widget/state", methods=["GET", "OPTIONS"])
@for_widget
def state() -> Response:
    """How the connection stands."""
    with web().database.reading() as session:
        guest = admitted(session)
        row = guest.row
        found: dict[str, object] = {"state": "active" if row.state == "active" else "stopped"}
        if is_waiting(session, row):
            found["state"] = "unclaimed"
        elif row.state != "active":
            found |= {"reason": row.state_reason, "mend": row.state_mend}
    return make_response(found)


@amocrm.route("/widget/visit", methods=["GET", "OPTIONS"])
@for_widget
def card() -> Response:
    """The newest calls with the client of a card, `?kind=lead&id=7700`, and the visits they came from."""
    with web().database.reading() as session:
        guest = admitted(session)
    try:
        phones = phones_of_card(guest.row.id, request.args.get("kind", ""), request.args.get("id", ""))
    except DeliveryError as error:
        return _refused("later", error.message, 503)
    with web().database.reading() as session:
        return make_response({"calls": calls_of(session, guest.row.workspace_id, phones)})


@amocrm.route("/widget/ringing", methods=["GET", "OPTIONS"])
@for_widget
def ringing() -> Response:
    """The calls that ring at this user's telephone now."""
    with web().database.reading() as session:
        guest = admitted(session)
        return make_response({"items": ringing_for(session, guest.row, guest.visitor.user_id)})


@amocrm.route("/widget/call", methods=["POST", "OPTIONS"])
@amocrm.route("/click-to-call", methods=["POST", "OPTIONS"], endpoint="click_to_call")
@for_widget
def call() -> Response:
    """Ring this user's telephone, then `{"phone": …}`: 202, or a `reason` why not. The token is good once."""
    document = request.get_json(silent=True)
    given = document if isinstance(document, dict) else {}
    with web().database.transaction() as session:
        guest = admitted(session)
        region = session.get_one(Workspace, guest.row.workspace_id).region
        client = parse_phone(str(given.get("phone") or "")[:64], region)
        if client is None or client.e164 is None:
            return _refused("bad_number", "This number cannot be called.", 422)
        reason = _why_not(session, guest)
        if reason:
            return _refused(reason, "This call cannot be made.", 409)
        use_up(session, guest, "amocrm_click")
    item = click(client, guest.visitor.user_id, guest.visitor.account_id, guest.visitor.token_id)
    if not _is_kept(guest.row.id, item):
        return _refused("later", "Not kept, please try again.", 503)
    return make_response({"status": "ok"}, 202)


def _is_kept(connection_id: int, item: InboxItem) -> bool:
    keep = web().services.keep
    try:
        if keep is not None:
            keep(connection_id, [item], web().services.now())
    except InboxUnavailable:
        return False
    return keep is not None


def _why_not(session: Session, guest: Guest) -> str:
    """Why this user cannot be rung now; "" when they can."""
    telephones = telephones_of(session, guest.row, guest.visitor.user_id)
    registry = web().services.registry
    vendors = {row.id: row.vendor for row in session.scalars(select(Connection).where(Connection.id.in_(telephones)))}
    able = {pbx: extension for pbx, extension in telephones.items() if registry[vendors[pbx]].commands is not None}
    if not telephones:
        return "no_extension"
    if not able:
        return "no_pbx"
    return "agent_busy" if is_talking(session, able) else ""


def _refused(reason: str, words: str, status: int) -> Response:
    return make_response({"status": "refused", "reason": reason, "error": words}, status)
