"""A way in that whoever runs the hub makes on the server: an address that is good once and for ten minutes.

It is for the day on which log-in by password is switched off and the provider does not answer.
"""

from __future__ import annotations

from flask import current_app, make_response, redirect, render_template, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from hub.config import Settings
from hub.db.tables import User, Workspace
from hub.web.pages import pages
from hub.web.pages.login import address_brake, begin_session
from hub.web.people import Person, person_of
from hub.web.secret import session_secrets
from hub.web.services import web

WAY_IN_SECONDS = 600
PATH = "/admin/login/way-in"
_SALT = "way in"


def new_way_in(settings: Settings, user: User) -> str:
    """The token for `user`; using it raises their `session_version`, so that it opens nothing twice."""
    return str(_signer(session_secrets(settings)[0]).dumps([user.id, user.session_version]))


def _signer(secret: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret, salt=_SALT)


@pages.get(PATH)
def way_in() -> Response:
    """A page with a button: what only looks at addresses, like a messenger's preview, uses nothing up."""
    token = request.args.get("token", "")
    return _page(token if _read(token) else "")


@pages.post(PATH)
def use_way_in() -> Response:
    person = _person(request.form.get("token", ""))
    if person is None:
        address_brake().count(str(request.remote_addr))
        return _page("")
    begin_session(person, through="dozvon user way-in")
    return redirect(url_for("pages.overview"), code=303)


def _page(token: str) -> Response:
    answer = make_response(render_template("way_in.html", token=token), 200 if token else 403)
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address holds the token
    return answer


def _read(token: str) -> tuple[int, int] | None:
    if address_brake().wait_seconds(str(request.remote_addr)):
        return None
    try:
        user_id, version = _signer(current_app.config["SECRET_KEY"]).loads(token, max_age=WAY_IN_SECONDS)
    except (BadSignature, ValueError, TypeError):
        return None
    return user_id, version


def _person(token: str) -> Person | None:
    read = _read(token)
    if read is None:
        return None
    with web().database.transaction() as database:
        user = database.get(User, read[0], with_for_update=True)
        if user is None or user.session_version != read[1] or user.disabled_at is not None:
            return None
        user.session_version += 1
        return person_of(user, database.get_one(Workspace, user.workspace_id))
