"""The public API: `/api/v1`, its description and a page that shows it to people."""

from __future__ import annotations

from flask import Blueprint, Flask, Response, jsonify, render_template

from hub.web.api import blocks as _blocks  # noqa: F401 - they join the blueprint
from hub.web.api import callbacks as _callbacks  # noqa: F401
from hub.web.api import reports as _reports  # noqa: F401
from hub.web.api import routing as _routing  # noqa: F401
from hub.web.api import rules as _rules  # noqa: F401
from hub.web.api import statements as _statements  # noqa: F401
from hub.web.api import visits as _visits  # noqa: F401
from hub.web.api.door import OPERATIONS, make_brake
from hub.web.api.openapi import api_description
from hub.web.api.operations import api
from hub.web.api.scopes import SCOPES
from hub.web.problems import PROBLEMS

description = Blueprint("description", __name__)


def init_api(app: Flask) -> Blueprint:
    """Register the API on `app`; returns the blueprint, which takes keys and therefore no CSRF token."""
    with app.app_context():
        name, brake = make_brake()
    app.extensions[name] = brake
    app.register_blueprint(api)
    app.register_blueprint(description)
    return api


@description.get("/api/v1/openapi.json")
def openapi() -> Response:
    return jsonify(api_description())


@description.get("/api/docs")
def docs() -> str:
    return render_template(
        "api_docs.html", api=api_description(), operations=OPERATIONS, scopes=SCOPES, problems=PROBLEMS
    )
