"""Who is logged in."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import Flask, abort, g, request
from flask_login import LoginManager, current_user
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.db.tables import EmployeeRow, User, Workspace
from hub.web.paging import parse_id
from hub.web.services import web
from hub.web.sessions import has_lasted


@dataclass(frozen=True, slots=True)
class Person:
    """A user of this request, as the database has them now: a role that was lowered is lowered at once."""

    id: int
    workspace_id: int
    email: str
    role: str
    locale: str | None
    session_version: int
    workspace_name: str
    region: str
    zone: ZoneInfo
    is_authenticated: bool = True
    is_active: bool = True
    is_anonymous: bool = False

    def get_id(self) -> str:
        """What the session cookie holds: it dies when `session_version` rises."""
        return f"{self.id}:{self.session_version}"


def person_of(user: User, workspace: Workspace) -> Person:
    return Person(
        id=user.id,
        workspace_id=user.workspace_id,
        email=user.email,
        role=user.role,
        locale=user.locale,
        session_version=user.session_version,
        workspace_name=workspace.name,
        region=workspace.region,
        zone=ZoneInfo(workspace.timezone),
    )


def _load(session_id: str) -> Person | None:
    user_part, _, version_part = session_id.partition(":")
    user_id = parse_id(user_part)
    if user_id is None or g.get("stores_are_away"):
        return None
    with web().database.reading() as session:
        found = session.execute(
            select(User, Workspace).join(Workspace, Workspace.id == User.workspace_id).where(User.id == user_id)
        ).one_or_none()
    if found is None or str(found[0].session_version) != version_part:
        return None
    if found[0].disabled_at is not None or has_lasted(web().services.now()):
        return None
    return person_of(*found)


def current_person() -> Person | None:
    """Who sent this request; None for a stranger."""
    if not current_user.is_authenticated:
        return None
    person: Person = current_user._get_current_object()  # noqa: SLF001 - how werkzeug names what is behind a proxy
    return person


def this_person() -> Person:
    """Who sent this request, behind a view that strangers do not reach."""
    person = current_person()
    assert person is not None
    return person


def users_named(session: Session, email: str) -> list[tuple[User, Workspace]]:
    """Every account with this address, in any workspace: one person may work for two customers."""
    query = select(User, Workspace).join(Workspace, Workspace.id == User.workspace_id)
    rows = session.execute(query.where(func.lower(User.email) == email.strip().lower()).order_by(User.id))
    return [(user, workspace) for user, workspace in rows]


def init_login(app: Flask) -> None:
    manager = LoginManager(app)
    manager.user_loader(_load)


def asked_employee(session: Session, person: Person) -> EmployeeRow | None:
    """The employee whom the form's `employee_id` names, None for nobody; 404 for one of another workspace."""
    row_id = parse_id(request.form.get("employee_id", ""))
    row = session.get(EmployeeRow, row_id) if row_id else None
    if row is not None and row.workspace_id != person.workspace_id:
        abort(404)
    return row
