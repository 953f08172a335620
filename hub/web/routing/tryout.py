"""Try it out: type a number and a time, see who would get it and why. And how far the owners are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.tables import Connection
from hub.domain.phone import Phone, parse_phone
from hub.routing.decide import Decision, decide
from hub.routing.facts import read_caller, read_staff
from hub.routing.log import steps_document
from hub.routing.sync import sync_again
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, shown, text_argument
from hub.web.paging import parse_id
from hub.web.people import Person, this_person
from hub.web.roles import Right, needs
from hub.web.route import EVERY_PBX
from hub.web.routing import queries
from hub.web.services import web


@dataclass(frozen=True, slots=True)
class Explained:
    """Who would get the caller at that moment; `steps` are documents of `RuleTried`."""

    caller: Phone | None
    at: datetime
    decision: Decision
    steps: list[dict[str, Any]]


def explain(
    session: Session, workspace_id: int, region: str, caller: str, at: datetime, pbx: Connection | None
) -> Explained:
    """The decision as it would be taken then; nothing is logged and nobody outside is asked."""
    phone = parse_phone(caller, region)
    facts = read_caller(session, workspace_id, pbx.id if pbx else None, phone, at)
    decision = decide(facts, read_staff(session, workspace_id, pbx.name if pbx else EVERY_PBX), at)
    return Explained(phone, at, decision, steps_document(decision))


@pages.get("/admin/routing")
@needs(Right.ROUTING)
def routing() -> str:
    person, registry = this_person(), web().services.registry
    caller, moment, name = text_argument("caller"), text_argument("at"), text_argument("connection")
    with web().database.reading() as session:
        names = queries.pbx_names(session, person.workspace_id, registry)
        pbx = queries.find_pbx(session, person.workspace_id, name or (names[0] if names else ""))
        explained = None
        if caller:
            at = _moment(moment, person)
            explained = explain(session, person.workspace_id, person.region, caller, at, pbx)
        return render_template(
            "routing/tryout.html",
            explained=explained,
            typed={"caller": caller or "", "at": moment or "", "connection": pbx.name if pbx else ""},
            names=names,
            syncs=queries.sync_views(session, person.workspace_id, registry),
        )


def _moment(text: str | None, person: Person) -> datetime:
    """What a datetime field holds, in the workspace's zone; now when it holds nothing that can be read."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return web().services.now()
    if not 1970 <= found.year <= 9000:
        return web().services.now()
    return found if found.tzinfo else found.replace(tzinfo=person.zone)


@pages.get("/admin/routing/decisions")
@needs(Right.ROUTING)
def routing_decisions() -> str:
    person = this_person()
    with web().database.reading() as session:
        page = queries.list_decisions(session, person.workspace_id, cursor=cursor_argument(timed=False), limit=PER_PAGE)
    return render_template("routing/decisions.html", page=shown(page, {}))


@pages.post("/admin/routing/sync")
@needs(Right.ROUTING_EDIT)
def routing_sync() -> Response:
    """Read all owners of a CRM anew."""
    connection_id = parse_id(request.form.get("connection_id", ""))
    with web().database.transaction() as session:
        row = session.get(Connection, connection_id) if connection_id else None
        if row is not None and row.workspace_id != this_person().workspace_id:
            abort(404)
        if row is not None:
            sync_again(session, row.id)
    flash(_("The owners will be read again in some seconds."), "good")
    return redirect(url_for("pages.routing"), code=303)
