"""Deliveries: what waits, what was given up, and the button that sends it again."""

from __future__ import annotations

from collections import Counter

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.pages.lists import MOST_AT_ONCE, PER_PAGE, cursor_argument, replay_chosen, shown, text_argument
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.queries import deliveries as queries
from hub.web.queries.connections import connection_names, stopped_connections
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


@pages.get("/admin/deliveries/preview")
@needs(Right.REPLAY)
def deliveries_preview() -> Response | str:
    """What a replay would send again, before it does: the rows named in the address, or all of a view that may go."""
    person = this_person()
    wanted = _to_replay()
    with web().database.reading() as session:
        found = queries.list_deliveries(session, person.workspace_id, wanted, cursor=None, limit=MOST_AT_ONCE).items
        if wanted.ids is not None and {row.delivery.id for row in found} != set(wanted.ids):
            abort(404)
        rows = [row for row in found if row.delivery.state in queries.REPLAYABLE]
        calls = queries.calls_of(session, rows)
        stopped = stopped_connections(session, person.workspace_id)
    if not rows:
        flash(_("Nothing was chosen. Tick the rows first."), "warn")
        return redirect(url_for("pages.deliveries", view="dead"))
    groups = Counter((row.connection, row.delivery.intent_kind, row.delivery.last_error) for row in rows)
    return render_template(
        "deliveries_preview.html", rows=rows, calls=calls, groups=groups.most_common(), unchosen=len(found) - len(rows),
        waiting_for=sorted(stopped.intersection(row.connection for row in rows)), most=MOST_AT_ONCE,
    )  # fmt: skip


def _to_replay() -> queries.DeliveryFilter:
    """The rows of the address: `id` for single ones, else `view` and `connection` as in the list."""
    ids = [parse_id(text) for text in request.args.getlist("id")]
    if not ids and "all" in request.args:
        view = text_argument("view", VIEWS) or "dead"
        states = [state for state in (VIEWS[view] or tuple(queries.REPLAYABLE)) if state in queries.REPLAYABLE]
        return queries.DeliveryFilter(states, text_argument("connection"))
    known = [row_id for row_id in ids if row_id is not None]
    if len(known) != len(ids):
        abort(404)
    if len(known) > MOST_AT_ONCE:
        abort(413)
    return queries.DeliveryFilter(ids=sorted(set(known)))


@pages.post("/admin/deliveries/replay")
@needs(Right.REPLAY)
def deliveries_replay() -> Response:
    return replay_chosen(replay_deliveries)
