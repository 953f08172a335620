"""Connections: how each one is, and what to do where it is not well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import abort, jsonify, render_template
from werkzeug.wrappers import Response

from hub.db.tables import Connection
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.queries import connections as queries
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
    if view is None:
        abort(404)
    return render_template(
        "connection.html", view=view, hook_address=_hook_address(view.connection), has_hours=bool(hours)
    )


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


def _hook_address(connection: Connection) -> str | None:
    """Where the other system must send; only for those who may set it up."""
    connector = web().services.registry.get(connection.vendor)
    if connector is None or connector.hook is None or not connection.hook_token or not may(Right.HOOK_ADDRESS):
        return None
    return f"{web().public_url}/hooks/{connection.hook_token}"
