"""Connecting and disconnecting an account: what amoCRM sends, and what is believed of it (amocrm.md §1.2 to §1.9).

Nothing here keeps anything. A code is exchanged at an account of the vendor's, or at an address that
the operator allows; whose account it was is then asked with the token itself, not read from the redirect.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from connectors.amocrm.envelope import identifier, mapping, opened, text
from connectors.amocrm.hosts import host_of, is_account, is_kommo
from connectors.amocrm.jwt import account_id_of, claims_of
from connectors.amocrm.oauth import token_pair
from hub.domain.access import TokenPair
from hub.domain.errors import Rejected, Unreachable
from hub.net.http import Http, HttpAnswer

AMOCRM, KOMMO = "https://www.amocrm.ru", "https://www.kommo.com"
_TIMEOUT_SECONDS = 15.0
_LONGEST_TOKEN = 8192


class Unproven(Rejected):
    """What came is not genuine, or not for us: nothing of it may be kept."""


@dataclass(frozen=True, slots=True)
class Keys:
    """An integration: `redirect_uri` is what it has, byte for byte."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Login:
    """A pair, and whose it is. `is_admin` is None when the account does not say."""

    base_url: str
    account_id: str
    account_name: str
    user_id: str
    is_admin: bool | None
    pair: TokenPair


@dataclass(frozen=True, slots=True)
class WidgetVisitor:
    """Who opened the widget, by the one-time token that amoCRM signed (amocrm.md §1.9)."""

    client_id: str
    account_id: str
    user_id: str
    is_admin: bool
    token_id: str


def authorize_address(base_url: str, client_id: str, state: str) -> str:
    """Where the browser asks for consent: the vendor's own site, or a stand-in that a person entered."""
    origin = base_url.rstrip("/")
    if not origin or is_account(host_of(origin)):
        origin = KOMMO if is_kommo(base_url) else AMOCRM
    return f"{origin}/oauth?{urlencode({'client_id': client_id, 'state': state})}"


def referred_base(referer: str, is_allowed: Callable[[str], bool]) -> str | None:
    """The base address of the account that a redirect names; None for a host that must not see our secret.

    `is_allowed` says of another "host[:port]" than the vendor's whether the operator opened it (amocrm.md §0.1).
    """
    host = referer.strip().lower().removeprefix("https://").removesuffix("/")
    if is_account(host):
        return f"https://{host}"
    try:
        parts = urlsplit(f"http://{host}")
        is_bare = bool(parts.hostname) and parts.netloc == host and "@" not in host and (parts.port or 80) > 0
    except ValueError:
        return None
    return f"http://{host}" if is_bare and is_allowed(host) else None


def logged_in(http: Http, base_url: str, keys: Keys, code: str, now: datetime) -> Login:
    """Exchange a code, and ask the account who it is and whose token this is.

    Raises `Unproven` when the code brings no access to an account, `AuthRevoked` when it or the keys
    are refused, `Unreachable` or `OutcomeUnknown` when nobody answers.
    """
    fields = {
        "client_id": keys.client_id,
        "client_secret": keys.client_secret,
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": keys.redirect_uri,
    }
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    answer = http.request(
        "POST",
        f"{base_url}/oauth2/access_token",
        headers=headers,
        body=json.dumps(fields).encode(),
        write=True,
        read_timeout_seconds=_TIMEOUT_SECONDS,
    )
    return _whose(http, base_url, token_pair(answer, now, {}), now)


def _whose(http: Http, base_url: str, pair: TokenPair, now: datetime) -> Login:
    account = mapping(opened(_read(http, base_url, "account", pair), write=False, now=now))
    account_id, user_id = identifier(account.get("id")), identifier(account.get("current_user_id"))
    claimed = account_id_of(pair.access)
    if account_id is None or (claimed and claimed != account_id):
        raise Unproven("amoCRM does not say whose access this is.", "Try again.").because("log_in_refused")
    name = text(account.get("name")) or host_of(base_url)
    return Login(base_url, account_id, name, user_id or "", _is_admin(http, base_url, pair, user_id), pair)


def _is_admin(http: Http, base_url: str, pair: TokenPair, user_id: str | None) -> bool | None:
    """Only administrators may read people; so a refusal says as much as the answer."""
    if user_id is None:
        return None
    try:
        answer = _read(http, base_url, f"users/{user_id}", pair)
    except Unreachable:
        return None
    if answer.status == 403:
        return False
    if answer.status != 200:
        return None
    try:
        said = mapping(mapping(json.loads(answer.body)).get("rights")).get("is_admin")
    except ValueError:
        return None
    return said if isinstance(said, bool) else None


def _read(http: Http, base_url: str, path: str, pair: TokenPair) -> HttpAnswer:
    headers = {"Authorization": f"Bearer {pair.access}", "Accept": "application/json"}
    return http.request(
        "GET", f"{base_url}/api/v4/{path}", headers=headers, write=False, read_timeout_seconds=_TIMEOUT_SECONDS
    )


# --- Signed by the integration's secret -------------------------------------------------------------


def is_genuine_disconnect(given: Mapping[str, str], client_id: str, client_secret: str) -> bool:
    """Whether the disconnect hook was signed with this integration's secret (amocrm.md §1.8)."""
    account_id = given.get("account_id", "")
    message = f"{client_id}|{account_id}".encode()
    expected = hmac.new(client_secret.encode(), message, hashlib.sha256).hexdigest()
    signed = hmac.compare_digest(expected.encode(), given.get("signature", "").strip().lower().encode())
    meant = hmac.compare_digest(client_id.encode(), given.get("client_uuid", "").encode())
    return bool(client_secret) and signed and meant


def client_of_widget_token(token: str) -> str:
    """Which integration a one-time token says it is of, read without a proof; "" when it says nothing."""
    return text(claims_of(token).get("client_uuid")) if len(token) <= _LONGEST_TOKEN else ""


def widget_visitor(token: str, keys: Keys, now: datetime) -> WidgetVisitor:
    """Who opened the widget. Raises `Unproven` for a wrong signature, time, audience or integration."""
    parts = urlsplit(keys.redirect_uri)
    rules = jwt.JWTClaimsRegistry(
        now=lambda: int(now.timestamp()),
        aud={"essential": True, "value": f"{parts.scheme}://{parts.netloc}"},
        exp={"essential": True},
        nbf={"essential": True},
        jti={"essential": True},
        client_uuid={"essential": True, "value": keys.client_id},
    )
    try:
        claims = jwt.decode(token, OctKey.import_key(keys.client_secret), algorithms=["HS256"]).claims
        rules.validate(claims)
    except (JoseError, ValueError) as error:
        raise Unproven("The widget's token is not genuine, or has ended.", "Open the widget again.") from error
    account_id, user_id = identifier(claims.get("account_id")), identifier(claims.get("user_id"))
    if account_id is None or user_id is None:
        raise Unproven("The widget's token names nobody.", "Open the widget again.")
    return WidgetVisitor(keys.client_id, account_id, user_id, claims.get("is_admin") is True, text(claims["jti"]))
