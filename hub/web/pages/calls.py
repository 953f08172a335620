"""Calls: the list, the file, and one call as a story."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response, abort, render_template, request

from hub.web.desk.identity import own_employee, seats_of
from hub.web.export import csv_stream
from hub.web.pages import pages
from hub.web.pages.charts import TIMELINE_WIDTH, leg_bars
from hub.web.pages.lists import PER_PAGE, cursor_argument, day_argument, shown, start_of_day, text_argument
from hub.web.people import Person, this_person
from hub.web.queries import calls as queries
from hub.web.queries.connections import connection_names
from hub.web.queries.deliveries import REPLAYABLE
from hub.web.roles import Right, may, needs
from hub.web.routing.queries import decisions_of_call
from hub.web.services import web
from hub.web.words import DIRECTIONS, OUTCOMES

_ARGUMENTS = ("from", "to", "direction", "outcome", "connection", "phone", "q")


def _wanted(person: Person) -> queries.CallFilter:
    """The filter in the address; the period is in days of the workspace's zone, both included."""
    return queries.CallFilter(
        since=start_of_day(day_argument("from"), person.zone),
        until=start_of_day(day_argument("to"), person.zone, days_later=1),
        direction=text_argument("direction", DIRECTIONS),
        outcome=text_argument("outcome", OUTCOMES),
        connection=text_argument("connection"),
        phone=text_argument("phone"),
        text=text_argument("q"),
        seats=seats_of_reader(person),
    )


def seats_of_reader(person: Person) -> Sequence[queries.Seat] | None:
    """Whose calls the person may see: None for everybody's, else those of the employee who they are."""
    if may(Right.EVERY_CALL):
        return None
    with web().database.reading() as session:
        return seats_of(own_employee(session, person))


def _arguments() -> dict[str, str]:
    return {name: text for name in _ARGUMENTS if (text := text_argument(name))}


@pages.get("/admin/calls")
@needs(Right.CALLS)
def calls() -> str:
    person = this_person()
    wanted = _wanted(person)
    with web().database.reading() as session:
        page = queries.list_calls(
            session,
            person.workspace_id,
            person.region,
            wanted,
            cursor=cursor_argument(timed=True),
            limit=PER_PAGE,
        )
        names = queries.employee_names(session, person.workspace_id)
        connections = connection_names(session, person.workspace_id)
    return render_template(
        "calls.html",
        page=shown(page, _arguments()),
        arguments=_arguments(),
        names=names,
        is_own=wanted.seats is not None,
        connections=connections,
        directions=DIRECTIONS,
        outcomes=OUTCOMES,
    )


@pages.get("/admin/calls.csv")
@needs(Right.CALLS)
def calls_file() -> Response:
    person = this_person()
    found = queries.every_call(web().database, person.workspace_id, person.region, _wanted(person))
    disposition = {"Content-Disposition": 'attachment; filename="calls.csv"'}
    return Response(csv_stream(found, for_excel=True), content_type="text/csv; charset=utf-8", headers=disposition)


@pages.get("/admin/calls/<row:call_id>")
@needs(Right.CALLS)
def call(call_id: int) -> str:
    person = this_person()
    seats = seats_of_reader(person)
    with web().database.reading() as session:
        is_shown = seats is None or queries.find_call(session, person.workspace_id, call_id, seats=seats) is not None
        story = queries.call_story(session, person.workspace_id, call_id) if is_shown else None
        names = queries.employee_names(session, person.workspace_id)
        routes = decisions_of_call(session, story.call) if story is not None else []
    if story is None:
        abort(404)
    return render_template(
        "call.html",
        story=story,
        routes=routes,
        bars=leg_bars(story.facts),
        timeline_width=TIMELINE_WIDTH,
        names=names,
        replayable=REPLAYABLE,
        here=request.path,
    )
