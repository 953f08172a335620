"""`/t/<site>/callback`: a visitor asks to be called, sees how it goes, and may take it back."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask import Response, jsonify, request
from sqlalchemy import select

from hub.callbacks.cancelling import cancel_request
from hub.callbacks.request import Ask, More
from hub.callbacks.showing import words_for_visitor
from hub.callbacks.words import say
from hub.db.callbacks import CallbackRow
from hub.db.retrying import in_transaction
from hub.db.tracking import VisitRow
from hub.tracking.live.sites import Site
from hub.tracking.live.visitors import Visitors
from hub.web.api.fields import read_instant, rfc3339
from hub.web.asking import refusal, take, visitors_locale, way_out
from hub.web.problems import ApiProblem
from hub.web.services import web
from hub.web.tracking.doors import Said, doors, spoken
from hub.web.tracking.ticket import hand_out, is_too_soon

_FORM = ("title", "phone", "name", "when", "agree", "close", "failed")
_UID = re.compile(r"[0-9a-f]{32}")
_LONGEST = {
    "name": 200,
    "comment": 2000,
    "page": 2000,
    "referrer": 2000,
    "visit": 64,
    "visitor": 64,
    "zone": 64,
    "ticket": 300,
}


@spoken
def ask(visitors: Visitors, site: Site, said: Said) -> Response:
    """202 for a new request, 200 with the open one; a problem with words for the visitor otherwise.

    A form field that no person sees must be empty: whoever fills it gets an answer and no call. A form that comes
    back sooner than a person can press its button is refused; pressing again is enough.
    """
    del visitors
    if _text(said, "url"):
        return jsonify({"id": "0" * 32, "status": "requested"}), 202  # type: ignore[return-value]
    try:
        if is_too_soon(_text(said, "ticket"), site.key, web().services.now()):
            raise refusal("too_soon", 422)
        taken = take(_ask(site, said))
    except ApiProblem as refused:
        return refused.answer()
    answer = jsonify(_document(_find(site, taken.uid)))
    answer.status_code = 202 if taken.is_new else 200
    return answer


def _ask(site: Site, said: Said) -> Ask:
    visit = _text(said, "visit") or None
    consent = {"version": str(said["consent"])[:100]} if said.get("consent") else {}
    if consent:
        agent = request.headers.get("User-Agent", "")[:300]
        consent |= {"at": rfc3339(web().services.now()), "ip": request.remote_addr or "", "agent": agent}
    return Ask(
        workspace_id=site.workspace_id,
        phone=str(said.get("phone", "")),
        asked_by="site",
        name=_text(said, "name"),
        comment=_text(said, "comment"),
        site=site.key,
        visit=visit,
        page=_text(said, "page"),
        zone=_text(said, "zone") or None,
        when=_moment(said.get("when")),
        ip=request.remote_addr or None,
        visitor=_visitor_of(visit) or visit,
        more=More(consent=consent, referrer=_text(said, "referrer"), ip=request.remote_addr or ""),
    )


def _visitor_of(visit: str | None) -> str | None:
    """Visits of one browser count together."""
    if visit is None:
        return None
    with web().database.reading() as session:
        return session.scalar(select(VisitRow.visitor_id).where(VisitRow.uid == visit))


def _text(said: Said, name: str) -> str:
    value = said.get(name)
    text = value if isinstance(value, str) else ""
    return "".join(letter for letter in text if letter.isprintable() or letter == "\n")[: _LONGEST.get(name, 200)]


def _moment(value: object) -> datetime | None:
    """The slot. What is no moment counts as past, so that nobody is called at a time they did not choose."""
    if value in (None, ""):
        return None
    try:
        return read_instant(str(value))
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)


def _find(site: Site, uid: str) -> CallbackRow:
    with web().database.reading() as session:
        return session.scalars(
            select(CallbackRow).where(CallbackRow.workspace_id == site.workspace_id, CallbackRow.uid == uid)
        ).one()


def _document(row: CallbackRow) -> dict[str, object]:
    now = web().services.now()
    return {
        "id": row.uid,
        "status": row.state,
        "scheduled_for": rfc3339(row.scheduled_for) if row.scheduled_for else None,
        "words": words_for_visitor(row, visitors_locale(), now),
    }


@spoken
def state(visitors: Visitors, site: Site, said: Said) -> Response:
    """How a request goes; `cancel` takes it back. The id is as good as a password: only who asked has it."""
    del visitors
    uid = _text(said, "id")
    with web().database.reading() as session:
        known = session.scalar(
            select(CallbackRow.id).where(
                CallbackRow.workspace_id == site.workspace_id, CallbackRow.uid == uid, CallbackRow.site == site.key
            )
        )
    if not _UID.fullmatch(uid) or known is None:
        return Response("there is no such request", status=404, mimetype="text/plain")
    if said.get("cancel") is True:
        runtime, words = way_out(), visitors_locale()
        who = {"ru": "посетитель", "en": "the visitor"}[words]
        in_transaction(
            runtime.database,
            lambda session: cancel_request(session, runtime, site.workspace_id, known, who),
        )
    return jsonify(_document(_find(site, uid)))


@spoken
def form(visitors: Visitors, site: Site, said: Said) -> Response:
    """The words of the form, in the page's language, and when it was handed out: the script carries neither."""
    del visitors, said
    locale = visitors_locale()
    words = {name: say(locale, f"form_{name}") for name in _FORM}
    return jsonify({**words, "ticket": hand_out(site.key, web().services.now())})


for _name, _door in (("callback", ask), ("callback/state", state), ("callback/form", form)):
    doors.add_url_rule(f"/<key>/{_name}", _name, _door, methods=["POST", "OPTIONS"], provide_automatic_options=False)
