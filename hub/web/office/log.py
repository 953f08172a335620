"""The audit log: who changed what, and who saw a secret."""

from __future__ import annotations

from flask import render_template

from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, day_argument, shown, start_of_day, text_argument
from hub.web.people import this_person
from hub.web.queries.audit import TICKETS, AuditFilter, audit_words, list_audit
from hub.web.roles import Right, needs
from hub.web.services import web

_ARGUMENTS = ("from", "to", "actor", "action", "q")


@pages.get("/admin/workspace/audit")
@needs(Right.WORKSPACE)
def audit_log() -> str:
    person, cursor = this_person(), cursor_argument(timed=False)
    wanted = AuditFilter(
        since=start_of_day(day_argument("from"), person.zone),
        until=start_of_day(day_argument("to"), person.zone, days_later=1),
        actor=text_argument("actor"),
        action=text_argument("action"),
        text=text_argument("q"),
    )
    with web().database.reading() as session:
        page = list_audit(session, person.workspace_id, wanted, cursor=cursor, limit=PER_PAGE)
        actors, actions = audit_words(session, person.workspace_id)
    arguments = {name: text for name in _ARGUMENTS if (text := text_argument(name))}
    return render_template(
        "office/audit.html",
        page=shown(page, arguments),
        arguments=arguments,
        actors=actors,
        actions=actions,
        tickets=TICKETS,
    )
