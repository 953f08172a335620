"""The very first page of a new hub: whoever reads what the hub printed makes the workspace and its owner."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

from flask import make_response, redirect, render_template, request, url_for
from flask_babel import get_locale  # type: ignore[import-untyped]
from marshmallow import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.db.locks import take_turn
from hub.db.tables import User, Workspace
from hub.provisioning.people import hash_password
from hub.provisioning.schema import UserSchema
from hub.web.audit import note
from hub.web.i18n import _, locale_of_request
from hub.web.office.settings import countries, zones
from hub.web.pages import pages
from hub.web.pages.login import begin_session
from hub.web.people import Person, person_of
from hub.web.secret import first_owner_key
from hub.web.services import web

_SHORTEST_PASSWORD = 8
_LONGEST_NAME = 200
_PLACES: Mapping[str, tuple[str, str]] = {"ru": ("Europe/Moscow", "RU"), "en": ("UTC", "US")}
_FIELDS = ("name", "email", "timezone", "region")


@pages.get("/admin/first")
def first() -> Response:
    """The form, for the key that the hub printed; the log-in once somebody has an account."""
    if not nobody_yet():
        return redirect(url_for("pages.login"))
    zone, region = _PLACES[locale_of_request()]
    return _page({"timezone": zone, "region": region}, {}, 200 if _has_key() else 403)


@pages.post("/admin/first")
def make_first() -> Response:
    """Make the workspace and its owner, log the owner in, and go to the first steps."""
    if not _has_key():
        return first()
    values = {name: request.form.get(name, "").strip() for name in _FIELDS}
    password = request.form.get("password", "")
    errors = _mistakes(values, password)
    if errors:
        return _page(values, errors, 422)
    person = _make(values, hash_password(password))
    if person is None:
        return redirect(url_for("pages.login"), code=303)
    begin_session(person)
    return redirect(url_for("pages.start"), code=303)


@pages.app_template_global()
def nobody_yet() -> bool:
    """Whether this hub has no user at all."""
    with web().database.reading() as session:
        return _has_no_user(session)


def _has_no_user(session: Session) -> bool:
    return session.scalar(select(User.id).limit(1)) is None


def _has_key() -> bool:
    given = request.values.get("key", "").encode()
    return hmac.compare_digest(given, first_owner_key(web().settings).encode())


def _page(values: Mapping[str, str], errors: Mapping[str, str], status: int) -> Response:
    answer = make_response(
        render_template(
            "start/first.html",
            values=values,
            errors=errors,
            key=request.values.get("key", "") if status != 403 else "",
            shortest=_SHORTEST_PASSWORD,
            zones=zones(),
            countries=countries(str(get_locale() or "en")),
        )
    )
    answer.status_code = status
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address holds the key
    return answer


def _mistakes(values: Mapping[str, str], password: str) -> dict[str, str]:
    checks = {
        "name": (0 < len(values["name"]) <= _LONGEST_NAME, _("Fill this in.")),
        "email": (_is_email(values["email"]), _("This is no e-mail address.")),
        "password": (
            _SHORTEST_PASSWORD <= len(password) <= 1000,
            _("A password has at least %(number)d characters.", number=_SHORTEST_PASSWORD),
        ),
        "timezone": (values["timezone"] in zones(), _("Choose one from the list, like Europe/Moscow.")),
        "region": (values["region"] in countries("en"), _("Choose one from the list.")),
    }
    return {name: words for name, (is_right, words) in checks.items() if not is_right}


def _is_email(text: str) -> bool:
    try:
        UserSchema(only=("email",)).load({"email": text})
    except ValidationError:
        return False
    return True


def _make(values: Mapping[str, str], password_hash: str) -> Person | None:
    """The owner; None when somebody else was first."""
    now, locale = web().services.now(), locale_of_request()
    with web().database.transaction() as session:
        take_turn(session, "first_owner")
        if not _has_no_user(session):
            return None
        workspace = Workspace(
            slug=_slug(session, values["name"]), name=values["name"], timezone=values["timezone"],
            region=values["region"], locale=locale, hours={}, created_at=now,
        )  # fmt: skip
        session.add(workspace)
        session.flush()
        email = values["email"].lower()
        user = User(
            workspace_id=workspace.id, email=email, password_hash=password_hash, role="owner", locale=locale,
            session_version=1, created_at=now,
        )  # fmt: skip
        session.add(user)
        session.flush()
        person = person_of(user, workspace)
        note(session, person, "workspace.make", workspace.slug)
    return person


def _slug(session: Session, name: str) -> str:
    """What commands call the workspace: the name in plain letters, or "main"."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "main"
    taken = set(session.scalars(select(Workspace.slug)))
    return next(slug for slug in (plain, *(f"{plain}-{number}" for number in range(2, 1000))) if slug not in taken)
