"""What amoCRM opens and calls: connecting an account, an external integration's keys, the widget, the removal.

A person begins at `/amocrm/install` and comes back with a state that is bound to their session and
workspace. What amoCRM's own servers send has no session: it is believed for a state that is known,
unexpired and unused, for a signature, or for what the account itself says of a fresh access token.
"""

from __future__ import annotations

from flask import Blueprint, Flask
from flask_wtf import CSRFProtect

amocrm = Blueprint("amocrm", __name__, url_prefix="/amocrm", template_folder="templates")


def init_amocrm(app: Flask, csrf: CSRFProtect) -> None:
    """Register the addresses; those that the vendor posts to are trusted for what is in the post, not for a cookie."""
    from hub.web.amocrm import connect, hooks, panel, people, widget

    for view in (hooks.take_keys, hooks.disconnect, widget.visit, people.way_in, people.people, panel.call):
        csrf.exempt(view)
    assert connect
    app.register_blueprint(amocrm)
