"""The provider's addresses, over real HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from simulators.oidc.authorizing import Unanswerable, answer_address, mistake
from simulators.oidc.state import ProviderState
from simulators.oidc.tokens import TokenError, exchanged, said_of


def provider_app(state: ProviderState) -> Flask:
    """The application of one provider; its paths are under the issuer's own path."""
    app = Flask(__name__)
    app.before_request(lambda: _in_trouble(state))
    app.add_url_rule("/.well-known/openid-configuration", view_func=lambda: _discovery(state), endpoint="discovery")
    app.add_url_rule("/elsewhere", view_func=lambda: jsonify(metadata_of(state)), endpoint="elsewhere")
    app.add_url_rule("/keys", view_func=lambda: _keys(state), endpoint="keys")
    app.add_url_rule("/authorize", view_func=lambda: _authorize(state), methods=["GET", "POST"], endpoint="authorize")
    app.add_url_rule("/token", view_func=lambda: _token(state), methods=["POST"], endpoint="token")
    app.add_url_rule("/userinfo", view_func=lambda: _userinfo(state), endpoint="userinfo")
    app.add_url_rule("/ledger", view_func=lambda: _ledger(state), endpoint="ledger")
    return app


def metadata_of(state: ProviderState) -> dict[str, Any]:
    """The discovery document (Discovery 1.0 §3)."""
    issuer = state.issuer
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "userinfo_endpoint": f"{issuer}/userinfo",
        "jwks_uri": f"{issuer}/keys",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid", "email", "profile"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        "token_endpoint_auth_methods_supported": [
            "client_secret_post" if "post_only" in state.faults else "client_secret_basic"
        ],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


def _in_trouble(state: ProviderState) -> AnyResponse | None:
    if request.path == "/ledger":
        return None
    state.ledger.write("asked", method=request.method, path=request.path)
    if "down" in state.faults:
        return make_response("down for maintenance", 503)
    if "slow" in state.faults and request.path != "/authorize":
        state.stop.wait(state.slow_seconds)
    return None


def _discovery(state: ProviderState) -> AnyResponse:
    if "redirect" in state.faults:
        return redirect(f"{state.issuer}/elsewhere")
    document = metadata_of(state)
    if "other_discovery" in state.faults:
        document["issuer"] = "https://other.acme.example"
    if "no_endpoints" in state.faults:
        del document["token_endpoint"]
    return jsonify(document)


def _keys(state: ProviderState) -> AnyResponse:
    if "keys_down" in state.faults:
        return make_response("down for maintenance", 503)
    return jsonify({"keys": [key.public() for key in state.keys]})


def _authorize(state: ProviderState) -> AnyResponse:
    """A page on which one chooses who one is; the choice comes back by POST to the same address."""
    query = request.args.to_dict()
    if any(len(request.args.getlist(name)) > 1 for name in request.args):
        state.offend("twice", request.query_string.decode())
    try:
        error = mistake(state, query)
    except Unanswerable as refusal:
        return make_response(str(refusal), 400)
    if error is None and "server_error" in state.faults:
        error = "server_error"
    if error is None and ("deny" in state.faults or request.form.get("person") == ""):
        error = "access_denied"
    person = state.people.get(request.form.get("person", ""))
    if error is None and person is None:
        return make_response(render_template("consent.html", people=state.people.values()))
    return redirect(answer_address(state, query, person, error), code=303)


def _token(state: ProviderState) -> AnyResponse:
    if request.mimetype != "application/x-www-form-urlencoded" or request.query_string:
        state.offend("token_request", f"{request.mimetype} {bool(request.query_string)}")
        return _refused(TokenError(400, "invalid_request"))
    if "html" in state.faults:
        return make_response("<h1>Welcome</h1>")
    try:
        answer = exchanged(state, request.form.to_dict(), request.headers.get("Authorization", ""))
    except TokenError as error:
        return _refused(error)
    return _uncached(answer)


def _refused(error: TokenError) -> Response:
    answer = _uncached({"error": error.error, "error_description": "told by the provider"})
    answer.status_code = error.status
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = "Basic"
    return answer


def _uncached(document: Mapping[str, Any]) -> Response:
    answer = jsonify(document)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _userinfo(state: ProviderState) -> AnyResponse:
    kind, _, access_token = request.headers.get("Authorization", "").partition(" ")
    person = state.owner_of(access_token) if kind == "Bearer" and access_token else None
    if person is None:
        state.offend("userinfo_without_token", kind)
        return make_response("", 401, {"WWW-Authenticate": "Bearer"})
    subject = "somebody-else" if "other_subject" in state.faults else person.subject
    return jsonify({"sub": subject, **said_of(state, person)})


def _ledger(state: ProviderState) -> AnyResponse:
    return jsonify([dict(entry) for entry in state.ledger.entries(request.args.get("kind"))])
