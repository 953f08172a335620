"""What Bitrix24 opens and posts to: the installer, the application's page in the portal, the events.

The portal shows our pages in a frame, where cookies may be blocked; so nothing here depends on one.
Each page's post brings an access token of whoever opened it, which the auth server vouches for, and
the way into the admin pages is a signed ticket that works once (bitrix24.md §6).
"""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_wtf import CSRFProtect

bitrix24 = Blueprint("bitrix24", __name__, url_prefix="/bitrix24", template_folder="templates", static_folder="static")


def init_bitrix24(app: Flask, csrf: CSRFProtect) -> None:
    """Register the addresses; those that the portal posts to are trusted for what is in the post, not for a cookie."""
    from hub.web.bitrix24 import card, connect, events, launch, pages, people

    for view in (events.events, pages.install, pages.app_page, card.card_page, launch.launch, people.people):
        csrf.exempt(view)
    assert connect
    app.register_blueprint(bitrix24)
