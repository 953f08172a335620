"""The WSGI application for any server: `granian --interface wsgi wsgi:application`."""

from __future__ import annotations

from hub.app import build_wsgi
from hub.config import load_settings

application = build_wsgi(load_settings())
