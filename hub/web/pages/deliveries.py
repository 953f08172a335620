"""Deliveries: what waits, what was given up, and the button that sends it again."""

from __future__ import annotations

from flask import render_template, request
from werkzeug.wrappers import Response

from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, replay_chosen, shown, text_argument
from hub.web.people import this_person
from hub.web.queries import deliveries as queries
from hub.web.queries.connections import connection_names
from hub.web.replay import replay_deliveries
from hub.web.roles import Right, needs
from hub.web.services import web

VIEWS = {"waiting": queries.WAITING, "dead": queries.GIVEN_UP, "all": ()}


@pages.get("/admin/deliveries")
@needs(Right.DELIVERIES)
def deliveries() -> str:
    person = this_person()
    view = text_argument("view", VIEWS) or "waiting"
    connection = text_argument("connection")
    wanted = queries.DeliveryFilter(VIEWS[view], connection)
    with web().database.reading() as session:
        page = queries.list_deliveries(
            session, person.workspace_id, wanted, cursor=cursor_argument(timed=False), limit=PER_PAGE
        )
        connections = connection_names(session, person.workspace_id)
        states = queries.count_by_state(session, person.workspace_id)
    arguments = {"view": view, **({"connection": connection} if connection else {})}
    return render_template(
        "deliveries.html",
        page=shown(page, arguments),
        arguments=arguments,
        view=view,
        connections=connections,
        counts={name: sum(states.get(state, 0) for state in listed) for name, listed in VIEWS.items() if listed},
        replayable=queries.REPLAYABLE,
        here=request.full_path,
    )


@pages.post("/admin/deliveries/replay")
@needs(Right.REPLAY)
def deliveries_replay() -> Response:
    return replay_chosen(replay_deliveries)
