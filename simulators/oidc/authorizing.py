"""The authorization endpoint (Core 1.0 §3.1.2): what must be in the address, and where the answer goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from simulators.oidc.state import Grant, Person, ProviderState

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class Unanswerable(Exception):
    """The client or its address is not known: the browser must not be sent anywhere (RFC 6749 §4.1.2.1)."""


def mistake(state: ProviderState, query: Mapping[str, str]) -> str | None:
    """The OAuth error of a request; None for a good one. Raises `Unanswerable`. All mistakes are offences."""
    client = state.clients.get(query.get("client_id", ""))
    if client is None:
        state.offend("unknown_client", query.get("client_id", ""))
        raise Unanswerable("unknown client_id")
    if query.get("redirect_uri") not in client.redirect_uris:
        state.offend("redirect_uri", query.get("redirect_uri", ""))
        raise Unanswerable("redirect_uri is not one of the registered ones")
    for code, is_wrong in _rules(query).items():
        if is_wrong:
            state.offend(code, str(dict(query)))
            return "unsupported_response_type" if code == "response_type" else "invalid_request"
    return None


def _rules(query: Mapping[str, str]) -> dict[str, bool]:
    return {
        "response_type": query.get("response_type") != "code",
        "scope": "openid" not in query.get("scope", "").split(),
        "state": len(query.get("state", "")) < 16,
        "nonce": len(query.get("nonce", "")) < 16,
        "pkce_method": query.get("code_challenge_method") != "S256",
        "pkce_challenge": _CHALLENGE.fullmatch(query.get("code_challenge", "")) is None,
        "secret_in_address": "client_secret" in query,
    }


def answer_address(state: ProviderState, query: Mapping[str, str], person: Person | None, error: str | None) -> str:
    """Where the browser goes: with a code for `person`, or with the error."""
    issuer = "https://other.acme.example" if "other_iss_parameter" in state.faults else state.issuer
    said = {"state": query.get("state", ""), "iss": issuer}
    if error is None and person is not None:
        grant = Grant(
            query["client_id"], query["redirect_uri"], person, query.get("nonce"), query["code_challenge"], state.now()
        )
        said["code"] = state.give_code(grant)
    else:
        said |= {"error": error or "access_denied", "error_description": "<b>told by the provider</b>"}
    state.ledger.write("answered", error=error, person=person.subject if person else None)
    between = "&" if "?" in query["redirect_uri"] else "?"
    return f"{query['redirect_uri']}{between}{urlencode(said)}"
