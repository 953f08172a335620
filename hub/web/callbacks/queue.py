"""The queue of requests, and one request with its story."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.callbacks.alarms import KINDS
from hub.callbacks.cancelling import CANCELLABLE, cancel_request
from hub.callbacks.store import more_of
from hub.callbacks.words import say
from hub.db.callbacks import CallbackState
from hub.db.retrying import in_transaction
from hub.db.statements import NoticeRow
from hub.runtime import Runtime
from hub.web.asking import way_out
from hub.web.audit import note
from hub.web.i18n import _, locale_of_request
from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, shown, text_argument
from hub.web.paging import parse_id
from hub.web.people import Person, this_person
from hub.web.queries import callbacks as queries
from hub.web.queries.statements import standing_notices
from hub.web.roles import Right, needs
from hub.web.services import web

_STATES = {"open": "open", **{state.value: state.value for state in CallbackState}}


@pages.get("/admin/callbacks")
@needs(Right.CALLBACKS)
def callbacks() -> str:
    state = text_argument("state", _STATES)
    with web().database.reading() as session:
        page = queries.list_requests(
            session, this_person().workspace_id, state, cursor=cursor_argument(timed=False), limit=PER_PAGE
        )
        notices = _alarms(session)
    arguments = {"state": state} if state else {}
    return render_template(
        "callbacks/queue.html", page=shown(page, arguments), arguments=arguments, states=list(_STATES),
        because=because, notices=notices,
    )  # fmt: skip


def _alarms(session: Session) -> list[NoticeRow]:
    standing = standing_notices(session, this_person().workspace_id)
    return [row for rows in standing.values() for row in rows if row.kind in KINDS]


@pages.get("/admin/callbacks/<row:callback_id>")
@needs(Right.CALLBACKS)
def callback(callback_id: int) -> str:
    found = _found(callback_id)
    if found is None:
        abort(404)
    return render_template(
        "callbacks/request.html",
        row=found.row,
        steps=found.steps,
        more=more_of(found.row),
        because=because,
        cancellable=found.row.state in CANCELLABLE,
    )


def _found(callback_id: int) -> queries.Request | None:
    with web().database.reading() as session:
        return queries.find_request(session, this_person().workspace_id, callback_id)


@pages.post("/admin/callbacks/cancel")
@needs(Right.CALLBACKS_EDIT)
def cancel_callback() -> Response:
    callback_id, person = parse_id(request.form.get("id", "")), this_person()
    if callback_id is None or _found(callback_id) is None:
        flash(_("There is no such request."), "bad")
        return redirect(url_for("pages.callbacks"), code=303)
    runtime = way_out()
    done = in_transaction(runtime.database, lambda session: _cancel(session, runtime, person, callback_id))
    flash(_("The request is cancelled.") if done else _("The request is over, or they are talking."))
    return redirect(url_for("pages.callback", callback_id=callback_id))


def _cancel(session: Session, runtime: Runtime, person: Person, callback_id: int) -> bool | None:
    done = cancel_request(session, runtime, person.workspace_id, callback_id, person.email)
    if done:
        note(session, person, "callbacks.cancel", str(callback_id))
    return done


def because(word: str | None) -> str:
    """Why a request has failed, for people."""
    if not word:
        return ""
    locale = locale_of_request()
    return say(locale, "story_rang_in") if word == "rang_in" else say(locale, f"failed_{word}")
