"""Today at a glance."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from werkzeug.wrappers import Response

from hub.web.pages import pages
from hub.web.pages.charts import hour_bars
from hub.web.people import this_person
from hub.web.queries import calls, connections
from hub.web.queries.deliveries import GIVEN_UP, WAITING, count_by_state
from hub.web.queries.inbox import count_quarantined
from hub.web.queries.overview import calls_by_hour, day_bounds
from hub.web.roles import Right, may, needs
from hub.web.services import web

_LAST_CALLS = 8


@pages.get("/admin/")
@needs(Right.CALLS)
def overview() -> Response | str:
    """Figures of the workspace's day; an agent, who has no such figures, is sent to their desk."""
    if not may(Right.OVERVIEW):
        return redirect(url_for("pages.desk"))
    person, now = this_person(), web().services.now()
    with web().database.reading() as session:
        hours = calls_by_hour(session, person.workspace_id, day_bounds(now, person.zone))
        states = count_by_state(session, person.workspace_id)
        last = calls.list_calls(
            session, person.workspace_id, person.region, calls.CallFilter(), cursor=None, limit=_LAST_CALLS
        )
        return render_template(
            "overview.html",
            now=now,
            hours=hours,
            chart=hour_bars(hours),
            waiting=sum(states.get(state, 0) for state in WAITING),
            given_up=sum(states.get(state, 0) for state in GIVEN_UP),
            quarantined=count_quarantined(session, person.workspace_id),
            connections=connections.list_connections(session, person.workspace_id, now),
            calls=last.items,
            names=calls.employee_names(session, person.workspace_id),
        )
