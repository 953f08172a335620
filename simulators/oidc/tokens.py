"""The token endpoint (Core 1.0 §3.1.3): who may have what for a code, and the ID token with its faults."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from simulators.oidc.keys import confused, encoded, half_hash, new_key, signed, unsecured
from simulators.oidc.state import CODE_SECONDS, Client, Grant, ProviderState

_OTHER = "https://other.acme.example"
_TEN_MINUTES = 600


@dataclass(frozen=True)
class TokenError(Exception):
    """An answer of RFC 6749 §5.2."""

    status: int
    error: str


def exchanged(state: ProviderState, form: Mapping[str, str], authorization: str) -> dict[str, Any]:
    """What a good request gets. Raises `TokenError`."""
    client = _client(state, form, authorization)
    if form.get("grant_type") != "authorization_code":
        state.offend("grant_type", form.get("grant_type", ""))
        raise TokenError(400, "unsupported_grant_type")
    grant = _grant(state, form, client)
    state.ledger.write("exchanged", client=client.client_id, person=grant.person.subject)
    answer = {"access_token": grant.access_token, "token_type": "Bearer", "expires_in": 300, "scope": "openid email"}
    if "no_id_token" in state.faults:
        return answer
    return {**answer, "id_token": _id_token(state, grant)}


def _client(state: ProviderState, form: Mapping[str, str], authorization: str) -> Client:
    """Who asks: by Basic, by the body, or a public client by its id; never by two ways (RFC 6749 §2.3)."""
    if authorization and "client_secret" in form:
        state.offend("two_credentials", "header and body")
        raise TokenError(400, "invalid_request")
    by_body = "post_only" in state.faults
    client_id, secret = (
        _basic(authorization) if authorization else (form.get("client_id", ""), form.get("client_secret", ""))
    )
    client = state.clients.get(client_id)
    is_right = client is not None and secrets.compare_digest(client.client_secret.encode(), secret.encode())
    if client is None or not is_right or (by_body and authorization) or "client_refused" in state.faults:
        state.ledger.write("refused", client=client_id)
        raise TokenError(401, "invalid_client")
    if client.client_secret and not authorization and not by_body:
        state.offend("auth_method", "client_secret_post is not what the discovery document says")
        raise TokenError(401, "invalid_client")
    return client


def _basic(authorization: str) -> tuple[str, str]:
    """Id and secret, each form-encoded inside (RFC 6749 §2.3.1)."""
    kind, _, rest = authorization.partition(" ")
    try:
        client_id, _, secret = base64.b64decode(rest, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return (unquote_plus(client_id), unquote_plus(secret)) if kind.lower() == "basic" else ("", "")


def _grant(state: ProviderState, form: Mapping[str, str], client: Client) -> Grant:
    """The grant of a code: once, soon, by the same client, to the same address, with the right verifier."""
    with state.lock:
        grant = state.grants.get(form.get("code", ""))
        if grant is None:
            raise TokenError(400, "invalid_grant")
        if grant.access_token:
            state.offend("code_twice", client.client_id)
            raise TokenError(400, "invalid_grant")
        grant.access_token = secrets.token_urlsafe(24)
    challenge = encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
    wrong = {
        "code_of_another_client": grant.client_id != client.client_id,
        "redirect_uri": grant.redirect_uri != form.get("redirect_uri"),
        "pkce_verifier": not 43 <= len(form.get("code_verifier", "")) <= 128 or challenge != grant.challenge,
    }
    for code, is_wrong in wrong.items():
        if is_wrong:
            state.offend(code, client.client_id)
            raise TokenError(400, "invalid_grant")
    if state.now() - grant.given_at > CODE_SECONDS:
        raise TokenError(400, "invalid_grant")
    return grant


def said_of(state: ProviderState, grant_person: Any) -> dict[str, Any]:
    """The e-mail claims of a person, as far as the faults let them be told."""
    if "no_email" in state.faults:
        return {}
    verified = False if "unverified" in state.faults else grant_person.email_verified
    return {"email": grant_person.email, "email_verified": verified}


def _id_token(state: ProviderState, grant: Grant) -> str:
    claims, key, faults = _claims(state, grant), state.keys[0], state.faults
    if "alg_none" in faults:
        return unsecured(claims)
    if "confused" in faults:
        return confused(key, claims)
    if "bad_signature" in faults:
        return signed(new_key(key.alg, key.kid), claims)
    token = signed(key, claims)
    return token.rpartition(".")[0] + "." if "unsigned" in faults else token


def _claims(state: ProviderState, grant: Grant) -> dict[str, Any]:
    now, faults = int(state.now()), state.faults
    if "expired" in faults:
        now -= 2 * _TEN_MINUTES
    if "from_the_future" in faults:
        now += _TEN_MINUTES
    claims: dict[str, Any] = {
        "iss": _OTHER if "other_issuer" in faults else state.issuer,
        "sub": grant.person.subject,
        "aud": "somebody-else" if "wrong_aud" in faults else grant.client_id,
        "iat": now,
        "exp": now + _TEN_MINUTES,
        "nonce": "another-nonce" if "wrong_nonce" in faults else grant.nonce,
        "at_hash": half_hash("another" if "wrong_at_hash" in faults else grant.access_token),
    }
    if "no_nonce" in faults:
        del claims["nonce"]
    if "second_aud" in faults:
        claims["aud"] = [grant.client_id, "somebody-else"]
    if "wrong_azp" in faults:
        claims["azp"] = "somebody-else"
    return claims if "email_in_userinfo" in faults else {**claims, **said_of(state, grant.person)}
