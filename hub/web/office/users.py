"""Users and roles: who may log in, as what, and as which employee."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import abort, flash, redirect, render_template, request, url_for
from marshmallow import ValidationError, validate
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.tables import User
from hub.provisioning.people import hash_password, set_password
from hub.provisioning.schema import ROLES
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.office.accounts import (
    Unchangeable,
    check_reach,
    check_removal,
    check_role,
    employees_of,
    find_user,
    list_accounts,
    new_password,
)
from hub.web.office.words import REFUSALS
from hub.web.pages import pages
from hub.web.people import Person, asked_employee, this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_LONGEST_EMAIL = 254
_is_email = validate.Email()
T = TypeVar("T")


@pages.get("/admin/workspace/users")
@needs(Right.WORKSPACE)
def users() -> str:
    return _page()


def _page(email: str = "", password: str = "") -> str:
    """The list; with `password`, that of `email`, on this one answer only."""
    person = this_person()
    with web().database.reading() as session:
        return render_template(
            "office/users.html",
            accounts=list_accounts(session, person.workspace_id),
            employees=employees_of(session, person.workspace_id),
            roles=[role for role in ROLES if role != "owner" or person.role == "owner"],
            all_roles=ROLES,
            email=email,
            password=password,
        )


def _back() -> Response:
    return redirect(url_for("pages.users"), code=303)


def _changed(change: Callable[[Session, Person], T]) -> T | None:
    """What `change` returned, in one transaction; None when it was refused, and the reader told why."""
    try:
        with web().database.transaction() as session:
            return change(session, this_person())
    except Unchangeable as refusal:
        flash(str(REFUSALS[refusal.args[0]]), "bad")
        return None


def _user(session: Session, person: Person, user_id: int) -> User:
    user = find_user(session, person.workspace_id, user_id)
    if user is None:
        abort(404)
    return user


@pages.post("/admin/workspace/users")
@needs(Right.WORKSPACE_EDIT)
def add_user() -> Response | str:
    email, role = request.form.get("email", "").strip().lower(), request.form.get("role", "")
    if not _is_address(email) or role not in ROLES:
        flash(_("Nobody was added: write an e-mail address like anna@acme.example and choose a role."), "bad")
        return _back()
    password = new_password()
    hashed = hash_password(password)
    return _page(email, password) if _changed(lambda s, p: _add(s, p, email, role, hashed)) else _back()


def _is_address(email: str) -> bool:
    try:
        _is_email(email)
    except ValidationError:
        return False
    return len(email) <= _LONGEST_EMAIL


def _add(session: Session, person: Person, email: str, role: str, hashed: str) -> bool:
    if role == "owner" and person.role != "owner":
        raise Unchangeable("owners_only")
    known = select(User.id).where(User.workspace_id == person.workspace_id, func.lower(User.email) == email)
    if session.scalar(known) is not None:
        flash(_("%(email)s can log in already. Change the role in the list.", email=email), "warn")
        return False
    employee = asked_employee(session, person)
    session.add(
        User(
            workspace_id=person.workspace_id,
            email=email,
            password_hash=hashed,
            role=role,
            locale=None,
            employee_id=employee.id if employee else None,
            created_at=web().services.now(),
        )
    )
    note(session, person, "user.add", f"{email}: {role}")
    return True


@pages.post("/admin/workspace/users/<row:user_id>")
@needs(Right.WORKSPACE_EDIT)
def change_user(user_id: int) -> Response:
    """Give a user another role, or say which employee it is."""
    if _changed(lambda session, person: _change(session, person, user_id)):
        flash(_("Kept. The new role counts from the next page on."), "good")
    return _back()


def _change(session: Session, person: Person, user_id: int) -> bool:
    user = _user(session, person, user_id)
    role = request.form.get("role", user.role)
    if role not in ROLES:
        return False
    check_role(session, person, user, role)
    said = [f"{user.role} → {role}"] if role != user.role else []
    user.role = role
    if "employee_id" in request.form:
        employee = asked_employee(session, person)
        if user.employee_id != (employee.id if employee else None):
            user.employee_id = employee.id if employee else None
            said.append(employee.name if employee else "—")
    if said:
        note(session, person, "user.change", f"{user.email}: {', '.join(said)}")
    return bool(said)


@pages.post("/admin/workspace/users/<row:user_id>/password")
@needs(Right.WORKSPACE_EDIT)
def reset_password(user_id: int) -> Response | str:
    """Make a new password, shown on this answer alone; the user's sessions end."""
    password = new_password()
    hashed = hash_password(password)
    email = _done_to(user_id, "user.password", lambda _session, user: set_password(user, hashed), ends=False)
    return _page(email, password) if email else _back()


@pages.post("/admin/workspace/users/<row:user_id>/disable")
@needs(Right.WORKSPACE_EDIT)
def disable_user(user_id: int) -> Response:
    """Keep a user out, and all that is theirs; their sessions end."""
    email = _done_to(user_id, "user.disable", _disable, ends=True)
    return _back_saying(_("%(email)s cannot log in any more.", email=email) if email else "")


def _disable(_session: Session, user: User) -> None:
    user.disabled_at = web().services.now()
    user.session_version += 1


@pages.post("/admin/workspace/users/<row:user_id>/enable")
@needs(Right.WORKSPACE_EDIT)
def enable_user(user_id: int) -> Response:
    email = _done_to(user_id, "user.enable", _enable, ends=False)
    return _back_saying(_("%(email)s can log in again.", email=email) if email else "")


def _enable(_session: Session, user: User) -> None:
    user.disabled_at = None


@pages.post("/admin/workspace/users/<row:user_id>/remove")
@needs(Right.WORKSPACE_EDIT)
def remove_user(user_id: int) -> Response:
    email = _done_to(user_id, "user.remove", lambda session, user: session.delete(user), ends=True)
    return _back_saying(_("%(email)s cannot log in any more.", email=email) if email else "")


def _done_to(user_id: int, action: str, change: Callable[[Session, User], None], *, ends: bool) -> str | None:
    """Whose account was changed, with a note of it; None when the reader may not.

    `ends` says that the account logs in no more after it: somebody must be left who can.
    """

    def work(session: Session, person: Person) -> str:
        user = _user(session, person, user_id)
        if ends:
            check_removal(session, person, user)
        else:
            check_reach(person, user)
        email, role = user.email, user.role
        change(session, user)
        note(session, person, action, f"{email}: {role}" if user in session.deleted else email)
        return email

    return _changed(work)


def _back_saying(said: str) -> Response:
    if said:
        flash(said, "good")
    return _back()
