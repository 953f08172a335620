"""Connections: how each one is, and what to do where it is not well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.db.tables import Connection
from hub.delivery.directory import read_again_soon
from hub.web.audit import note, note_view
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.queries import connections as queries
from hub.web.queries.references import kept_lists
from hub.web.roles import Right, may, needs
from hub.web.services import web
from hub.web.words import word


@pages.get("/admin/connections")
@needs(Right.CONNECTIONS)
def connections() -> str:
    with web().database.reading() as session:
        views = queries.list_connections(session, this_person().workspace_id, web().services.now())
    return render_template("connections.html", connections=views)


@pages.get("/admin/connections/<row:connection_id>")
@needs(Right.CONNECTIONS)
def connection(connection_id: int) -> str:
    now = web().services.now()
    with web().database.reading() as session:
        view = queries.find_connection(session, this_person().workspace_id, connection_id, now)
        hours = queries.hourly_use(session, connection_id, now) if view else []
        lists = kept_lists(session, connection_id) if view else []
    if view is None:
        abort(404)
    hook_address = _hook_address(view.connection)
    if hook_address is not None:
        note_view(this_person(), "hook_address.view", view.connection.name)
    return render_template(
        "connection.html",
        view=view,
        hook_address=hook_address,
        has_hours=bool(hours),
        lists=lists,
        is_crm=bool(lists) or _is_crm(view.connection),
    )


@pages.post("/admin/connections/<row:connection_id>/read-again")
@needs(Right.CONNECT)
def read_again(connection_id: int) -> Response:
    """Have employees and dictionaries read anew; what was told of earlier changes counts as seen."""
    now = web().services.now()
    with web().database.transaction() as session:
        view = queries.find_connection(session, this_person().workspace_id, connection_id, now)
        if view is None:
            abort(404)
        read_again_soon(session, connection_id)
        note(session, this_person(), "connection.read_again", view.connection.name)
    flash(_("The lists are being read anew. What has changed is told here within a minute."), "good")
    return redirect(url_for("pages.connection", connection_id=connection_id), code=303)


@pages.get("/admin/connections/<row:connection_id>/quota.json")
@needs(Right.CONNECTIONS)
def connection_quota(connection_id: int) -> Response:
    """The requests of the last 24 hours, as the chart wants them: {"hours": [unix seconds], "lanes": [...]}."""
    now = web().services.now()
    with web().database.reading() as session:
        if queries.find_connection(session, this_person().workspace_id, connection_id, now) is None:
            abort(404)
        return jsonify(_series(queries.hourly_use(session, connection_id, now)))


def _series(used: list[tuple[datetime, str, int]]) -> dict[str, Any]:
    hours = sorted({hour for hour, _, _ in used})
    requests = {(hour, lane): number for hour, lane, number in used}
    lanes = sorted({lane for _, lane, _ in used})
    return {
        "hours": [int(hour.timestamp()) for hour in hours],
        "lanes": [
            {"lane": lane, "title": word(lane, "lane"), "requests": [requests.get((hour, lane), 0) for hour in hours]}
            for lane in lanes
        ],
    }


def _is_crm(connection: Connection) -> bool:
    connector = web().services.registry.get(connection.vendor)
    return connector is not None and connector.crm is not None


def _hook_address(connection: Connection) -> str | None:
    """Where the other system must send; only for those who may set it up."""
    connector = web().services.registry.get(connection.vendor)
    if connector is None or connector.hook is None or not connection.hook_token or not may(Right.HOOK_ADDRESS):
        return None
    return f"{web().public_url}/hooks/{connection.hook_token}"
