"""Who is not served: numbers, addresses, visitors; and what was refused lately."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import delete, func, select
from werkzeug.wrappers import Response

from hub.db.callbacks import CallbackAsk
from hub.db.routing import Block
from hub.db.tables import Workspace
from hub.domain.phone import parse_phone
from hub.net.upserts import insert_into
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.roles import Right, needs
from hub.web.services import web

KINDS = ("number", "ip", "visitor")
_MOST_SHOWN = 500


@pages.get("/admin/callbacks/blocks")
@needs(Right.CALLBACKS)
def callback_blocks() -> str:
    workspace_id, now = this_person().workspace_id, web().services.now()
    with web().database.reading() as session:
        rows = session.scalars(
            select(Block).where(Block.workspace_id == workspace_id).order_by(Block.id.desc()).limit(_MOST_SHOWN)
        ).all()
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
    person, now = this_person(), web().services.now()
    with web().database.transaction() as session:
        region = session.get_one(Workspace, person.workspace_id).region
        kind = request.form.get("kind", "")
        value = _value(kind, request.form.get("value", "").strip(), region)
        if value is None:
            flash(_("“%(value)s” cannot be kept.", value=request.form.get("value", "")[:80]), "bad")
            return redirect(url_for("pages.callback_blocks"))
        days = request.form.get("days", "")
        values = {
            "workspace_id": person.workspace_id,
            "kind": kind,
            "value": value,
            "reason": request.form.get("reason", "").strip()[:300],
            "until": now + timedelta(days=int(days)) if days.isascii() and days.isdigit() and len(days) < 5 else None,
            "made_by": person.email,
            "made_at": now,
        }
        insert = insert_into(session, Block).values(**values)
        session.execute(
            insert.on_conflict_do_update(
                index_elements=["workspace_id", "kind", "value"],
                set_={name: values[name] for name in ("reason", "until", "made_by", "made_at")},
            )
        )
    flash(_("Blocked."))
    return redirect(url_for("pages.callback_blocks"))


def _value(kind: str, text: str, region: str) -> str | None:
    """What is compared with what asks: E.164, an address in its usual spelling, a visitor's id."""
    if kind == "number":
        phone = parse_phone(text, region)
        return phone.e164 if phone is not None else None
    if kind == "ip":
        try:
            return str(ip_address(text))
        except ValueError:
            return None
    return text if kind == "visitor" and text and len(text) <= 64 and text.isprintable() else None


@pages.post("/admin/callbacks/blocks/remove")
@needs(Right.CALLBACKS_EDIT)
def remove_callback_block() -> Response:
    block_id = parse_id(request.form.get("id", "")) or 0
    with web().database.transaction() as session:
        gone = session.execute(
            delete(Block).where(Block.id == block_id, Block.workspace_id == this_person().workspace_id)
        )
    if gone.rowcount:  # type: ignore[attr-defined]
        flash(_("No longer blocked."))
    return redirect(url_for("pages.callback_blocks"))
