"""Who is not served: numbers, addresses, visitors; and what was refused lately."""

from __future__ import annotations

from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug.wrappers import Response

from hub.db.callbacks import CallbackAsk
from hub.routing.blocks import KINDS, list_blocks, make_blocked, put_block, remove_block
from hub.web.audit import note
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

_MOST_SHOWN = 500


@pages.get("/admin/callbacks/blocks")
@needs(Right.CALLBACKS)
def callback_blocks() -> str:
    workspace_id, now = this_person().workspace_id, web().services.now()
    with web().database.reading() as session:
        rows = list_blocks(session, workspace_id, limit=_MOST_SHOWN)
        outcomes = session.execute(
            select(CallbackAsk.outcome, func.count())
            .where(CallbackAsk.workspace_id == workspace_id, CallbackAsk.at > now - timedelta(days=1))
            .group_by(CallbackAsk.outcome)
            .order_by(func.count().desc())
        ).all()
    return render_template("callbacks/blocks.html", rows=rows, outcomes=outcomes, kinds=KINDS, now=now)


@pages.post("/admin/callbacks/blocks")
@needs(Right.CALLBACKS_EDIT)
def put_callback_block() -> Response:
    person, now, form = this_person(), web().services.now(), request.form
    days = form.get("days", "")
    until = now + timedelta(days=int(days)) if days.isascii() and days.isdigit() and len(days) < 5 else None
    try:
        blocked = make_blocked(
            form.get("kind", ""), form.get("value", ""), person.region, reason=form.get("reason", ""), until=until
        )
    except ValueError:
        flash(_("“%(value)s” cannot be kept.", value=form.get("value", "")[:80]), "bad")
        return redirect(url_for("pages.callback_blocks"))
    with web().database.transaction() as session:
        put_block(session, person.workspace_id, blocked, made_by=person.email, made_at=now)
        note(session, person, "block.add", blocked.subject)
    flash(_("Blocked."))
    return redirect(url_for("pages.callback_blocks"))


@pages.post("/admin/callbacks/blocks/remove")
@needs(Right.CALLBACKS_EDIT)
def remove_callback_block() -> Response:
    block_id, person = parse_id(request.form.get("id", "")) or 0, this_person()
    with web().database.transaction() as session:
        gone = remove_block(session, person.workspace_id, block_id)
        if gone is not None:
            note(session, person, "block.remove", gone.subject)
    if gone is not None:
        flash(_("No longer blocked."))
    return redirect(url_for("pages.callback_blocks"))
