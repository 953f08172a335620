"""The wizard's pages: PBX, CRM, one connection that is being tried, the first call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from connectors.contract import Connector
from hub.db.tables import Connection
from hub.db.work import DeliveryRow
from hub.provisioning.errors import WrongDocument
from hub.web.audit import note, note_view
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.queries.calls import CallFilter, employee_names, list_calls
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.start.adding import Keys, keep_connection, refusal_of
from hub.web.start.forms import asked_of, read_form
from hub.web.start.standing import Standing, is_crm, is_pbx, standing
from hub.web.start.words import wrong_word

Kind = Callable[[Connector | None], bool]
_STEPS: Mapping[str, Kind] = {"pages.start_pbx": is_pbx, "pages.start_crm": is_crm}


def standing_now() -> Standing:
    with web().database.reading() as session:
        return standing(session, this_person().workspace_id, web().services.registry)


@pages.get("/admin/start")
@needs(Right.CONNECT)
def start() -> Response:
    """Where the workspace has got to."""
    return redirect(url_for(standing_now().next_step))


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
        connection=connection if chosen else None,
    )


def _add(step: str) -> Response | str:
    """Keep the keys, ask the other system at once, and show what it said."""
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
    _try_out(row_id)
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
    is_telephone = is_pbx(connector)
    address = f"{web().public_url}/hooks/{row.hook_token}" if is_telephone and row.hook_token else None
    if address:
        note_view(this_person(), "hook_address.view", row.name)
    return render_template(
        "start/connection.html",
        step="pages.start_pbx" if is_telephone else "pages.start_crm",
        next_step="pages.start_crm" if is_telephone else "pages.start_people",
        standing=standing_now(),
        connection=row,
        hook_address=address,
        can_check=connector is not None and connector.check is not None,
    )


@pages.post("/admin/start/connections/<row:connection_id>/check")
@needs(Right.CONNECT)
def check_connection(connection_id: int) -> Response:
    """Ask the other system once more whether it lets us in."""
    row = _own(connection_id)
    with web().database.transaction() as session:
        note(session, this_person(), "connection.check", row.name)
    _try_out(row.id)
    return redirect(url_for("pages.start_connection", connection_id=row.id), code=303)


def _try_out(connection_id: int) -> None:
    row = _own(connection_id)
    title = web().vendor_title(row.vendor)
    connector = web().services.registry.get(row.vendor)
    if connector is None or connector.check is None or web().services.runtime is None:
        flash(_("%(title)s is kept.", title=title), "good")
        return
    refusal = refusal_of(row, connector)
    if refusal is None:
        flash(_("%(title)s answers: the keys are right.", title=title), "good")
    else:
        words = " ".join(filter(None, (refusal.message, refusal.hint)))
        flash(_("%(title)s does not let the hub in: %(words)s", title=title, words=words), "bad")


# --- The first call -----------------------------------------------------------------------------------


@pages.get("/admin/start/call")
@needs(Right.CONNECT)
def start_call() -> str:
    """The newest call and what was written of it; the page looks again by itself."""
    person = this_person()
    with web().database.reading() as session:
        page = list_calls(session, person.workspace_id, person.region, CallFilter(), cursor=None, limit=1)
        call = page.items[0] if page.items else None
        names = employee_names(session, person.workspace_id)
        deliveries = _deliveries(session, call.call.id) if call else []
    return render_template(
        "start/call.html",
        step="pages.start_call",
        standing=standing_now(),
        call=call,
        names=names,
        deliveries=deliveries,
        is_over=bool(deliveries) and all(one.closed_at for one in deliveries),
    )


def _deliveries(session: Session, call_id: int) -> list[DeliveryRow]:
    return list(session.scalars(select(DeliveryRow).where(DeliveryRow.call_id == call_id).order_by(DeliveryRow.id)))
