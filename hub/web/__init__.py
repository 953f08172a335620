"""Pages, public API and everything else that browsers and programs ask of the hub, except `/hooks`."""

from __future__ import annotations

from flask import Flask
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

from hub.config import Settings
from hub.db.engine import Database
from hub.web.services import Web, WebServices, install
from hub.web.sessions import IDLE, PageSessions

_LARGEST_REQUEST_BYTES = 1024 * 1024

__all__ = ["WebServices", "create_web"]


def create_web(settings: Settings, database: Database, services: WebServices) -> Flask:
    """The Flask application. It opens nothing and keeps no state that another process would miss."""
    from hub.web.amocrm import init_amocrm
    from hub.web.api import init_api
    from hub.web.bitrix24 import init_bitrix24
    from hub.web.errors import init_errors
    from hub.web.headers import init_headers
    from hub.web.monitoring import monitoring
    from hub.web.oidc import init_oidc
    from hub.web.pages import init_pages
    from hub.web.people import init_login
    from hub.web.recordings import recordings
    from hub.web.tracking import init_tracking

    app = Flask(__name__)
    _configure(app, settings)
    install(app.extensions, Web(settings, database, services))
    init_headers(app, settings)
    init_errors(app)
    init_login(app)
    csrf = CSRFProtect(app)
    csrf.exempt(init_api(app))
    init_pages(app)
    init_oidc(app)
    init_bitrix24(app, csrf)
    init_amocrm(app, csrf)
    app.register_blueprint(monitoring)
    app.register_blueprint(recordings)
    csrf.exempt(init_tracking(app))
    return app


def _configure(app: Flask, settings: Settings) -> None:
    from hub.web.secret import session_secrets

    app.session_interface = PageSessions()
    newest, *older = session_secrets(settings)
    app.config.update(
        SECRET_KEY=newest,
        SECRET_KEY_FALLBACKS=older,
        SESSION_COOKIE_NAME="dozvon_session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=IDLE,
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST_BYTES,
        WTF_CSRF_TIME_LIMIT=None,  # a page left open overnight still works; the session bounds it
        BABEL_DEFAULT_LOCALE="en",
        BABEL_DEFAULT_TIMEZONE="UTC",
    )
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
