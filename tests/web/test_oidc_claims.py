"""Tokens, keys and discovery documents that no provider should send are refused, each with a reason and no crash."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from hub.config import Oidc
from hub.net.http import HttpAnswer
from hub.web.oidc.claims import ALGORITHMS, Expected, UnknownKey, allowed_algorithms, read_claims
from hub.web.oidc.provider import Attempt, Provider
from hub.web.oidc.refusals import Reason, Refused
from hub.web.oidc.wire import Wire
from simulators.oidc.keys import SigningKey, half_hash, new_key, signed
from tests.web.seed import NOW

ISSUER = "https://id.acme.example"
KEY = new_key("ES256", "one")
KEYS = {"keys": [KEY.public()]}
EXPECTED = Expected(ISSUER, "hub", "nonce", "access", NOW)
AT = int(NOW.timestamp())
CLAIMS = {"iss": ISSUER, "sub": "anna", "aud": "hub", "iat": AT, "exp": AT + 300, "nonce": "nonce"}


def read(claims: Mapping[str, Any], key: SigningKey = KEY, keys: Mapping[str, Any] = KEYS) -> dict[str, Any]:
    return read_claims(signed(key, claims), keys, ALGORITHMS, EXPECTED)


def test_good_token_is_read() -> None:
    assert read({**CLAIMS, "at_hash": half_hash("access"), "azp": "hub", "aud": ["hub", "other"]})["sub"] == "anna"


@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_every_claim_must_be_there(name: str) -> None:
    with pytest.raises(Refused) as refused:
        read({key: value for key, value in CLAIMS.items() if key != name})
    assert refused.value.reason in {Reason.UNTRUSTED, Reason.CLOCK}


ODD: tuple[object, ...] = ("", "other", [], ["other"], {}, {"hub": 1}, True, float("nan"), float("inf"))
NO_HARM = {("sub", "other")}
"""Everything else that is no text, or not the right one, and no number where a time must stand."""


@pytest.mark.parametrize("name", sorted(CLAIMS))
@pytest.mark.parametrize("value", ODD)
def test_claim_of_another_kind_is_refused(name: str, value: object) -> None:
    if (name, str(value)) in NO_HARM:
        assert read({**CLAIMS, name: value})[name] == value
        return
    with pytest.raises(Refused):
        read({**CLAIMS, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("at_hash", "other"), ("at_hash", 7), ("at_hash", ["other"]), ("azp", "other"), ("azp", ["hub"]), ("azp", 7),
        ("nbf", AT + 61), ("nbf", "soon"), ("nbf", float("nan")), ("auth_time", "now"), ("amr", "pwd"),
        ("exp", AT - 60), ("exp", -1), ("iat", AT + 61), ("aud", ["hub", "other"]), ("aud", ["hub", 7]),
    ],
)  # fmt: skip
def test_claim_that_says_something_else_is_refused(name: str, value: object) -> None:
    with pytest.raises(Refused):
        read({**CLAIMS, name: value})


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "é.é.é", "x" * 200_000, "eyJhbGciOiJFUzI1NiJ9.e30."])
def test_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises((Refused, UnknownKey)):
        read_claims(token, KEYS, ALGORITHMS, EXPECTED)


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "RSA", "kid": "one"},
        {"kty": "EC", "crv": "P-256", "kid": "one"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "one"},
        {"kty": "EC", "crv": 7, "x": [], "y": {}, "kid": "one"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "one"},
        {"kty": "new-kind", "kid": "one"},
        {**KEY.public(), "use": "enc"},
        {**KEY.public(), "alg": "ES512"},
    ],
)
def test_key_set_that_is_of_no_use_opens_nothing(key: dict[str, Any]) -> None:
    with pytest.raises((Refused, UnknownKey)):
        read(CLAIMS, keys={"keys": [key]})


def test_algorithms_are_ours_narrowed_by_the_provider() -> None:
    assert allowed_algorithms(["none", "HS256", "ES256"]) == ("ES256",)
    assert allowed_algorithms(None) == allowed_algorithms("RS256") == ALGORITHMS
    with pytest.raises(Refused) as refused:
        read_claims(signed(KEY, CLAIMS), KEYS, allowed_algorithms(["HS256"]), EXPECTED)
    assert refused.value.reason is Reason.SETUP


class _Canned:
    """A way out on which every address has one answer."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = answers

    def request(self, _method: str, url: str, **_: object) -> HttpAnswer:
        found = self.answers[url.removeprefix(ISSUER)]
        return HttpAnswer(200, {}, found if isinstance(found, bytes) else json.dumps(found).encode())


DISCOVERY = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/keys",
}
ATTEMPT = Attempt("state", "nonce", "v" * 60, "https://hub.acme.example/back")


def provider(discovery: object = DISCOVERY, **answers: object) -> Provider:
    canned = {"/.well-known/openid-configuration": discovery, "/keys": KEYS}
    canned |= {f"/{name}": answer for name, answer in answers.items()}
    wire = Wire(_Canned(canned))  # type: ignore[arg-type]
    return Provider(Oidc(ISSUER, "hub", "secret", "Acme ID"), wire, lambda: NOW + timedelta(0))


@pytest.mark.parametrize(
    "discovery",
    [
        b"", b"[]", b"[" * 100_000, b"\xff", {}, {**DISCOVERY, "issuer": f"{ISSUER}/"}, {**DISCOVERY, "issuer": None},
        *({**DISCOVERY, "token_endpoint": odd} for odd in (None, 7, "", "/token", "http://id.acme.example/token",
          "javascript:alert(1)", "https://[", "https://id.acme.example/a b", "https:///token")),
        {**DISCOVERY, "authorization_endpoint": "data:text/html,x"}, {**DISCOVERY, "userinfo_endpoint": "ftp://x"},
    ],
)  # fmt: skip
def test_discovery_document_that_is_none_is_refused(discovery: object) -> None:
    with pytest.raises(Refused) as refused:
        provider(discovery).authorization_address(ATTEMPT)
    assert refused.value.reason is Reason.SETUP


@pytest.mark.parametrize(
    "answer",
    [
        b"", b"[]", b"\xff", {}, {"error": "invalid_grant"}, {"error": {"a": 1}}, {"id_token": 7}, {"id_token": None},
        {"access_token": "a", "expires_in": "soon"}, {"access_token": "a", "expires_in": [], "id_token": "x"},
        {"access_token": 7, "token_type": 7, "id_token": "x.y.z"}, {"expires_at": {}, "id_token": "x"},
    ],
)  # fmt: skip
def test_answer_to_the_code_that_is_none_is_refused(answer: object) -> None:
    with pytest.raises(Refused):
        provider(token=answer).identity("code", ATTEMPT)


@pytest.mark.parametrize("keys", [{}, {"keys": 7}, {"keys": [7]}, {"keys": []}, b"x"])
def test_key_set_that_is_none_is_refused(keys: object) -> None:
    answer = {"access_token": "access", "token_type": "Bearer", "id_token": signed(KEY, CLAIMS)}
    with pytest.raises(Refused):
        provider(token=answer, keys=keys).identity("code", ATTEMPT)


@pytest.mark.parametrize("token_type", ["DPoP", 7, None])
def test_access_token_of_an_unknown_type_asks_for_nothing(token_type: object) -> None:
    answer = {"access_token": "access", "token_type": token_type, "id_token": signed(KEY, CLAIMS)}
    there = provider({**DISCOVERY, "userinfo_endpoint": f"{ISSUER}/userinfo"}, token=answer)
    with pytest.raises(Refused):
        there.identity("code", ATTEMPT)


@pytest.mark.parametrize("email", ["", 7, None, ["anna@acme.example"], "a\0b@acme.example"])
def test_odd_address_is_no_address(email: object) -> None:
    claims = {**CLAIMS, "email": email, "email_verified": True}
    answer = {"access_token": "access", "token_type": "Bearer", "id_token": signed(KEY, claims)}
    assert provider(token=answer).identity("code", ATTEMPT).email == ""


@pytest.mark.parametrize("verified", [False, None, 1, "yes", "false", "True", []])
def test_address_counts_only_when_it_is_said_to_be_verified(verified: object) -> None:
    claims = {**CLAIMS, "email": "anna@acme.example", "email_verified": verified}
    answer = {"access_token": "access", "token_type": "Bearer", "id_token": signed(KEY, claims)}
    assert provider(token=answer).identity("code", ATTEMPT).email == ""
