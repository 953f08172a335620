"""Taking a wrongly begun connection away again: only while nothing has come in or been written by way of it."""

from __future__ import annotations

from enum import StrEnum

from flask import abort, flash, redirect, url_for
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.callbacks import CallbackRow
from hub.db.dials import DialRow
from hub.db.routing import RouteDecision
from hub.db.tables import CallRow, Connection, ConnectionToken, EmployeeRow, Provisioned
from hub.db.work import DeliveryRow, DeliveryState, InboxRow
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web


class Stays(StrEnum):
    """Why a connection can no longer be removed."""

    HEARD = "heard"
    WRITTEN = "written"
    LOGGED_IN = "logged_in"


def why_it_stays(session: Session, row: Connection) -> Stays | None:
    """None while the connection may go. What only waits for it, and was never sent, does not hold it."""
    sent = or_(DeliveryRow.lease > 0, DeliveryRow.state == DeliveryState.DONE)
    heard = (
        select(InboxRow.id).where(InboxRow.connection_id == row.id),
        select(CallRow.id).where(CallRow.connection_id == row.id),
        select(RouteDecision.id).where(RouteDecision.connection_id == row.id),
    )
    written = (
        select(DeliveryRow.id).where(DeliveryRow.connection_id == row.id, sent),
        select(CallbackRow.id).where(CallbackRow.connection_id == row.id),
        select(DialRow.id).where(or_(DialRow.crm_connection_id == row.id, DialRow.pbx_connection_id == row.id)),
    )
    if row.last_event_at is not None or any(session.scalar(query.limit(1)) is not None for query in heard):
        return Stays.HEARD
    if any(session.scalar(query.limit(1)) is not None for query in written):
        return Stays.WRITTEN
    return Stays.LOGGED_IN if session.get(ConnectionToken, row.id) is not None else None


def count_waiting(session: Session, row: Connection) -> int:
    """How many writes wait for the connection, and would go with it."""
    query = select(func.count()).select_from(DeliveryRow)
    return session.scalar(query.where(DeliveryRow.connection_id == row.id, DeliveryRow.closed_at.is_(None))) or 0


@pages.post("/admin/start/connections/<row:connection_id>/remove")
@needs(Right.CONNECT)
def remove_connection(connection_id: int) -> Response:
    """Remove a connection by which nothing came and nothing went; any other one stays, and its page says why."""
    with web().database.transaction() as session:
        row = session.get(Connection, connection_id, with_for_update=True)
        if row is None or row.workspace_id != this_person().workspace_id:
            abort(404)
        name, stays = row.name, why_it_stays(session, row)
        if stays is None:
            _forget(session, row)
            note(session, this_person(), "connection.remove", name)
    if stays is not None:
        flash(_("%(name)s stays: something has come or gone by way of it meanwhile.", name=name), "warn")
        return redirect(url_for("pages.start_connection", connection_id=connection_id), code=303)
    flash(_("%(name)s is removed.", name=name), "good")
    return redirect(url_for("pages.start"), code=303)


def _forget(session: Session, row: Connection) -> None:
    """The connection, what a file said of it, and what employees are called there."""
    workspace_id, name = row.workspace_id, row.name
    said = (Provisioned.workspace_id == workspace_id, Provisioned.section.in_(("connection", "rules")))
    for document in session.scalars(select(Provisioned).where(*said, Provisioned.key == name)):
        session.delete(document)
    for one in session.scalars(select(EmployeeRow).where(EmployeeRow.workspace_id == workspace_id)):
        one.users = {key: value for key, value in one.users.items() if key != name}
        one.extensions = {key: value for key, value in one.extensions.items() if key != name}
    session.delete(row)
