"""The desk: it looks again by itself, and swaps nothing while nothing has changed."""

from __future__ import annotations

import hashlib

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from hub.web.desk.identity import own_employee, seats_of
from hub.web.pages import pages
from hub.web.people import this_person
from hub.web.queries.calls import employee_names
from hub.web.queries.desk import Desk, desk_of
from hub.web.roles import Right, needs
from hub.web.services import web


@pages.get("/admin/desk")
@needs(Right.DESK)
def desk() -> Response | str:
    """Calls, callbacks and callers of the employee who the user is; with `seen`, 204 while nothing is new."""
    person, now = this_person(), web().services.now()
    with web().database.reading() as session:
        employee = own_employee(session, person)
        seats = seats_of(employee)
        found = desk_of(session, person.workspace_id, person.region, seats, now)
        names = employee_names(session, person.workspace_id)
    stamp = _stamp(found, seats)
    if request.headers.get("HX-Request") and request.args.get("seen") == stamp:
        return Response(status=204)
    return make_response(
        render_template("desk/desk.html", desk=found, employee=employee, seats=seats, names=names, stamp=stamp)
    )


def _stamp(desk: Desk, seats: object) -> str:
    """One word for everything that the page shows: another word, another page."""
    shown = (
        seats,
        [
            (card.listed.call.id, card.is_ringing, card.is_talking, card.parties, card.earlier.count)
            for card in desk.live
        ],
        [(row.id, row.state, row.due_at) for row in desk.callbacks],
        [(one.call.id, one.call.outcome, one.call.last_at, one.call.source) for one in desk.recent],
    )
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]
