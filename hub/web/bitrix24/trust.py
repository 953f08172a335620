"""From a post that anybody could have made up to something that may be kept or shown."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from time import monotonic

from flask import abort, current_app
from sqlalchemy.orm import Session

from connectors.bitrix24.application import Claim, PortalUser, Proof, Unproven, portal_user, prove
from hub.db.tables import Connection
from hub.domain.errors import Unreachable
from hub.net.http import Http
from hub.runtime import Runtime
from hub.web.bitrix24.store import connections_of, has_tokens, is_known_application
from hub.web.services import web

_BELIEVED_SECONDS = 600.0
_MOST_PROOFS = 10_000
_proofs: dict[bytes, tuple[float, Proof]] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Visitor:
    """A proven claim: which portal, and who of it."""

    claim: Claim
    proof: Proof
    user: PortalUser


def runtime() -> Runtime:
    """What this process reaches the portals with; a web process without it cannot serve these addresses."""
    found = web().services.runtime
    if found is None:
        abort(503)
    return found


def verified(claim: Claim) -> Visitor:
    """Ask the auth server and the portal. Raises `Unproven` or `Unreachable`; tries twice, as events are sent once."""
    http, now = runtime().http, web().services.now()
    try:
        return _verified(http, claim, now)
    except Unreachable as error:
        current_app.logger.warning("the portal's installation is asked about once more: %s", error.message)
        return _verified(http, claim, now)


def proven(claim: Claim) -> Proof:
    """What the auth server says of the claim's token; asked once for each token, and believed for ten minutes.

    For pages that must be there while a telephone rings. Raises `Unproven` or `Unreachable`.
    """
    told = sha256("\n".join((claim.access, claim.member_id, claim.domain, claim.server_endpoint)).encode()).digest()
    now = monotonic()
    with _lock:
        known = _proofs.get(told)
    if known is not None and now - known[0] < _BELIEVED_SECONDS:
        return known[1]
    proof = _proof(runtime().http, claim, web().services.now())
    with _lock:
        if len(_proofs) >= _MOST_PROOFS:
            _proofs.clear()
        _proofs[told] = (now, proof)
    return proof


def _verified(http: Http, claim: Claim, now: datetime) -> Visitor:
    proof = _proof(http, claim, now)
    return Visitor(claim, proof, portal_user(http, proof, claim.access, now))


def _proof(http: Http, claim: Claim, now: datetime) -> Proof:
    settings = web().settings
    with web().database.reading() as session:
        usual = _usual_server(connections_of(session, claim.member_id))
    proof = prove(http, claim, settings.bitrix24_auth_servers, now, usual_server=usual)
    with web().database.reading() as session:
        if not is_known_application(session, settings, proof.client_id):
            hint = "Enter its client_id and client_secret in a connection, or in DOZVON_BITRIX24_CLIENT_ID and _SECRET."
            words = "The portal opened an application that the hub does not know."
            raise Unproven(words, hint).because("unknown_application")
    return proof


def _usual_server(rows: list[Connection]) -> str:
    return next((str(row.settings["server_endpoint"]) for row in rows if row.settings.get("server_endpoint")), "")


def require_installer(session: Session, visitor: Visitor) -> None:
    """Only an administrator's access may become the connection's. Raises `Unproven`.

    An ordinary user of the portal has a genuine token too, and could post it to the installer. Where
    the portal does not say who is one, it counts that only administrators see an unfinished
    installation, and that nothing is there yet that could be taken over.
    """
    if visitor.user.is_admin:
        return
    if visitor.user.is_admin is None:
        known = [row for row in connections_of(session, visitor.proof.member_id) if has_tokens(session, row.id)]
        if not known or not visitor.proof.installed:
            return
    raise Unproven("Only an administrator of the portal can install the application.").because("admin_needed")
