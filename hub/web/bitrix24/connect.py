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
from hub.web.i18n import locale_of_request
from hub.web.people import current_person, this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_STATE_SECONDS = 600
_SALT = "bitrix24 oauth state"
_SESSION_KEY = "bitrix24_state"
_HOST = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}(:\d{1,5})?")
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
    """Send the browser to the portal's consent."""
    host = portal_host(request.form.get("portal", ""))
    if host is None or (_ADDRESS.fullmatch(host) and not _is_own_host(host)):
        return _form("portal", request.form.get("portal", "")), 400
    client_id = _application(this_person().workspace_id)[0]
    if not client_id:
        return _form("application", host), 400
    nonce = secrets.token_urlsafe(18)
    session[_SESSION_KEY] = nonce
    state = _signer().dumps({"workspace": this_person().workspace_id, "portal": host, "nonce": nonce})
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


def come_back() -> ResponseReturnValue:
    """The browser returns with a code that is good for thirty seconds."""
    state = _state()
    if state is None:
        return refusal_page("again", status=400)
    try:
        installed = install_for(verified(_claim(state)), state["workspace"])
    except Unproven as refusal:
        return refusal_page("refused", status=403, words=refusal.message, hint=refusal.hint)
    except DeliveryError as error:
        return refusal_page("later", status=503, words=error.message, hint=error.hint)
    flash(LANGUAGES[locale_of_request()]["installed"], "good")
    return redirect(url_for("pages.connection", connection_id=installed.connection_id), code=303)


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
        raise Unproven(f"{server[:100]} is no authorization server that the hub trusts.")
    client_id, client_secret = _application(state["workspace"])
    host = server or allowed[0]
    return exchanged(
        runtime().http,
        server=f"http://{host}" if _is_own_host(host) else f"https://{host}",
        client_id=client_id,
        client_secret=client_secret,
        code=request.args.get("code", ""),
        domain=request.args.get("domain", "") or state["portal"],
    )


def _application(workspace_id: int) -> tuple[str, str]:
    """Which application to use: one that a connection of the workspace names, else the hub's own."""
    with web().database.reading() as database:
        rows = database.scalars(
            select(Connection).where(Connection.vendor == VENDOR, Connection.workspace_id == workspace_id)
        ).all()
    for row in rows:
        keys = row.secrets or {}
        if keys.get("client_id") and keys.get("client_secret") and row.settings.get("auth") == "oauth":
            return str(keys["client_id"]), str(keys["client_secret"])
    settings = web().settings
    return settings.bitrix24_client_id, settings.bitrix24_client_secret


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=_SALT)


def _form(error: str = "", typed: str = "") -> str:
    say = LANGUAGES[locale_of_request()]
    return render_template("bitrix24/connect.html", say=say, error=error, typed=typed[:253])
