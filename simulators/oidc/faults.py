"""What the stand-in can do wrong, by name."""

from __future__ import annotations

FAULTS = {
    "wrong_nonce": "the ID token has another nonce",
    "no_nonce": "the ID token has no nonce",
    "wrong_aud": "the ID token is for another client",
    "second_aud": "the ID token is for this client and another one, and does not say who asked (azp)",
    "wrong_azp": "the ID token was asked for by another client",
    "other_issuer": "the ID token names another issuer",
    "other_iss_parameter": "the answer in the address names another issuer (RFC 9207)",
    "expired": "the ID token expired ten minutes ago",
    "from_the_future": "the ID token is of ten minutes from now",
    "alg_none": "the ID token says alg none and has no signature",
    "unsigned": "the ID token's signature is cut off",
    "bad_signature": "the ID token is signed by a key that is not in the set, under the name of one that is",
    "confused": "the ID token is signed with HS256 and the public key as the secret",
    "wrong_at_hash": "the ID token belongs to another access token",
    "no_id_token": "there is no ID token",
    "no_email": "nobody says an e-mail address",
    "unverified": "the e-mail address is not verified",
    "email_in_userinfo": "the e-mail address is told by the userinfo endpoint alone (Core 1.0 §5.4)",
    "other_subject": "the userinfo endpoint speaks of somebody else",
    "deny": "the person cancels",
    "server_error": "the authorization endpoint answers with server_error",
    "client_refused": "the token endpoint does not know the client",
    "html": "the token endpoint answers with a page",
    "down": "every endpoint answers 503",
    "keys_down": "the key set answers 503",
    "slow": "every endpoint but the authorization answers only after `slow_seconds`",
    "other_discovery": "the discovery document is another issuer's",
    "no_endpoints": "the discovery document has no token endpoint",
    "redirect": "the discovery document is moved to another address",
    "post_only": "the client's secret is taken in the body alone",
}
"""The tests go through all of them; a name that is not here cannot be switched on."""
