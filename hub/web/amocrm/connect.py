"""Connecting an account from our own pages: the authorization-code flow (amocrm.md §1.2 to §1.4)."""

from __future__ import annotations

import re

import structlog
from flask import Response, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from connectors.amocrm.hosts import host_of, is_account
from connectors.amocrm.install import Keys, Unproven, authorize_address
from connectors.amocrm.settings import AmocrmSettings
from hub.db.tables import Connection
from hub.domain.errors import AuthRevoked, DeliveryError
from hub.web.amocrm import amocrm
from hub.web.amocrm.reach import is_opened_host, log_in
from hub.web.amocrm.state import Facts, new_state, returned_state
from hub.web.amocrm.store import (
    CALLBACK,
    VENDOR,
    connection_for,
    connections_in,
    connections_of,
    keep_login,
    keys_of,
    market_keys,
)
from hub.web.amocrm.store import new_connection as add_connection
from hub.web.amocrm.words import words
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web
from hub.web.start.returning import back_connected, back_refused, began_at_start, is_from_start, note_beginning

log = structlog.get_logger()
_CLIENT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
_LONGEST_SECRET = 512
_BUTTON_HOSTS = {"amocrm": "https://www.amocrm.ru", "kommo": "https://www.kommo.com"}


@amocrm.get("/install")
@needs(Right.CONNECT)
def install() -> ResponseReturnValue:
    """The page to begin at; with `?connection=<name>` straight to the consent of that connection's account."""
    name = request.args.get("connection")
    if name is None:
        return _page()
    note_beginning(VENDOR)
    with web().database.reading() as session:
        rows = [row for row in connections_in(session, this_person().workspace_id) if row.name == name]
    return _to_consent(rows[0]) if rows else (_page("unknown"), 404)


@amocrm.post("/install")
@needs(Right.CONNECT)
def begin() -> ResponseReturnValue:
    """Keep the keys of a private integration, or take those of our own, and send the browser to the consent."""
    note_beginning(VENDOR)
    base_url = _account_address(request.form.get("account", ""))
    if base_url is None:
        return _page("account"), 400
    keys = market_keys() if request.form.get("integration") == "market" else _typed_keys()
    if keys is None:
        return _page("keys"), 400
    with web().database.transaction() as session:
        row = _prepared(session, keys, base_url)
    return _to_consent(row)


def _typed_keys() -> Keys | None:
    client_id, client_secret = (request.form.get(name, "").strip() for name in ("client_id", "client_secret"))
    if not _CLIENT_ID.fullmatch(client_id) or not 8 <= len(client_secret) <= _LONGEST_SECRET:
        return None
    return Keys(client_id, client_secret, f"{web().public_url}{CALLBACK}")


def _account_address(typed: str) -> str | None:
    try:
        base_url: str = AmocrmSettings().load({"base_url": typed})["base_url"]
    except ValidationError:
        return None
    host = host_of(base_url)
    return base_url if (is_account(host) and base_url.startswith("https:")) or is_opened_host(host) else None


def _prepared(session: Session, keys: Keys, base_url: str) -> Connection:
    """The same integration entered again, with another secret perhaps, is the same connection."""
    for row in connections_in(session, this_person().workspace_id):
        if keys_of(row).client_id == keys.client_id and host_of(str(row.settings.get("base_url"))) == host_of(base_url):
            row.secrets = {**row.secrets, "client_secret": keys.client_secret, "redirect_uri": keys.redirect_uri}
            return row
    return add_connection(session, this_person().workspace_id, keys, base_url)


def _to_consent(row: Connection) -> Response:
    base_url = str(row.settings.get("base_url", ""))
    address = authorize_address(base_url, keys_of(row).client_id, new_state(row.id))
    return make_response(redirect(address, code=303))


@amocrm.get("/callback")
def callback() -> ResponseReturnValue:
    """amoCRM sends the browser back; or its server tells of an installation from the widget, without a state."""
    if "state" not in request.args and "from_widget" in request.args:
        return _from_widget()
    from_start, state = began_at_start(VENDOR), returned_state(request.args.get("state", ""))
    if state is None:
        return back_refused(VENDOR, "again") if from_start else refusal("again", 400)
    if request.args.get("error"):
        return back_refused(VENDOR, "denied") if from_start else refusal("denied", 403)
    try:
        connection_id = _connected(state)
    except DeliveryError as error:
        if from_start:
            return back_refused(VENDOR, error)
        key, status = ("refused", 403) if isinstance(error, Unproven | AuthRevoked) else ("later", 503)
        return refusal(key, status, error.message, error.hint)
    if from_start:
        return back_connected(connection_id)
    flash(words()["connected"], "good")
    return redirect(url_for("pages.connection", connection_id=connection_id), code=303)


def _connected(state: Facts) -> int:
    given = request.args.to_dict()
    with web().database.reading() as session:
        row = _meant(session, state, given.get("client_id", ""))
    login = log_in(given, keys_of(row), str(row.settings.get("base_url", "")))
    with web().database.transaction() as session:
        kept = session.get_one(Connection, row.id, with_for_update=True)
        keep_login(session, kept, login)
    log.info("amocrm_connected", connection_id=row.id)
    return row.id


def _meant(session: Session, state: Facts, client_id: str) -> Connection:
    """The connection that the log-in was begun for; after the button, the one that its keys have made."""
    if state["connection"] is None:
        rows = [row for row in connections_of(session, client_id) if row.workspace_id == state["workspace"]]
        row = rows[0] if rows else None
    else:
        row = session.get(Connection, state["connection"])
    is_mine = row is not None and row.workspace_id == state["workspace"] and row.vendor == VENDOR
    if row is None or not is_mine or (client_id and keys_of(row).client_id != client_id):
        words = "This log-in was not begun for that integration."
        raise Unproven(words, "Begin again at /amocrm/install.").because("other_account")
    return row


def _from_widget() -> ResponseReturnValue:
    """Server to server, so the answer is for a program: 200 when the log-in is kept (amocrm.md §1.3)."""
    try:
        _installed(request.args.to_dict())
    except (Unproven, AuthRevoked) as error:
        log.warning("amocrm_install_refused", why=error.message[:200])
        return {"error": "refused"}, 403
    except DeliveryError as error:
        log.warning("amocrm_install_failed", why=error.message[:200])
        return {"error": "not kept, please install again"}, 503
    return {"result": "ok"}


def _installed(given: dict[str, str]) -> None:
    with web().database.reading() as session:
        rows = [row for row in connections_of(session, given.get("client_id", "")) if keys_of(row).client_secret]
    market = market_keys()
    if market is not None and market.client_id == given.get("client_id"):
        keys, known_base = market, _stand_in_base(rows)
    elif rows:
        keys, known_base = keys_of(rows[0]), str(rows[0].settings.get("base_url", ""))
    else:
        raise Unproven("The hub does not know this integration.")
    login = log_in(given, keys, known_base)
    with web().database.transaction() as session:
        keep_login(session, connection_for(session, keys, login), login)


def _stand_in_base(rows: list[Connection]) -> str:
    """The address of a connection that a person set to a stand-in; "" when all are the vendor's own accounts."""
    known = (str(row.settings.get("base_url", "")) for row in rows)
    return next((base for base in known if base and not is_account(host_of(base))), "")


# --- Pages --------------------------------------------------------------------------------------------


def refusal(key: str, status: int, message: str = "", hint: str = "") -> Response:
    """Why it did not work, and what to do."""
    answer = make_response(render_template("amocrm/refused.html", say=words(), key=key, message=message, hint=hint))
    answer.status_code = status
    return answer


def _page(error: str = "") -> Response:
    site = "kommo" if request.args.get("site") == "kommo" else "amocrm"
    with web().database.reading() as session:
        rows = connections_in(session, this_person().workspace_id)
    answer = make_response(
        render_template(
            "amocrm/install.html",
            say=words(),
            error=error,
            from_start=is_from_start(),
            connections=rows,
            redirect_uri=f"{web().public_url}{CALLBACK}",
            secrets_uri=f"{web().public_url}/amocrm/secrets",
            state=new_state(None),
            site=site,
            has_market=market_keys() is not None,
            button=f"{_BUTTON_HOSTS[site]}/auth/button.min.js",
        )
    )
    return _with_button(answer, _BUTTON_HOSTS[site])


def _with_button(answer: Response, site: str) -> Response:
    """The vendor's button is a script of theirs that opens a window of theirs and hears from it.

    Browsers hold `form-action` against where a form's answer leads as well, which is the consent.
    """
    consent = " ".join([*_BUTTON_HOSTS.values(), *(["http:"] if web().settings.allow_hosts else [])])
    answer.headers["Content-Security-Policy"] = (
        f"default-src 'self'; script-src 'self' {site}; style-src 'self' 'unsafe-inline'; img-src 'self' {site}; "
        f"object-src 'none'; base-uri 'none'; form-action 'self' {consent}; frame-ancestors 'none'"
    )
    answer.headers["Cross-Origin-Opener-Policy"] = "same-origin-allow-popups"
    return answer
