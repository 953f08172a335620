"""Whose extension is which, inside the account: the table that the hub itself shows, in the widget's settings."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, make_response, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.tables import Connection
from hub.delivery.people import employees_for
from hub.web.amocrm import amocrm
from hub.web.amocrm.store import VENDOR, account_of
from hub.web.amocrm.visitor import admitted, for_widget, use_up
from hub.web.services import web
from hub.web.staff.framed import LANGUAGES, Frame, answer_form
from hub.web.staff.ticket import Ticket, seal


def frame() -> Frame:
    return Frame(VENDOR, url_for("amocrm.people"), _origin, account_of, asks=True)


def _origin(row: Connection) -> str:
    parts = urlsplit(str(row.settings.get("base_url", "")))
    return f"{parts.scheme}://{parts.netloc}"


@amocrm.route("/widget/people", methods=["POST", "OPTIONS"])
@for_widget
def way_in() -> Response:
    """`{"ticket": …}`: what the widget's frame posts to `/amocrm/people`. The widget's own token is good once.

    Everybody of the account may look; what the ticket lets change is up to whether amoCRM calls them an administrator.
    """
    document = request.get_json(silent=True)
    asked = document.get("language") if isinstance(document, dict) else None
    with web().database.transaction() as session:
        guest = admitted(session)
        use_up(session, guest, "amocrm_people")
        row, visitor = guest.row, guest.visitor
        language = asked if isinstance(asked, str) and asked in LANGUAGES else "ru"
        ticket = Ticket(
            VENDOR, row.id, row.workspace_id, visitor.account_id, visitor.user_id, visitor.is_admin, language
        )
    return make_response({"ticket": seal(ticket)})


@amocrm.post("/people")
def people() -> Response:
    """The table's own form: see it, or keep it."""
    return answer_form(frame())


def telephones_of(session: Session, row: Connection, user_id: str) -> dict[int, str]:
    """By PBX connection: the extension at which this user is rung."""
    pbxs = session.scalars(
        select(Connection).where(Connection.workspace_id == row.workspace_id, Connection.vendor != row.vendor)
    )
    found: dict[int, str] = {}
    for pbx in pbxs:
        for extension, employee in sorted(employees_for(session, pbx, row).items()):
            if employee.user_id == user_id:
                found.setdefault(pbx.id, extension)
    return found
