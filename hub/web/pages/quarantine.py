"""Quarantine: what came in, was genuine, and could not be understood."""

from __future__ import annotations

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from hub.db.work import InboxState
from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, replay_chosen, shown, text_argument
from hub.web.people import this_person
from hub.web.queries import inbox
from hub.web.queries.connections import connection_names
from hub.web.replay import replay_items
from hub.web.roles import Right, needs
from hub.web.services import web


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


@pages.post("/admin/quarantine/replay")
@needs(Right.REPLAY)
def quarantine_replay() -> Response:
    return replay_chosen(replay_items)
