"""`/r/<token>`: recordings for whoever was given the address."""

from __future__ import annotations

from flask import Blueprint, Response, abort, make_response, send_file
from sqlalchemy import select

from hub.db.tables import RecordingRow
from hub.web.i18n import _
from hub.web.services import web

recordings = Blueprint("recordings", __name__)
_SHORTEST_WAIT_SECONDS = 5
_LONGEST_TOKEN = 64


@recordings.get("/r/<token>")
def recording(token: str) -> Response:
    """The file, with byte ranges; 425 while it is being fetched; one and the same 404 for all else."""
    row = _find(token)
    if row is not None and row.state == "wanted":
        return _not_yet(row)
    path = web().services.recording_path(row) if row is not None and row.state == "stored" else None
    if row is None or path is None or not path.is_file():
        abort(404)
    answer = send_file(path, mimetype=row.content_type or "audio/mpeg", conditional=True)
    answer.headers["Content-Disposition"] = "inline"
    answer.headers["Cache-Control"] = "private"
    answer.headers["X-Robots-Tag"] = "noindex"
    # A CRM plays it inside its own page.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def _find(token: str) -> RecordingRow | None:
    if len(token) > _LONGEST_TOKEN or not token.isascii() or not token.isprintable():
        return None
    with web().database.reading() as session:
        return session.scalar(select(RecordingRow).where(RecordingRow.token == token))


def _not_yet(row: RecordingRow) -> Response:
    seconds = int((row.next_attempt_at - web().services.now()).total_seconds())
    answer = make_response(_("The recording is still being fetched from the PBX. Try again in a moment."))
    answer.status_code = 425
    answer.mimetype = "text/plain"
    answer.headers["Retry-After"] = str(max(_SHORTEST_WAIT_SECONDS, seconds))
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
