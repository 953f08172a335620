"""Quarantine: what came in, was genuine, and could not be understood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from hub.calls.foretold import foretell
from hub.db.work import InboxState
from hub.web.i18n import _
from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, replay_chosen, shown, text_argument
from hub.web.paging import parse_id
from hub.web.people import this_person
from hub.web.queries import inbox
from hub.web.queries.connections import connection_names
from hub.web.replay import replay_items
from hub.web.roles import Right, needs
from hub.web.services import web

PER_PREVIEW = 200
"""So many items are read for one preview: each of them is parsed while somebody waits."""


@pages.get("/admin/quarantine")
@needs(Right.QUARANTINE)
def quarantine() -> str:
    person = this_person()
    connection = text_argument("connection")
    with web().database.reading() as session:
        page = inbox.list_items(
            session,
            person.workspace_id,
            InboxState.QUARANTINED.value,
            connection,
            cursor=cursor_argument(timed=False),
            limit=PER_PAGE,
        )
        connections = connection_names(session, person.workspace_id)
    arguments = {"connection": connection} if connection else {}
    return render_template(
        "quarantine.html",
        page=shown(page, arguments),
        arguments=arguments,
        connections=connections,
        here=request.full_path,
    )


@pages.get("/admin/quarantine/<row:item_id>")
@needs(Right.QUARANTINE)
def quarantined_item(item_id: int) -> str:
    """One item with its raw body, as text that nothing in it can leave."""
    with web().database.reading() as session:
        listed = inbox.find_item(session, this_person().workspace_id, item_id)
    if listed is None:
        abort(404)
    body = listed.item.body.decode("utf-8", errors="replace")
    return render_template("quarantined_item.html", listed=listed, body=body, here=request.path)


@pages.get("/admin/quarantine/preview")
@needs(Right.REPLAY)
def quarantine_preview() -> Response | str:
    """What the items named in the address, or all of the list, would become: they are read, and nothing is written."""
    person = this_person()
    with web().database.reading() as session:
        found = _to_replay(session, person.workspace_id)
        rows = [row for row in found if row.item.state == InboxState.QUARANTINED]
        foretold = foretell(session, web().services.registry, [row.item for row in rows])
    if not rows:
        flash(_("Nothing was chosen. Tick the rows first."), "warn")
        return redirect(url_for("pages.quarantine"))
    fates = Counter(foretold[row.item.id].fate.value for row in rows)
    return render_template(
        "quarantine_preview.html", rows=rows, foretold=foretold, fates=fates.most_common(),
        unchosen=len(found) - len(rows), most=PER_PREVIEW,
    )  # fmt: skip


def _to_replay(session: Session, workspace_id: int) -> Sequence[inbox.ListedItem]:
    """The rows of the address: `id` for single ones, `all` for the newest of the list; 404 for foreign ones."""
    ids = [parse_id(text) for text in request.args.getlist("id")]
    if not ids and "all" in request.args:
        connection = text_argument("connection")
        state = InboxState.QUARANTINED.value
        return inbox.list_items(session, workspace_id, state, connection, cursor=None, limit=PER_PREVIEW).items
    known = {row_id for row_id in ids if row_id is not None}
    if None in ids:
        abort(404)
    if len(known) > PER_PREVIEW:
        abort(413)
    found = inbox.chosen_items(session, workspace_id, sorted(known))
    if len(found) != len(known):
        abort(404)
    return found


@pages.post("/admin/quarantine/replay")
@needs(Right.REPLAY)
def quarantine_replay() -> Response:
    return replay_chosen(replay_items)
