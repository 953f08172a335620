"""The stand-in of an OpenID provider keeps to the texts, and its faults are what they say."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import pytest
import requests
from joserfc import jwt
from joserfc.errors import BadSignatureError, JoseError
from joserfc.jwk import KeySet

from simulators.oidc import SimulatedProvider, simulated
from simulators.oidc.faults import FAULTS

BACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 50
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
GOOD = {
    "client_id": "hub",
    "redirect_uri": BACK,
    "response_type": "code",
    "scope": "openid email",
    "state": "s" * 20,
    "nonce": "n" * 20,
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}


@pytest.fixture(params=["RS256", "ES256"])
def provider(request: pytest.FixtureRequest) -> Iterator[SimulatedProvider]:
    with simulated(alg=request.param) as running:
        running.register("hub", "secret %", BACK)
        running.add("anna", "anna@acme.example")
        yield running


def ask(provider: SimulatedProvider, **changes: str) -> requests.Response:
    """The authorization endpoint, as a browser that chooses Anna."""
    query = {name: value for name, value in {**GOOD, **changes}.items() if value}
    address = f"{provider.issuer}/authorize"
    return requests.post(address, params=query, data={"person": "anna"}, allow_redirects=False, timeout=30)


def answered(answer: requests.Response) -> dict[str, str]:
    assert answer.headers["Location"].startswith(f"{BACK}?")
    return {name: found[0] for name, found in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def exchange(provider: SimulatedProvider, code: str, **changes: Any) -> requests.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": VERIFIER}
    pair = (changes.pop("user", "hub"), quote_plus(changes.pop("secret", "secret %")))
    return requests.post(f"{provider.issuer}/token", data={**form, **changes}, auth=pair, timeout=30)


def claims_of(provider: SimulatedProvider, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(requests.get(f"{provider.issuer}/keys", timeout=30).json())
    return dict(jwt.decode(token, keys, algorithms=["RS256", "ES256"]).claims)


def test_whole_way_ends_in_a_token_that_another_library_accepts(provider: SimulatedProvider) -> None:
    page = requests.get(f"{provider.issuer}/authorize", params=GOOD, timeout=30)
    assert "anna@acme.example" in page.text
    back = answered(ask(provider))
    assert (back["state"], back["iss"]) == (GOOD["state"], provider.issuer)
    answer = exchange(provider, back["code"])
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    claims = claims_of(provider, answer.json()["id_token"])
    assert (claims["iss"], claims["aud"], claims["sub"]) == (provider.issuer, "hub", "anna")
    assert (claims["nonce"], claims["email"], claims["email_verified"]) == (GOOD["nonce"], "anna@acme.example", True)
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert requests.get(f"{provider.issuer}/userinfo", headers=bearer, timeout=30).json()["sub"] == "anna"
    assert provider.offences() == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "nobody"}, "unknown_client"),
        ({"redirect_uri": f"{BACK}/elsewhere"}, "redirect_uri"),
    ],
)
def test_browser_is_sent_nowhere_that_is_not_registered(
    provider: SimulatedProvider, changes: dict[str, str], code: str
) -> None:
    answer = ask(provider, **changes)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert provider.offences() == [code]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"response_type": "token"}, "response_type"),
        ({"scope": "email"}, "scope"),
        ({"state": ""}, "state"),
        ({"nonce": ""}, "nonce"),
        ({"code_challenge_method": "plain"}, "pkce_method"),
        ({"code_challenge": "short"}, "pkce_challenge"),
        ({"client_secret": "secret"}, "secret_in_address"),
    ],
)
def test_request_that_lacks_something_is_an_offence(
    provider: SimulatedProvider, changes: dict[str, str], code: str
) -> None:
    assert "error" in answered(ask(provider, **changes))
    assert provider.offences() == [code]


@pytest.mark.parametrize(
    ("changes", "status", "offence"),
    [
        ({"secret": "wrong"}, 401, []),
        ({"user": "nobody"}, 401, []),
        ({"client_secret": "secret %"}, 400, ["two_credentials"]),
        ({"grant_type": "password"}, 400, ["grant_type"]),
        ({"code": "made-up"}, 400, []),
        ({"redirect_uri": "http://127.0.0.1:9/other"}, 400, ["redirect_uri"]),
        ({"code_verifier": "w" * 50}, 400, ["pkce_verifier"]),
        ({"code_verifier": ""}, 400, ["pkce_verifier"]),
    ],
)
def test_code_is_given_only_to_whom_it_belongs(
    provider: SimulatedProvider, changes: dict[str, str], status: int, offence: list[str]
) -> None:
    answer = exchange(provider, **{"code": answered(ask(provider))["code"], **changes})
    assert answer.status_code == status
    assert "error" in answer.json()
    assert provider.offences() == offence


def test_code_is_good_once_and_for_a_minute(provider: SimulatedProvider) -> None:
    code = answered(ask(provider))["code"]
    assert exchange(provider, code).status_code == 200
    assert exchange(provider, code).json()["error"] == "invalid_grant"
    assert provider.offences() == ["code_twice"]
    late, clock = answered(ask(provider))["code"], provider.state.now
    provider.state.now = lambda: clock() + 61
    assert exchange(provider, late).json()["error"] == "invalid_grant"


def test_wrong_signatures_are_wrong_to_another_library_too(provider: SimulatedProvider) -> None:
    for fault in ("alg_none", "unsigned", "bad_signature", "confused"):
        provider.state.switch(fault)
        token = exchange(provider, answered(ask(provider))["code"]).json()["id_token"]
        with pytest.raises(JoseError):
            claims_of(provider, token)


def test_rotated_key_replaces_the_old_one(provider: SimulatedProvider) -> None:
    token = exchange(provider, answered(ask(provider))["code"]).json()["id_token"]
    provider.state.rotate(keep_name=True)
    with pytest.raises(BadSignatureError):
        claims_of(provider, token)
    token = exchange(provider, answered(ask(provider))["code"]).json()["id_token"]
    assert claims_of(provider, token)["sub"] == "anna"


def test_userinfo_needs_the_token(provider: SimulatedProvider) -> None:
    assert requests.get(f"{provider.issuer}/userinfo", timeout=30).status_code == 401
    assert provider.offences() == ["userinfo_without_token"]


def test_only_faults_that_there_are_can_be_switched_on(provider: SimulatedProvider) -> None:
    with pytest.raises(ValueError, match="no such fault: sunshine"):
        provider.state.switch("down", "sunshine")
    assert all(words for words in FAULTS.values())


def test_command_line_starts_it_and_says_what_to_set() -> None:
    command = [sys.executable, "-m", "simulators.oidc", "--port", "0", "--fault", "email_in_userinfo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        issuer = process.stdout.readline().strip().rpartition("DOZVON_OIDC_ISSUER=")[2]
        document = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=30).json()
        assert document["issuer"] == issuer
        assert json.dumps(document)
    finally:
        process.terminate()
        assert process.wait(timeout=30) == 0
