"""Who is who, inside the portal: the table that the hub itself shows, in the application's frame."""

from __future__ import annotations

from flask import Response, url_for
from sqlalchemy.orm import Session

from connectors.bitrix24.hosts import origin_of
from hub.db.tables import Connection
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.store import VENDOR, has_tokens
from hub.web.services import web
from hub.web.staff.framed import Frame, answer_form, framed_table
from hub.web.staff.table import Table
from hub.web.staff.ticket import Ticket


def frame() -> Frame:
    return Frame(VENDOR, url_for("bitrix24.people"), _origin, _portal)


def _origin(row: Connection) -> str:
    return origin_of(str(row.settings["client_endpoint"]))


def _portal(session: Session, row: Connection) -> str:
    """Which portal the connection is; "" after the application was removed there, which no ticket names."""
    return str(row.settings.get("member_id") or "") if has_tokens(session, row.id) else ""


@bitrix24.post("/people")
def people() -> Response:
    """The table's own form: see it, or keep it."""
    return answer_form(frame())


def table_for(connection_id: int, member_id: str, user_id: str, language: str, *, may_change: bool) -> Table:
    """The table for whoever has just opened the application, whom the portal has vouched for."""
    with web().database.reading() as session:
        row = session.get_one(Connection, connection_id)
    ticket = Ticket(VENDOR, row.id, row.workspace_id, member_id, user_id, may_change, language)
    return framed_table(frame(), ticket, row)
