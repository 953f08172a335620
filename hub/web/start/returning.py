"""Log-ins that lead over another site: begun from the wizard, they come back to it, with success and with refusal."""

from __future__ import annotations

from flask import flash, redirect, request, session, url_for
from werkzeug.wrappers import Response

from hub.domain.errors import DozvonError
from hub.web.i18n import _
from hub.web.refusals import refusal_of
from hub.web.services import web
from hub.web.start.words import title_word

_SESSION_KEY = "start_log_in"


def is_from_start() -> bool:
    """Whether this request was sent by the wizard."""
    return request.values.get("from") == "start"


def note_beginning(vendor: str) -> None:
    """Remember, when the browser goes away to log in, whether the wizard sent it."""
    if is_from_start():
        session[_SESSION_KEY] = vendor
    else:
        session.pop(_SESSION_KEY, None)


def began_at_start(vendor: str) -> bool:
    """Whether the log-in that comes back now was begun in the wizard; asked once."""
    return bool(session.pop(_SESSION_KEY, None) == vendor)


def back_connected(connection_id: int, notice: str = "") -> Response:
    """To the wizard's page of the connection, once its access has been tried; `notice` is said besides."""
    from hub.web.start.pages import try_out

    try_out(connection_id)
    if notice:
        flash(notice, "warn")
    return redirect(url_for("pages.start_connection", connection_id=connection_id), code=303)


def back_refused(vendor: str, why: str | DozvonError) -> Response:
    """To the wizard's form of `vendor`, saying why nothing was connected: "again", "denied", or an error."""
    title = title_word(web().vendor_title(vendor))
    if isinstance(why, DozvonError):
        words = refusal_of(why, title).words
    elif why == "denied":
        words = _("%(title)s says that the access was not allowed. Begin again when you wish to allow it.", title=title)
    else:
        words = _("This log-in is no longer good: it took more than ten minutes, was used already, or began in "
                  "another browser. Begin again.")  # fmt: skip
    flash(f"{words} {_('Nothing has changed.')}", "bad")
    return redirect(url_for("pages.start_crm", vendor=vendor), code=303)
