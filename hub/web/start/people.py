"""The wizard's third step, and the table's room in the hub: which extension of the PBX is which user of the CRM."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from hub.db.tables import Connection
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.staff.table import Outcome, Place, chosen_systems, keep_form, table_of
from hub.web.start.pages import standing_now
from hub.web.start.standing import Standing


@pages.get("/admin/start/people")
@needs(Right.CONNECT)
def start_people() -> str:
    """Everybody in one list, with those chosen already whom the two systems show to be one person."""
    return _page(standing_now())


@pages.post("/admin/start/people")
@needs(Right.CONNECT)
def keep_people() -> Response | str:
    """Keep one line and stay, or all of them and go on; what was refused stays as it was typed."""
    now = standing_now()
    crm = _crm(now)
    if crm is None or not now.pbxs or "show" in request.form:
        return _page(now)
    outcome = keep_form(chosen_systems(crm), _place(crm))
    if outcome.refused is not None or "only" in request.form:
        return _page(now, outcome)
    flash(outcome.said, outcome.tone)
    here = url_for("pages.start_people", crm=crm.id)
    return redirect(here if now.people_known else url_for("pages.start_call"), code=303)


def _page(now: Standing, outcome: Outcome | None = None) -> str:
    crm = _crm(now)
    is_ready = crm is not None and bool(now.pbxs)
    table = table_of(chosen_systems(crm), _place(crm), outcome) if crm is not None and is_ready else None
    return render_template("start/people.html", step="pages.start_people", standing=now, crm=crm, table=table)


def _crm(now: Standing) -> Connection | None:
    """The CRM that the request names, of this workspace; else the one that was connected last."""
    wanted = parse_id(request.values.get("crm", ""))
    return next((row for row in now.crms if row.id == wanted), now.crms[-1] if now.crms else None)


def _place(crm: Connection) -> Place:
    hidden = {"csrf_token": str(generate_csrf()), "crm": str(crm.id)}
    return Place(url_for("pages.keep_people"), hidden, this_person().email)
