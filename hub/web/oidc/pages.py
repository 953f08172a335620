"""There and back: the browser goes to the provider, comes back, and a session begins or a page says why not."""

from __future__ import annotations

import structlog
from flask import make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from hub.web.i18n import _
from hub.web.oidc import attempts, oidc, provider
from hub.web.oidc.matching import enter, find_users
from hub.web.oidc.provider import Identity
from hub.web.oidc.refusals import Reason, Refused
from hub.web.oidc.words import REFUSALS
from hub.web.pages.login import address_brake, begin_session, local_path
from hub.web.paging import parse_id
from hub.web.people import current_person
from hub.web.services import web

log = structlog.get_logger()
_ERRORS = {
    "access_denied": Reason.DENIED,
    "login_required": Reason.STALE,
    "interaction_required": Reason.STALE,
    "temporarily_unavailable": Reason.AWAY,
    "server_error": Reason.AWAY,
}
"""OAuth 2.0 §4.1.2.1 and OpenID Connect Core 1.0 §3.1.2.6; any other means that something is not set up."""


@oidc.get("")
def begin() -> ResponseReturnValue:
    """Send the browser to the provider."""
    wanted = request.args.get("next", "")
    there = provider()
    if current_person() is not None:
        return redirect(local_path(wanted))
    try:
        _check_brake()
        back = f"{web().public_url}{url_for('oidc.come_back')}"
        return redirect(there.authorization_address(attempts.begin(wanted, back, web().services.now())))
    except Refused as refusal:
        return _refusal(refusal)


@oidc.get("/callback")
def come_back() -> ResponseReturnValue:
    """Begin the session of whom the provider names."""
    provider()
    try:
        _check_brake()
        identity, wanted = _arrived()
        with web().database.reading() as database:
            found = [(user.id, workspace.name) for user, workspace in find_users(database, identity)]
    except Refused as refusal:
        return _refusal(refusal)
    if len(found) == 1:
        return _let_in(found[0][0], identity, wanted)
    attempts.keep_arrival(identity, wanted, web().services.now())
    return render_template("oidc/choose.html", found=found, email=identity.email)


@oidc.post("/workspace")
def choose() -> ResponseReturnValue:
    """Go on in the workspace that was chosen of several."""
    provider()
    kept = attempts.arrival(web().services.now())
    user_id = parse_id(request.form.get("user", ""))
    if kept is None or user_id is None:
        return _refusal(Refused(Reason.STALE, "no arrival is kept"))
    identity, wanted = kept
    return _let_in(user_id, identity, wanted)


def _check_brake() -> None:
    if address_brake().wait_seconds(str(request.remote_addr)):
        raise Refused(Reason.BRAKE)


def _arrived() -> tuple[Identity, str]:
    """Who came back, and where they wanted to go. Raises `Refused`."""
    kept = attempts.take(request.args.get("state", ""), web().services.now())
    if kept is None:
        raise Refused(Reason.STALE, "the state is not one of this browser's")
    attempt, wanted = kept
    there = provider()
    issuer = request.args.get("iss")  # RFC 9207
    if issuer is not None and issuer != there.settings.issuer:
        raise Refused(Reason.UNTRUSTED, "the answer names another issuer")
    error = request.args.get("error")
    if error is not None:
        raise Refused(_ERRORS.get(error, Reason.SETUP), f"the provider's answer: {error}")
    code = request.args.get("code", "")
    if not code:
        raise Refused(Reason.SETUP, "the provider's answer has neither a code nor an error")
    return there.identity(code, attempt), wanted


def _let_in(user_id: int, identity: Identity, wanted: str) -> Response:
    try:
        with web().database.transaction() as database:
            person = enter(database, user_id, identity, web().services.now())
    except Refused as refusal:
        return _refusal(refusal)
    begin_session(person, through=provider().settings.title)
    return redirect(local_path(wanted), code=303)


def _refusal(refusal: Refused) -> Response:
    """The page that says why not; each but an absent provider counts against the address."""
    log.warning("oidc_refused", reason=refusal.reason.value, detail=refusal.detail)
    brake, address = address_brake(), str(request.remote_addr)
    if refusal.reason not in (Reason.AWAY, Reason.BRAKE):
        brake.count(address)
    status, title, advice = REFUSALS[refusal.reason]
    named = {"provider": _settings_title()}
    page = render_template(
        "oidc/refusal.html", status=status, title=str(title) % named, advice=str(advice) % named
    )  # fmt: skip
    answer = make_response(page, status)
    if refusal.reason is Reason.BRAKE:
        answer.headers["Retry-After"] = str(brake.wait_seconds(address) or 1)
    return answer


def _settings_title() -> str:
    settings = web().settings.oidc
    return settings.title if settings else _("The provider")
