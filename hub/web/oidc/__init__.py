"""Log-in through an OpenID provider, where the operator has set one up (docs/security.md)."""

from __future__ import annotations

from flask import Blueprint, Flask, abort, current_app

from hub.web.oidc.provider import Provider
from hub.web.oidc.wire import Wire
from hub.web.services import web

oidc = Blueprint("oidc", __name__, url_prefix="/admin/login/oidc")
_EXTENSION = "dozvon-oidc"


def init_oidc(app: Flask) -> None:
    from hub.web.oidc import pages  # noqa: F401

    app.register_blueprint(oidc)


def provider() -> Provider:
    """The provider of this hub; 404 without one, 503 in a process that has no way out."""
    settings, runtime = web().settings.oidc, web().services.runtime
    if settings is None:
        abort(404)
    if runtime is None:
        abort(503)
    made = current_app.extensions.get(_EXTENSION)
    if made is None:
        fresh = Provider(settings, Wire(runtime.http), web().services.now)
        made = current_app.extensions.setdefault(_EXTENSION, fresh)
    assert isinstance(made, Provider)
    return made
