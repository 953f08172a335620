"""The wizard's pages: PBX, CRM, one connection that is being tried, the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from connectors.contract import Connector
from hub.db.tables import Connection
from hub.provisioning.errors import WrongDocument
from hub.staff.systems import is_crm, is_pbx
from hub.web.audit import note, note_view
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.queries.calls import CallFilter, Story, call_story, employee_names, list_calls
from hub.web.refusals import refusal_of
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.start.adding import Keys, keep_connection, refusal_by
from hub.web.start.forms import asked_of, read_form
from hub.web.start.removing import count_waiting, why_it_stays
from hub.web.start.standing import Stand, Standing, standing
from hub.web.start.words import stand_word, title_word, wrong_word

pages.add_app_template_filter(title_word, "start_title")
pages.add_app_template_filter(stand_word, "start_stand")
Kind = Callable[[Connector | None], bool]
_STEPS: Mapping[str, Kind] = {"pages.start_pbx": is_pbx, "pages.start_crm": is_crm}


def standing_now() -> Standing:
    with web().database.reading() as session:
        return standing(session, this_person().workspace_id, web().services.registry)


@pages.app_template_global()
def start_standing() -> Standing:
    """For pages that lead back to where the wizard was left."""
    return standing_now()


@pages.get("/admin/start")
@needs(Right.CONNECT)
def start() -> Response:
    """Where the workspace has got to: a system that was begun and is not let in yet, else the first open step."""
    now = standing_now()
    if now.unfinished is not None:
        return redirect(url_for("pages.start_connection", connection_id=now.unfinished.id))
    return redirect(url_for(now.next_step))


@pages.get("/admin/start/pbx")
@needs(Right.CONNECT)
def start_pbx() -> str:
    return _choice("pages.start_pbx", connection=_named_connection())


@pages.get("/admin/start/crm")
@needs(Right.CONNECT)
def start_crm() -> str:
    return _choice("pages.start_crm", connection=_named_connection())


@pages.post("/admin/start/pbx")
@needs(Right.CONNECT)
def add_pbx() -> Response | str:
    return _add("pages.start_pbx")


@pages.post("/admin/start/crm")
@needs(Right.CONNECT)
def add_crm() -> Response | str:
    return _add("pages.start_crm")


def _choice(step: str, errors: Mapping[str, str] | None = None, connection: Connection | None = None) -> str:
    """The systems to choose from, and the form of the chosen one; what was typed stays, but for secrets."""
    connectors = {name: one for name, one in web().services.registry.items() if _STEPS[step](one)}
    vendor = connection.vendor if connection else request.values.get("vendor", "")
    chosen = connectors.get(vendor)
    return render_template(
        "start/choice.html",
        step=step,
        standing=standing_now(),
        connectors=connectors,
        vendor=vendor if chosen else "",
        asked=asked_of(chosen) if chosen else [],
        errors=errors or {},
        typed=request.form,
        stored=connection.settings if connection else {},
        connection=connection if chosen else None,
    )


def _add(step: str) -> Response | str:
    """Keep the keys, ask the other system at once, and show what it said; a refusal leads back to the form."""
    connection = _named_connection()
    vendor = connection.vendor if connection else request.form.get("vendor", "")
    connector = web().services.registry.get(vendor)
    if connector is None or not _STEPS[step](connector):
        flash(_("Choose a system first."), "warn")
        return redirect(url_for(step), code=303)
    settings, secrets = read_form(connector, request.form)
    if connection is not None:
        settings = {**_loadable(connector, connection.settings), **settings}
    try:
        known_id = connection.id if connection else None
        row_id = keep_connection(this_person(), Keys(vendor, settings, secrets), known_id)
    except WrongDocument as refusal:
        return _choice(step, _errors(refusal), connection)
    if not try_out(row_id):
        return redirect(url_for(step, connection_id=row_id), code=303)
    return redirect(url_for("pages.start_connection", connection_id=row_id), code=303)


def _named_connection() -> Connection | None:
    """The connection whose keys the form changes; 404 for one of another workspace, None for a new one."""
    typed = request.values.get("connection_id", "")
    return _own(parse_id(typed)) if typed else None


def _own(connection_id: int | None) -> Connection:
    with web().database.reading() as session:
        row = session.get(Connection, connection_id) if connection_id else None
    if row is None or row.workspace_id != this_person().workspace_id:
        abort(404)
    return row


def _loadable(connector: Connector, stored: Mapping[str, Any]) -> dict[str, Any]:
    known = connector.settings().fields
    return {name: value for name, value in stored.items() if name in known}


def _errors(refusal: WrongDocument) -> dict[str, str]:
    """By the field's name in the page. A mistake that belongs to no field that was asked stands under ""."""
    return {".".join(map(str, one.path[2:])): wrong_word(one.words) for one in refusal.mistakes}


# --- One connection that is being tried ---------------------------------------------------------------


@pages.get("/admin/start/connections/<row:connection_id>")
@needs(Right.CONNECT)
def start_connection(connection_id: int) -> str:
    """The hook address of a PBX and whether it has been heard; the state of a CRM."""
    row = _own(connection_id)
    connector = web().services.registry.get(row.vendor)
    is_telephone, now = is_pbx(connector), standing_now()
    address = f"{web().public_url}/hooks/{row.hook_token}" if is_telephone and row.hook_token else None
    with web().database.reading() as session:
        stays, waiting = why_it_stays(session, row), count_waiting(session, row)
    if address:
        note_view(this_person(), "hook_address.view", row.name)
    return render_template(
        "start/connection.html",
        step="pages.start_pbx" if is_telephone else "pages.start_crm",
        next_step="pages.start_crm" if is_telephone else "pages.start_people",
        standing=now,
        stand=now.stand(row).value,
        is_well=now.is_well(row),
        connection=row,
        hook_address=address,
        stays=stays.value if stays else "",
        waiting=waiting,
        can_check=connector is not None and connector.check is not None,
    )


@pages.post("/admin/start/connections/<row:connection_id>/check")
@needs(Right.CONNECT)
def check_connection(connection_id: int) -> Response:
    """Ask the other system once more whether it lets us in."""
    row = _own(connection_id)
    with web().database.transaction() as session:
        note(session, this_person(), "connection.check", row.name)
    try_out(row.id)
    return redirect(url_for("pages.start_connection", connection_id=row.id), code=303)


def try_out(connection_id: int) -> bool:
    """Ask the other system whether it lets us in, and say what it said; True unless it refused."""
    row = _own(connection_id)
    title = title_word(web().vendor_title(row.vendor))
    connector = web().services.registry.get(row.vendor)
    if connector is None or connector.check is None or web().services.runtime is None:
        flash(_("%(title)s is kept.", title=title), "good")
        return True
    error = refusal_by(row, connector)
    if error is None:
        flash(_("%(title)s answers: the keys are right.", title=title), "good")
    else:
        flash(refusal_of(error, title).words, "bad")
    return error is None


# --- The first call -----------------------------------------------------------------------------------


@pages.get("/admin/start/call")
@needs(Right.CONNECT)
def start_call() -> str:
    """The newest call and everything that happened to it; the page looks again by itself until it is over."""
    person, now = this_person(), standing_now()
    with web().database.reading() as session:
        page = list_calls(session, person.workspace_id, person.region, CallFilter(), cursor=None, limit=1)
        story = call_story(session, person.workspace_id, page.items[0].call.id) if page.items else None
        names = employee_names(session, person.workspace_id)
    return render_template(
        "start/call.html",
        step="pages.start_call",
        standing=now,
        call=page.items[0] if page.items else None,
        story=story,
        names=names,
        is_over=story is not None and _is_over(story, now),
    )


def _is_over(story: Story, now: Standing) -> bool:
    """Whether the call has ended and nothing of it is under way: what waits for a stopped system is not."""
    well = {row.id for row in now.crms if now.stand(row) is Stand.WORKS}
    sent = [one.delivery for one in story.deliveries if one.delivery.connection_id in well]
    return story.call.outcome != "in_progress" and bool(sent) and all(one.closed_at for one in sent)
