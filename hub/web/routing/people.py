"""People and groups: who is there when, who is away, and who takes the callers that nobody owns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.routing import Absence, PersonHours, RoutingGroup
from hub.db.tables import EmployeeRow, Provisioned, Workspace
from hub.provisioning.schema import PUSHABLE
from hub.routing.facts import read_settings
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import Person, asked_employee, this_person
from hub.web.roles import Right, needs
from hub.web.routing import queries
from hub.web.routing.hours import WEEKDAY_NAMES, WrongHours, in_short, read_form
from hub.web.routing.vips import audit
from hub.web.routing.words import REASONS
from hub.web.services import web

_MOST_WEIGHT = 1000
Change = Callable[[Session, Person], str | None]


@pages.get("/admin/routing/people")
@needs(Right.ROUTING)
def routing_people() -> str:
    person = this_person()
    with web().database.reading() as session:
        return render_template(
            "routing/people.html",
            employees=queries.employees(session, person.workspace_id, web().services.now()),
            groups=queries.groups(session, person.workspace_id),
            hours=session.get_one(Workspace, person.workspace_id).hours,
            settings=read_settings(session, person.workspace_id),
            weekdays=WEEKDAY_NAMES,
            in_short=in_short,
            pushable={name: REASONS[name] for name in PUSHABLE},
        )


def _changes(change: Change) -> Callable[[], Response]:
    """A view that changes something in one transaction; what it returns is noted, None changed nothing."""

    @wraps(change)
    def view() -> Response:
        person = this_person()
        try:
            with web().database.transaction() as session:
                done = change(session, person)
                if done is not None:
                    audit(session, person, f"routing.{change.__name__}", done)
        except WrongHours as error:
            flash(str(error), "bad")
        else:
            flash(_("Kept."), "good") if done is not None else flash(_("Nothing was changed."), "warn")
        return redirect(url_for("pages.routing_people"), code=303)

    return view


@pages.post("/admin/routing/people/hours")
@needs(Right.ROUTING_EDIT)
@_changes
def put_hours(session: Session, person: Person) -> str | None:
    """The workspace's hours, or one employee's own."""
    if "own" not in request.form and "mon" not in request.form:
        return None
    document, employee = read_form(request.form), asked_employee(session, person)
    if employee is None:
        session.get_one(Workspace, person.workspace_id).hours = document
        return "workspace"
    session.execute(delete(PersonHours).where(PersonHours.employee_id == employee.id))
    if document:
        session.add(PersonHours(employee_id=employee.id, hours=document))
    return employee.name


@pages.post("/admin/routing/people/absence")
@needs(Right.ROUTING_EDIT)
@_changes
def put_absence(session: Session, person: Person) -> str | None:
    employee = asked_employee(session, person)
    since, until = (_moment(request.form.get(name, ""), person) for name in ("since", "until"))
    if employee is None or since is None or until is None or until <= since:
        return None
    note = request.form.get("note", "").strip()[:300]
    session.add(Absence(employee_id=employee.id, since=since, until=until, note=note))
    return f"{employee.name} {since.isoformat()} {until.isoformat()}"


def _moment(text: str, person: Person) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not 1970 <= found.year <= 9000:
        return None
    return found if found.tzinfo else found.replace(tzinfo=person.zone)


@pages.post("/admin/routing/people/absence/remove")
@needs(Right.ROUTING_EDIT)
@_changes
def remove_absence(session: Session, person: Person) -> str | None:
    row_id = parse_id(request.form.get("absence_id", ""))
    row = session.get(Absence, row_id) if row_id else None
    if row is None or session.get_one(EmployeeRow, row.employee_id).workspace_id != person.workspace_id:
        return None
    session.delete(row)
    return str(row.id)


@pages.post("/admin/routing/groups")
@needs(Right.ROUTING_EDIT)
@_changes
def put_group(session: Session, person: Person) -> str | None:
    """A group by its name: a new one, or the one of that name."""
    name, extension = (request.form.get(field, "").strip() for field in ("name", "extension"))
    weight = request.form.get("weight", "1")
    if not name or not extension or len(name) > 200 or len(extension) > 64:
        return None
    if not weight.isdecimal() or int(weight) > _MOST_WEIGHT:
        return None
    values: dict[str, Any] = {
        "extensions": {"*": extension},
        "weight": int(weight),
        "hours": read_form(request.form),
    }
    row = session.scalar(
        select(RoutingGroup).where(RoutingGroup.workspace_id == person.workspace_id, RoutingGroup.name == name)
    )
    if row is None:
        session.add(RoutingGroup(workspace_id=person.workspace_id, name=name, **values))
    else:
        row.extensions, row.weight, row.hours = {**row.extensions, "*": extension}, values["weight"], values["hours"]
    return name


@pages.post("/admin/routing/groups/remove")
@needs(Right.ROUTING_EDIT)
@_changes
def remove_group(session: Session, person: Person) -> str | None:
    row_id = parse_id(request.form.get("group_id", ""))
    row = session.get(RoutingGroup, row_id) if row_id else None
    if row is None or row.workspace_id != person.workspace_id:
        return None
    session.delete(row)
    return row.name


@pages.post("/admin/routing/settings")
@needs(Right.ROUTING_EDIT)
@_changes
def put_routing_settings(session: Session, person: Person) -> str | None:
    """Where everybody else goes, and for which reasons a PBX that does not ask is told."""
    if "settings" not in request.form:
        return None
    default = request.form.get("default_extension", "").strip()
    document = {
        **({"default_extension": default} if default and len(default) <= 64 else {}),
        "push": [name for name in PUSHABLE if name in request.form.getlist("push")],
    }
    of_settings = (Provisioned.section == "routing", Provisioned.key == "settings")
    row = session.scalar(select(Provisioned).where(Provisioned.workspace_id == person.workspace_id, *of_settings))
    if row is None:
        session.add(Provisioned(workspace_id=person.workspace_id, section="routing", key="settings", document=document))
    else:
        row.document = document
    return "settings"
