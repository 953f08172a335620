"""The tracker's doors under `/t/`, and the pages about sites and visits."""

from __future__ import annotations

from flask import Blueprint, Flask


def init_tracking(app: Flask) -> Blueprint:
    """Register the doors and pages; returns the doors' blueprint, which carries no session to protect."""
    from hub.web.evidence import evidence_in_words
    from hub.web.tracking import callback
    from hub.web.tracking.doors import doors

    assert callback  # its doors join the blueprint

    app.jinja_env.filters["evidence"] = evidence_in_words
    app.register_blueprint(doors)
    return doors
