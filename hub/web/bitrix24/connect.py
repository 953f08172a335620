"""Connecting a portal from our own pages: the authorization-code flow (bitrix24.md §1.5).

Authlib does not fit here: the vendor takes no redirect address and exchanges the code by a GET with
the secret in its query. What an OAuth client must do itself is done here: a signed state, bound to
the session and the workspace, good once and for ten minutes, and a fixed list of token servers.
"""

from __future__ import annotations

import re
import secrets
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.bitrix24.application import Claim, Unproven, authorize_address, exchanged
from connectors.bitrix24.hosts import host_of
from hub.db.tables import Connection
from hub.domain.errors import DeliveryError
from hub.net.guard import parse_allow_hosts
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.frame import refusal_page
from hub.web.bitrix24.installing import install_for
from hub.web.bitrix24.store import VENDOR
from hub.web.bitrix24.trust import runtime, verified
from hub.web.bitrix24.words import LANGUAGES
from hub.web.i18n import _, locale_of_request
from hub.web.people import current_person, this_person
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.start.returning import back_connected, back_refused, began_at_start, is_from_start, note_beginning

_STATE_SECONDS = 600
_SALT = "bitrix24 oauth state"
_SESSION_KEY = "bitrix24_state"
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}(:\d{1,5})?")
_KEY = re.compile(r"[A-Za-z0-9._-]{4,128}")
_ADDRESS = re.compile(r"(\d{1,3}\.){3}\d{1,3}(:\d{1,5})?")


def portal_host(typed: str) -> str | None:
    """The host that somebody typed, with its port if it has one; None when it is neither a name nor an IPv4 address."""
    text = typed.strip().lower()
    host = host_of(text) if "://" in text else text.partition("/")[0]
    return host if _HOST.fullmatch(host) or _ADDRESS.fullmatch(host) else None


@bitrix24.get("/connect")
@needs(Right.CONNECT)
def connect() -> ResponseReturnValue:
    return _form()


@bitrix24.post("/connect")
@needs(Right.CONNECT)
def begin() -> ResponseReturnValue:
    """Send the browser to the portal's consent; keys of an application that were typed are kept before."""
    host = portal_host(request.form.get("portal", ""))
    if host is None or (_ADDRESS.fullmatch(host) and not _is_own_host(host)):
        return _form("portal", request.form.get("portal", "")), 400
    typed = [request.form.get(name, "").strip() for name in ("client_id", "client_secret")]
    if any(typed) and not all(_KEY.fullmatch(one) for one in typed):
        return _form("keys", host), 400
    if all(typed):
        _prepare(host, *typed)
    client_id = typed[0] or _application(this_person().workspace_id, portal=host)[0]
    if not client_id:
        return _form("application", host), 400
    note_beginning(VENDOR)
    nonce = secrets.token_urlsafe(18)
    session[_SESSION_KEY] = nonce
    facts = {"workspace": this_person().workspace_id, "portal": host, "nonce": nonce, "client": client_id}
    state = _signer().dumps(facts)
    address = authorize_address(host, client_id, str(state), secure=not _is_own_host(host))
    # A redirect would be an answer to a form, and our pages let forms lead nowhere but to us.
    return render_template("bitrix24/away.html", say=LANGUAGES[locale_of_request()], address=address)


def _is_own_host(host: str) -> bool:
    """An own server, or a stand-in, that the operator lets the hub reach by plain http."""
    allow = parse_allow_hosts(web().settings.allow_hosts)
    try:
        parts = urlsplit(f"http://{host}")
        name, port = parts.hostname or "", parts.port or 80
    except ValueError:
        return False
    try:
        return allow.has_address(ip_address(name), port)
    except ValueError:
        return allow.has_name(name, port)


def _prepare(host: str, client_id: str, client_secret: str) -> None:
    """A connection that waits for the portal's consent; the same application entered again is the same one."""
    from hub.web.start.adding import Keys, keep_connection

    with web().database.reading() as database:
        rows = _rows(database, this_person().workspace_id)
    known = next((row.id for row in rows if (row.secrets or {}).get("client_id") == client_id), None)
    settings = next((row.settings for row in rows if row.id == known), {"auth": "oauth", "domain": host})
    secrets_ = {"client_id": client_id, "client_secret": client_secret}
    keep_connection(this_person(), Keys(VENDOR, settings, secrets_), known)


def come_back() -> ResponseReturnValue:
    """The browser returns with a code that is good for thirty seconds, or with the portal's "no"."""
    from_start, state = began_at_start(VENDOR), _state()
    if state is None:
        return back_refused(VENDOR, "again") if from_start else refusal_page("again", status=400)
    if "code" not in request.args:
        return back_refused(VENDOR, "denied") if from_start else refusal_page("denied", status=403)
    try:
        installed = install_for(verified(_claim(state)), state["workspace"])
    except DeliveryError as error:
        if from_start:
            return back_refused(VENDOR, error)
        key, status = ("refused", 403) if isinstance(error, Unproven) else ("later", 503)
        return refusal_page(key, status=status, words=error.message, hint=error.hint)
    if from_start:
        return back_connected(installed.connection_id, _another_portal(state["portal"], installed.connection_id))
    flash(LANGUAGES[locale_of_request()]["installed"], "good")
    return redirect(url_for("pages.connection", connection_id=installed.connection_id), code=303)


def _another_portal(typed: str, connection_id: int) -> str:
    """What to say where the access is for another portal than the one that was typed; "" for the same."""
    with web().database.reading() as database:
        settings = database.get_one(Connection, connection_id).settings
    hosts = {str(settings.get("domain", "")), host_of(str(settings.get("client_endpoint", "")))}
    if typed in hosts:
        return ""
    return _("You typed %(typed)s, and the access was given for %(host)s. Look whether that is the right portal.",
             typed=typed, host=settings.get("domain", ""))  # fmt: skip


def _state() -> dict[str, Any] | None:
    """What we sent, when it comes back in the same session, in time, for the first time, to who may connect."""
    expected = session.pop(_SESSION_KEY, None)
    person = current_person()
    try:
        state: dict[str, Any] = _signer().loads(request.args.get("state", ""), max_age=_STATE_SECONDS)
    except BadSignature:
        return None
    is_ours = expected is not None and secrets.compare_digest(str(state.get("nonce")), str(expected))
    may_connect = person is not None and person.workspace_id == state.get("workspace")
    return state if is_ours and may_connect else None


def _claim(state: dict[str, Any]) -> Claim:
    server = request.args.get("server_domain", "")
    allowed = web().settings.bitrix24_auth_servers
    if server and server not in allowed:
        words = f"{server[:100]} is no authorization server that the hub trusts."
        raise Unproven(words).because("unknown_server", host=server[:100])
    client_id, client_secret = _application(state["workspace"], client_id=str(state.get("client", "")))
    host = server or allowed[0]
    return exchanged(
        runtime().http,
        server=f"http://{host}" if _is_own_host(host) else f"https://{host}",
        client_id=client_id,
        client_secret=client_secret,
        code=request.args.get("code", ""),
        domain=request.args.get("domain", "") or state["portal"],
    )


def _application(workspace_id: int, *, client_id: str = "", portal: str = "") -> tuple[str, str]:
    """Which application to use: that one, or one that a connection of the workspace names, else the hub's own."""
    with web().database.reading() as database:
        rows = _rows(database, workspace_id)
    settings = web().settings
    own = (settings.bitrix24_client_id, settings.bitrix24_client_secret)
    rows.sort(key=lambda row: row.settings.get("domain") != portal)
    known = [(str((row.secrets or {}).get("client_id") or ""), str((row.secrets or {}).get("client_secret") or ""))
             for row in rows if row.settings.get("auth") == "oauth"]  # fmt: skip
    found = [keys for keys in (*known, own) if all(keys) and client_id in ("", keys[0])]
    return found[0] if found else own


def _rows(database: Session, workspace_id: int) -> list[Connection]:
    query = select(Connection).where(Connection.vendor == VENDOR, Connection.workspace_id == workspace_id)
    return list(database.scalars(query.order_by(Connection.id)))


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=_SALT)


def _form(error: str = "", typed: str = "") -> str:
    known = bool(_application(this_person().workspace_id)[0])
    return render_template(
        "bitrix24/connect.html",
        say=LANGUAGES[locale_of_request()],
        error=error,
        typed=typed[:253],
        has_application=known,
        from_start=is_from_start(),
        addresses={"app": f"{web().public_url}/bitrix24/app", "install": f"{web().public_url}/bitrix24/install"},
    )
