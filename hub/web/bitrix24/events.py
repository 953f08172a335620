"""`/bitrix24/events`: what the portal's queue server posts, once and never again (bitrix24.md §5)."""

from __future__ import annotations

import structlog
from flask import Response, current_app, make_response, request

from connectors.bitrix24.application import Unproven, claim_of_event
from connectors.bitrix24.events import INSTALLED, UNINSTALLED, Bitrix24Hook, event_name, is_genuine, read_form
from hub.db.tables import Connection
from hub.delivery.health import stop
from hub.domain.errors import BadSignature, Unreachable
from hub.web.bitrix24 import bitrix24
from hub.web.bitrix24.installing import install_for
from hub.web.bitrix24.store import connections_of, end_access
from hub.web.bitrix24.trust import verified
from hub.web.services import web
from webhooks.contract import HookRequest
from webhooks.inbox import InboxUnavailable
from webhooks.receiver import BODY_CAP_BYTES

log = structlog.get_logger()

_GONE = "The application was removed from the portal."
_MEND = "Install it in Bitrix24 again."
_LONGEST_MEMBER_ID = 64


@bitrix24.route("/events", methods=["GET", "POST"])
def events() -> Response:
    """200 for an event that was kept; the same 404 for an unknown portal and a wrong token.

    A GET is the marketplace's check that the address is there.
    """
    if request.method != "POST":
        return _answer(200, "ok")
    body = request.get_data(cache=True)
    if len(body) > BODY_CAP_BYTES:
        return _answer(413, "the body is over 256 KiB")
    return take_event(body)


def take_event(body: bytes) -> Response:
    """Keep one event of a portal of ours, or install."""
    try:
        form = read_form(body)
    except BadSignature:
        return _refused("no form")
    name = event_name(form)
    if name in INSTALLED:
        return _installed(form)
    with web().database.reading() as session:
        rows = connections_of(session, form.get("auth[member_id]", "")[:_LONGEST_MEMBER_ID])
    token = form.get("auth[application_token]", "")
    genuine = [row for row in rows if is_genuine(token, _secrets(row))]
    if not genuine:
        return _refused(name)
    return _kept(genuine, name, form, body)


def _secrets(row: Connection) -> list[dict[str, str]]:
    return [secrets for secrets in (row.secrets, row.previous_secrets) if secrets]


def _installed(form: dict[str, str]) -> Response:
    """An installation or an update brings new tokens and perhaps a new application token (bitrix24.md §1.4)."""
    claim = claim_of_event(form)
    if claim is None:
        return _refused("an installation without a portal or a token")
    try:
        install_for(verified(claim))
    except Unproven as refusal:
        return _refused(refusal.message)
    except Unreachable as error:
        current_app.logger.warning("an installation could not be verified: %s", error.message)
        return _answer(503, "not verified, please install again")
    return _answer(200, "ok")


def _kept(rows: list[Connection], name: str, form: dict[str, str], body: bytes) -> Response:
    services = web().services
    received_at = services.now()
    heard = HookRequest("POST", "", "", {}, body, received_at)
    try:
        for row in rows:
            admitted = Bitrix24Hook().admit(heard, _secrets(row))
            assert services.keep is not None
            services.keep(row.id, admitted.items, received_at)
    except InboxUnavailable:
        return _answer(503, "not kept, please send again")
    if name == UNINSTALLED:
        for row in rows:
            _removed(row.id, wipe=form.get("data[CLEAN]", "") in {"1", "Y", "true"})
    return _answer(200, "ok")


def _removed(connection_id: int, *, wipe: bool) -> None:
    """At once and not by way of the inbox: an installation that follows must not be undone by a late worker."""
    with web().database.transaction() as session:
        row = session.get_one(Connection, connection_id, with_for_update=True)
        end_access(session, row, web().services.now(), wipe=wipe)
        stop(session, row, "needs_reconnect", _GONE, _MEND)
    log.info("bitrix24_removed", connection_id=connection_id, wiped=wipe)


def _refused(why: str) -> Response:
    log.warning("bitrix24_event_refused", why=why[:100])
    return _answer(404, "not found")


def _answer(status: int, words: str) -> Response:
    key = "error" if status >= 400 else "result"
    return make_response({key: words}, status)
