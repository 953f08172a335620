"""In and out, and the choice of language."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app, make_response, redirect, render_template, request, session, url_for
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from hub.db.tables import User
from hub.web.audit import note
from hub.web.i18n import LOCALES, _
from hub.web.limits import Brake
from hub.web.pages import pages
from hub.web.people import Person, current_person, person_of, users_named
from hub.web.services import web
from hub.web.sessions import note_beginning

_LONGEST_EMAIL = 254
_LONGEST_PASSWORD = 1024
_BRAKE = "dozvon-login-brake"
_TRIES_PER_ACCOUNT = 5
_TRIES_PER_ADDRESS = 50
_WINDOW = timedelta(minutes=5)


def local_path(target: str | None) -> str:
    """`target` when it is a path of this site, else the first page.

    Browsers read a backslash as a slash and drop tabs and line feeds, so "/\\evil" is another site.
    """
    odd = target is None or "\\" in target or any(ord(character) < 33 for character in target)
    if target is None or odd or not target.startswith("/") or target.startswith("//"):
        return url_for("pages.overview")
    return target


@pages.get("/admin/login")
def login() -> Response | str:
    if current_person() is not None:
        return redirect(local_path(request.args.get("next")))
    return _form(request.args.get("next", ""))


@pages.post("/admin/login")
def log_in() -> Response:
    email = request.form.get("email", "").strip()
    wanted = request.form.get("next", "")
    if not web().settings.password_login:
        return _refusal(403, _("Log-in by password is switched off here."), "", wanted)
    account_key, address_key = f"{request.remote_addr} {email.lower()}", f"{request.remote_addr}"
    accounts, addresses = _brakes()
    wait_seconds = max(accounts.wait_seconds(account_key), addresses.wait_seconds(address_key))
    if wait_seconds:
        answer = _refusal(429, _("Too many attempts. Wait a few minutes, then try again."), email, wanted)
        answer.headers["Retry-After"] = str(wait_seconds)
        return answer
    person = _verified(email, request.form.get("password", ""))
    if person is None:
        accounts.count(account_key)
        addresses.count(address_key)
        return _refusal(401, _("E-mail or password is wrong. Check both; capital letters matter."), email, wanted)
    accounts.forget(account_key)
    begin_session(person)
    return redirect(local_path(wanted), code=303)


def _form(wanted: str, email: str = "", error: str = "") -> str:
    settings = web().settings
    return render_template(
        "login.html", wanted=wanted, email=email, error=error,
        oidc=settings.oidc, by_password=settings.password_login,
    )  # fmt: skip


def _refusal(status: int, error: str, email: str, wanted: str) -> Response:
    answer = make_response(_form(wanted, email, error))
    answer.status_code = status
    return answer


def _brakes() -> tuple[Brake, Brake]:
    kept = current_app.extensions.get(_BRAKE)
    if kept is None:
        now = web().services.now
        kept = (Brake(_TRIES_PER_ACCOUNT, _WINDOW, now), Brake(_TRIES_PER_ADDRESS, _WINDOW, now))
        kept = current_app.extensions.setdefault(_BRAKE, kept)
    accounts, addresses = kept
    return accounts, addresses


def address_brake() -> Brake:
    """How often one address may fail, by whatever way in."""
    return _brakes()[1]


def _verified(email: str, password: str) -> Person | None:
    """The person whose password it is. An unknown address costs the same time as a wrong password."""
    if "\0" in email or len(email) > _LONGEST_EMAIL or len(password) > _LONGEST_PASSWORD:
        email, password = "", ""
    with web().database.reading() as database:
        found = users_named(database, email)
    for user, workspace in found:
        if _fits(user.password_hash, password) and user.disabled_at is None:
            return person_of(user, workspace)
    if not found:
        _fits(_nobodys_hash(), password)
    return None


def _fits(password_hash: str, password: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """A hash as costly as a real one."""
    return PasswordHasher().hash("nobody has this password")


def begin_session(person: Person, *, through: str = "") -> None:
    """Log `person` in, `through` another system's log-in when it is named.

    Nothing of the session before survives but the language.
    """
    locale = session.get("locale")
    session.clear()  # nothing that a stranger put into it survives
    if locale in LOCALES:
        session["locale"] = locale
    session.permanent = True
    note_beginning(web().services.now())
    login_user(person)
    _audit(person, "login", through)


def _audit(person: Person, action: str, subject: str = "") -> None:
    with web().database.transaction() as database:
        note(database, person, action, subject)


@pages.post("/admin/logout")
def log_out() -> Response:
    """End all sessions of the person: a cookie that was copied ends too."""
    person = current_person()
    if person is not None:
        with web().database.transaction() as database:
            user = database.get(User, person.id, with_for_update=True)
            if user is not None and user.session_version == person.session_version:
                user.session_version += 1
        _audit(person, "logout")
    logout_user()
    session.clear()
    return redirect(url_for("pages.login"), code=303)


@pages.post("/admin/locale")
def choose_locale() -> Response:
    """Keep the language: with the user when there is one, else in the session."""
    chosen = request.form.get("locale", "")
    person = current_person()
    if chosen in LOCALES:
        session["locale"] = chosen
        if person is not None:
            with web().database.transaction() as database:
                user = database.get(User, person.id)
                if user is not None:
                    user.locale = chosen
    return redirect(local_path(request.form.get("next")), code=303)
