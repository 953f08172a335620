"""One OpenID provider: its discovery document, its keys, and who came back from it.

OpenID Connect Core 1.0 and Discovery 1.0, the authorization-code flow with PKCE (RFC 7636) through Authlib's client.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from urllib.parse import quote_plus, urlsplit

from authlib.oauth2 import OAuth2Client, OAuth2Error

from hub.config import Oidc
from hub.db.identities import LONGEST_SUBJECT
from hub.web.oidc.claims import Expected, UnknownKey, allowed_algorithms, read_claims
from hub.web.oidc.refusals import Reason, Refused
from hub.web.oidc.wire import Wire

_FRESH = timedelta(hours=1)
_SCOPE = "openid email profile"
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one log-in keeps between going and coming back."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. `email` is lower-case, and "" unless the provider has verified it."""

    issuer: str
    subject: str
    email: str


class Provider:
    """Safe to share between threads. Discovery and keys are kept for an hour; keys are fetched anew when none fits."""

    def __init__(self, settings: Oidc, wire: Wire, now: Callable[[], datetime]) -> None:
        self.settings = settings
        self._wire = wire
        self._now = now
        self._kept: dict[str, tuple[datetime, dict[str, Any]]] = {}

    def authorization_address(self, attempt: Attempt) -> str:
        """Where the browser goes. Raises `Refused`."""
        metadata = self.metadata()
        address, _ = self._client(metadata, attempt).create_authorization_url(
            metadata["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce, code_verifier=attempt.verifier
        )
        return str(address)

    def identity(self, code: str, attempt: Attempt) -> Identity:
        """Who it is that came back with `code`. Raises `Refused`."""
        metadata = self.metadata()
        client = self._client(metadata, attempt)
        token = self._token(client, metadata, code, attempt)
        access_token = str(token.get("access_token") or "")
        expected = Expected(
            self.settings.issuer, self.settings.client_id, attempt.nonce, access_token, self._now()
        )  # fmt: skip
        claims = self._claims(metadata, str(token.get("id_token") or ""), expected)
        if "email" not in claims:
            claims = {**self._userinfo(metadata, client, str(claims["sub"])), "sub": claims["sub"]}
        return _identity(self.settings.issuer, claims)

    def metadata(self) -> dict[str, Any]:
        """The discovery document. Raises `Refused`."""
        address = self.settings.issuer.rstrip("/") + _WELL_KNOWN
        return self._fresh(address, lambda found: _check_metadata(found, self.settings.issuer))

    def keys(self, metadata: Mapping[str, Any], *, again: bool = False) -> dict[str, Any]:
        """The provider's public keys. Raises `Refused`."""
        return self._fresh(str(metadata["jwks_uri"]), _check_keys, again=again)

    def _fresh(self, url: str, check: Callable[[dict[str, Any]], None], *, again: bool = False) -> dict[str, Any]:
        kept = self._kept.get(url)
        if kept is not None and not again and self._now() - kept[0] < _FRESH:
            return kept[1]
        found = self._wire.document(url)
        check(found)
        self._kept[url] = (self._now(), found)
        return found

    def _client(self, metadata: Mapping[str, Any], attempt: Attempt) -> Any:
        client = OAuth2Client(
            self._wire,
            client_id=self.settings.client_id,
            client_secret=self.settings.client_secret or None,
            token_endpoint_auth_method=_auth_method(metadata, self.settings.client_secret),
            scope=_SCOPE,
            redirect_uri=attempt.redirect_uri,
            code_challenge_method="S256",
        )
        client.register_client_auth_method(("client_secret_basic", _basic))
        return client

    def _token(self, client: Any, metadata: Mapping[str, Any], code: str, attempt: Attempt) -> dict[str, Any]:
        try:
            token = client.fetch_token(
                metadata["token_endpoint"],
                grant_type="authorization_code",
                code=code,
                code_verifier=attempt.verifier,
            )
        except OAuth2Error as error:
            reason = Reason.STALE if error.error == "invalid_grant" else Reason.SETUP
            raise Refused(reason, f"the provider refused the code: {error.error}") from None
        except (ValueError, TypeError, RecursionError):
            raise Refused(Reason.SETUP, "the provider's answer to the code is not as it should be") from None
        return cast("dict[str, Any]", token)

    def _claims(self, metadata: Mapping[str, Any], token: str, expected: Expected) -> dict[str, Any]:
        if not token:
            raise Refused(Reason.UNTRUSTED, "the provider gave no ID token")
        algorithms = allowed_algorithms(metadata.get("id_token_signing_alg_values_supported"))
        try:
            return read_claims(token, self.keys(metadata), algorithms, expected)
        except UnknownKey:
            pass  # the provider may have changed its keys since
        try:
            return read_claims(token, self.keys(metadata, again=True), algorithms, expected)
        except UnknownKey as error:
            raise Refused(Reason.UNTRUSTED, f"the ID token's signature: {error}") from None

    def _userinfo(self, metadata: Mapping[str, Any], client: Any, subject: str) -> dict[str, Any]:
        """Most providers tell the e-mail here (Core 1.0 §5.4). It counts only for the same subject (§5.3.2)."""
        address = metadata.get("userinfo_endpoint")
        if not address or not client.token or not client.token.get("access_token"):
            return {}
        try:
            uri, headers, _ = client.token_auth.prepare(str(address), {}, "")
        except (KeyError, AttributeError):
            raise Refused(Reason.SETUP, "the provider's access token is of a type that the hub does not know") from None
        found = self._wire.document(uri, headers)
        if found.get("sub") != subject:
            raise Refused(Reason.UNTRUSTED, "the user info is about somebody else")
        return found


def _identity(issuer: str, claims: Mapping[str, Any]) -> Identity:
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or "\0" in subject:
        raise Refused(Reason.UNTRUSTED, "the subject is no identifier")
    email = claims.get("email")
    said = claims.get("email_verified")
    is_verified = said is True or said == "true"  # some providers spell it
    odd = not isinstance(email, str) or "\0" in email
    return Identity(issuer, subject, str(email).strip().lower() if is_verified and not odd else "")


def _check_metadata(found: Mapping[str, Any], issuer: str) -> None:
    if found.get("issuer") != issuer:
        named = str(found.get("issuer"))[:200]
        raise Refused(Reason.SETUP, f"the provider calls itself {named}: DOZVON_OIDC_ISSUER must be spelled like that")
    for name in (*_ENDPOINTS, *(name for name in ("userinfo_endpoint",) if name in found)):
        if not _is_address(found.get(name), {"https", urlsplit(issuer).scheme}):
            raise Refused(Reason.SETUP, f"the provider's discovery document has no proper {name}")


def _is_address(value: object, schemes: set[str]) -> bool:
    try:
        parts = urlsplit(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return parts.scheme in schemes and bool(parts.hostname) and not any(ord(character) < 33 for character in str(value))


def _check_keys(found: Mapping[str, Any]) -> None:
    keys = found.get("keys")
    if not isinstance(keys, list) or not all(isinstance(key, dict) for key in keys):
        raise Refused(Reason.SETUP, "the provider's list of keys is none")


def _auth_method(metadata: Mapping[str, Any], secret: str) -> str:
    """How the client proves itself; `client_secret_basic` is the default (Discovery 1.0 §3)."""
    if not secret:
        return "none"
    stated = metadata.get("token_endpoint_auth_methods_supported")
    only_post = isinstance(stated, list) and "client_secret_basic" not in stated and "client_secret_post" in stated
    return "client_secret_post" if only_post else "client_secret_basic"


def _basic(client: Any, _method: str, uri: str, headers: dict[str, str], body: str) -> tuple[str, dict[str, str], str]:
    """Basic credentials, each part form-encoded first (RFC 6749 §2.3.1), which Authlib's own leaves out."""
    pair = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return uri, headers, body
