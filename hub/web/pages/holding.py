"""Pause and resume: a person holds a connection back, and lets it go on."""

from __future__ import annotations

from flask import abort, flash, redirect, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.tables import Connection
from hub.delivery.health import resume, stop
from hub.web.audit import note
from hub.web.i18n import _, _n
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

MEND_BY_HAND = "Somebody paused it by hand. Press Resume when it may go on."


@pages.post("/admin/connections/<row:connection_id>/pause")
@needs(Right.CONNECT)
def pause_connection(connection_id: int) -> Response:
    """Hold everything for this system back until somebody resumes it; calls are taken in all the same."""
    person = this_person()
    with web().database.transaction() as session:
        row = _locked(session, connection_id)
        is_new = row.state == "active"
        if is_new:
            stop(session, row, "paused", person.email, MEND_BY_HAND)
            note(session, person, "connection.pause", row.name)
    if is_new:
        flash(_("The connection is paused. What is for it waits, and nothing is lost."), "good")
    return redirect(url_for("pages.connection", connection_id=connection_id), code=303)


@pages.post("/admin/connections/<row:connection_id>/resume")
@needs(Right.CONNECT)
def resume_connection(connection_id: int) -> Response:
    """Let it go on, and take up what waited."""
    with web().database.transaction() as session:
        row = _locked(session, connection_id)
        was_held = row.state != "active"
        moved = resume(session, connection_id) if was_held else 0
        if was_held:
            note(session, this_person(), "connection.resume", row.name)
    if was_held:
        words = _n("It goes on; %(num)d delivery is taken up.", "It goes on; %(num)d deliveries are taken up.", moved)
        flash(words, "good")
    return redirect(url_for("pages.connection", connection_id=connection_id), code=303)


def _locked(session: Session, connection_id: int) -> Connection:
    row = session.get(Connection, connection_id, with_for_update=True)
    if row is None or row.workspace_id != this_person().workspace_id:
        abort(404)
    return row
