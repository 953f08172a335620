"""What an ID token must say before a word of it is believed. Pure: token and keys in, claims out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, ClaimError, ExpiredTokenError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from hub.web.oidc.refusals import Reason, Refused

LEEWAY_SECONDS = 60
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures by a key that only the provider has: not `none`, and none by a secret that we know too."""
_TIMES = {"exp", "iat", "nbf"}
_ODD = (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What the libraries raise over tokens and keys that no provider should send."""


class UnknownKey(Exception):
    """No key of the set fits: the provider may have changed its keys since they were fetched."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What one log-in must bring back. `now` is aware."""

    issuer: str
    client_id: str
    nonce: str
    access_token: str
    now: datetime


def allowed_algorithms(stated: object) -> tuple[str, ...]:
    """Ours, narrowed to those that the provider says it signs with, when it says so in a list."""
    return tuple(name for name in ALGORITHMS if not isinstance(stated, list) or name in stated)


def read_claims(token: str, keys: Mapping[str, Any], algorithms: tuple[str, ...], expected: Expected) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core 1.0 §3.1.3.7).

    `keys` is a JWK set. Raises `UnknownKey` when another set might fit, `Refused` for everything else.
    """
    if not algorithms:
        raise Refused(Reason.SETUP, "the provider signs with no algorithm that the hub accepts")
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        read = jwt.decode(token, KeySet.import_key_set(keys), registry=registry)  # type: ignore[arg-type]
    except (InvalidKeyIdError, BadSignatureError) as error:
        raise UnknownKey(type(error).__name__) from None
    except _ODD as error:
        raise Refused(Reason.UNTRUSTED, f"the ID token cannot be verified: {type(error).__name__}") from None
    return _validated(read, expected)


def _validated(read: jwt.Token, expected: Expected) -> dict[str, Any]:
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "sub": {"essential": True},
        "aud": {"essential": True, "value": expected.client_id},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True, "value": expected.nonce},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id, "access_token": expected.access_token}
    claims = CodeIDToken(read.claims, read.header, options, params)
    try:
        claims.validate(now=int(expected.now.timestamp()), leeway=LEEWAY_SECONDS)
    except ClaimError as error:
        late = isinstance(error, ExpiredTokenError) or error.claim in _TIMES
        raise Refused(Reason.CLOCK if late else Reason.UNTRUSTED, f"the ID token's claim: {error}") from None
    except _ODD as error:
        raise Refused(Reason.UNTRUSTED, f"the ID token's claims: {type(error).__name__}") from None
    return dict(claims)
