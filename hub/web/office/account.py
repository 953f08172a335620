"""One's own account: another password."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_login import login_user
from werkzeug.wrappers import Response

from hub.db.tables import User, Workspace
from hub.provisioning.people import has_password, hash_password, set_password
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.limits import Brake
from hub.web.office.accounts import ARGON
from hub.web.pages import pages
from hub.web.people import Person, person_of, this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_SHORTEST, _LONGEST = 8, 1000
_BRAKE = "dozvon-own-password-brake"
_TRIES, _WINDOW = 5, timedelta(minutes=5)


@pages.get("/admin/account")
@needs(Right.ACCOUNT)
def account() -> str:
    return render_template("office/account.html", shortest=_SHORTEST)


@pages.post("/admin/account/password")
@needs(Right.ACCOUNT)
def change_own_password() -> Response:
    """Take the new password when the present one is right; all other sessions of the person end."""
    person, new = this_person(), request.form.get("new", "")
    brake = _brake()
    if brake.wait_seconds(str(person.id)):
        flash(_("Too many attempts. Wait a few minutes, then try again."), "bad")
    elif not _SHORTEST <= len(new) <= _LONGEST:
        flash(_("A password has at least %(number)d characters.", number=_SHORTEST), "bad")
    elif not _change(person, request.form.get("present", "")[:_LONGEST], hash_password(new)):
        brake.count(str(person.id))
        flash(_("The present password is wrong. Nothing was changed."), "bad")
    else:
        flash(_("The new password holds. You are logged out everywhere else."), "good")
    return redirect(url_for("pages.account"), code=303)


def _brake() -> Brake:
    made = current_app.extensions.setdefault(_BRAKE, Brake(_TRIES, _WINDOW, web().services.now))
    assert isinstance(made, Brake)
    return made


def _change(person: Person, present: str, hashed: str) -> bool:
    with web().database.transaction() as session:
        user = session.get_one(User, person.id, with_for_update=True)
        if not user.password_hash.startswith(ARGON) or not has_password(user, present):
            return False
        set_password(user, hashed)
        note(session, person, "account.password", "")
        changed = person_of(user, session.get_one(Workspace, user.workspace_id))
    login_user(changed)  # this session goes on; its cookie now names the new version
    return True
