"""The application on a portal: what a page or an event claims, and what the auth server says of it.

Whatever a browser posts can be made up (bitrix24.md §1.3), so a claim is worth nothing until the auth
server, asked at an address that the operator allows, has told the same of its access token.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

from connectors.bitrix24.envelope import Envelope, identifier, mapping, opened, text
from connectors.bitrix24.hosts import host_of, origin_of
from connectors.bitrix24.oauth import token_fields
from connectors.bitrix24.rename import is_redirect
from hub.domain.access import TokenPair
from hub.domain.errors import DeliveryError, Rejected, Unreachable
from hub.net.http import Http

_LONGEST_VALUE = 4096
_YES = frozenset({"Y", "1", "true", "True"})


class Unproven(Rejected):
    """The claim is not what the auth server says, or cannot be asked about: nothing of it may be kept."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who somebody says they are: a portal, and tokens of one of its users.

    `domain` is host and port of the portal; `server_endpoint` is empty when it was not stated.
    """

    member_id: str
    domain: str
    access: str = field(repr=False)
    refresh: str = field(default="", repr=False)
    expires_in_seconds: int | None = None
    server_endpoint: str = ""
    application_token: str = field(default="", repr=False)
    language: str = ""
    placement: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the auth server says of an access token: which application, which portal, which user."""

    client_id: str
    member_id: str
    domain: str
    client_endpoint: str
    server_endpoint: str
    user_id: str
    scope: str
    installed: bool


@dataclass(frozen=True, slots=True)
class PortalUser:
    """The person whom a token speaks for. `is_admin` is None when the portal does not say."""

    id: str
    name: str
    is_admin: bool | None


# --- What is claimed --------------------------------------------------------------------------------


def claim_of_frame(query: Mapping[str, str], form: Mapping[str, str]) -> Claim | None:
    """What the post that opens a page in the portal claims (bitrix24.md §1.3); None when it is none."""
    given = {**query, **form}

    def value(name: str) -> str:
        return given.get(name, "").strip()[:_LONGEST_VALUE]

    member_id, domain, access = value("member_id"), value("DOMAIN").lower(), value("AUTH_ID")
    if not (member_id and domain and access):
        return None
    return Claim(
        member_id=member_id,
        domain=domain,
        access=access,
        refresh=value("REFRESH_ID"),
        expires_in_seconds=_whole(value("AUTH_EXPIRES")),
        server_endpoint=value("SERVER_ENDPOINT"),
        application_token=value("APPLICATION_TOKEN"),
        language=value("LANG").lower(),
        placement=value("PLACEMENT"),
    )


def claim_of_event(form: Mapping[str, str]) -> Claim | None:
    """What ONAPPINSTALL or ONAPPUPDATE claims (bitrix24.md §1.4); None without a portal or tokens."""

    def value(name: str) -> str:
        return form.get(f"auth[{name}]", "").strip()[:_LONGEST_VALUE]

    member_id, access = value("member_id"), value("access_token")
    domain = value("domain").lower() or host_of(value("client_endpoint"))
    if not (member_id and domain and access):
        return None
    return Claim(
        member_id=member_id,
        domain=domain,
        access=access,
        refresh=value("refresh_token"),
        expires_in_seconds=_whole(value("expires_in")),
        server_endpoint=value("server_endpoint"),
        application_token=value("application_token"),
        language=form.get("data[LANGUAGE_ID]", "").lower()[:8],
    )


def _whole(value: str) -> int | None:
    return int(value) if value.isdigit() and len(value) < 9 else None


def pair_of(claim: Claim, now: datetime) -> TokenPair | None:
    """The pair to keep; None when the claim brought no refresh token."""
    if not claim.refresh:
        return None
    until = None if claim.expires_in_seconds is None else now + timedelta(seconds=claim.expires_in_seconds)
    return TokenPair(claim.access, claim.refresh, until)


# --- What is true -----------------------------------------------------------------------------------


def prove(http: Http, claim: Claim, auth_servers: Sequence[str], now: datetime, *, usual_server: str = "") -> Proof:
    """Ask the auth server about the claim's token and compare (bitrix24.md §1.3).

    `auth_servers` are the hosts that may be asked; `usual_server` is the one that the portal named
    before, for claims that name none. Raises `Unproven` in words for people, `Unreachable` when
    the auth server cannot be asked now.
    """
    refusal: DeliveryError | None = None
    for server in _servers(claim, auth_servers, usual_server):
        try:
            said = _application(http, server, claim.access, now)
        except Unreachable:
            raise
        except DeliveryError as error:
            refusal = error
            continue
        return _compared(claim, said, server)
    reason = refusal.message if refusal else "no authorization server is allowed"
    words = f"Bitrix24 does not know this log-in: {reason}"
    raise Unproven(words, "Open the application in the portal again.").because("log_in_refused")


def _servers(claim: Claim, allowed: Sequence[str], usual: str) -> list[str]:
    """Where to ask: the server that was named, which must be an allowed one; else the usual one, else each."""
    named = claim.server_endpoint or usual
    if named:
        if host_of(named) not in allowed or urlsplit(named).username is not None:
            hint = "If it is Bitrix24's, add it to DOZVON_BITRIX24_AUTH_SERVERS."
            words = f"{host_of(named)} is no authorization server that the hub trusts."
            raise Unproven(words, hint).because("unknown_server", host=host_of(named))
        return [origin_of(named)]
    return [f"https://{host}" for host in allowed]


def _application(http: Http, server: str, token: str, now: datetime) -> Envelope:
    """`app.info` of the auth server. Its address holds the token, as the vendor wants it, and is never logged."""
    answer = http.request("GET", f"{server}/rest/app.info?{urlencode({'auth': token})}", write=False)
    if is_redirect(answer):
        raise Unreachable("Bitrix24's authorization server answered with a redirect.")
    return mapping(opened(answer, write=False, now=now)["result"])


def _compared(claim: Claim, said: Envelope, server: str) -> Proof:
    install = mapping(said.get("install"))
    endpoint = text(install.get("client_endpoint"))
    proof = Proof(
        client_id=text(said.get("client_id")),
        member_id=text(install.get("member_id")),
        domain=text(install.get("domain")).lower(),
        client_endpoint=endpoint if endpoint.endswith("/") else f"{endpoint}/",
        server_endpoint=f"{server}/rest/",
        user_id=identifier(said.get("user_id")) or "",
        scope=text(said.get("scope")),
        installed=install.get("installed") not in (False, "N", "0", 0, None),
    )
    same_member = hmac.compare_digest(proof.member_id.encode(), claim.member_id.encode())
    if not (proof.client_id and proof.member_id and same_member):
        raise Unproven("The log-in belongs to another portal than the one that is named.").because("other_account")
    if claim.domain not in {proof.domain, host_of(proof.client_endpoint)}:
        words = f"The portal does not live at {claim.domain}."
        raise Unproven(words, "Open the application in the portal again.").because("other_account")
    if urlsplit(endpoint).scheme not in {"http", "https"} or not urlsplit(endpoint).hostname:
        raise Unproven("The authorization server names no address of the portal.")
    return proof


def portal_user(http: Http, proof: Proof, access: str, now: datetime) -> PortalUser:
    """Whom the token speaks for, as the portal says (`profile`, which needs no right at all).

    Raises `Unreachable` when the portal cannot be asked; a portal that refuses leaves it open who is an administrator.
    """
    answer = http.request(
        "POST",
        f"{proof.client_endpoint}profile",
        headers={"Content-Type": "application/json"},
        body=json.dumps({"auth": access}).encode(),
        write=False,
    )
    try:
        said = mapping(opened(answer, write=False, now=now)["result"])
    except Unreachable:
        raise
    except DeliveryError:
        return PortalUser(proof.user_id, "", None)
    names = (text(said.get("NAME")).strip(), text(said.get("LAST_NAME")).strip())
    is_admin = None if "ADMIN" not in said else said["ADMIN"] is True or text(said["ADMIN"]) in _YES
    return PortalUser(identifier(said.get("ID")) or proof.user_id, " ".join(filter(None, names)), is_admin)


# --- The authorization-code flow --------------------------------------------------------------------


def authorize_address(portal: str, client_id: str, state: str, *, secure: bool = True) -> str:
    """Where to send the browser (bitrix24.md §1.5): the way back stands in the application's settings."""
    scheme = "https" if secure else "http"
    return f"{scheme}://{portal}/oauth/authorize/?{urlencode({'client_id': client_id, 'state': state})}"


def exchanged(http: Http, *, server: str, client_id: str, client_secret: str, code: str, domain: str) -> Claim:
    """The claim that an authorization code stands for. `server` is an allowed host.

    The code is good once: whatever goes wrong, the person begins anew. Raises the delivery errors.
    """
    query = {
        "grant_type": "authorization_code",
        "client_id": client_id,
        "client_secret": client_secret,
        "code": code,
    }
    origin = server if "://" in server else f"https://{server}"
    said = token_fields(http.request("GET", f"{origin}/oauth/token/?{urlencode(query)}", write=False))
    return Claim(
        member_id=text(said.get("member_id")),
        domain=host_of(text(said.get("client_endpoint"))) or domain.lower(),
        access=text(said.get("access_token")),
        refresh=text(said.get("refresh_token")),
        expires_in_seconds=_whole(text(said.get("expires_in"))),
        server_endpoint=text(said.get("server_endpoint")) or f"{origin}/rest/",
    )
