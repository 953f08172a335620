"""Daily statements: whether PBX, hub and CRM have the same calls, and what was mended."""

from __future__ import annotations

from flask import abort, render_template

from hub.web.pages import pages
from hub.web.pages.lists import PER_PAGE, cursor_argument, shown, text_argument
from hub.web.people import this_person
from hub.web.queries import statements as queries
from hub.web.queries.connections import connection_names
from hub.web.roles import Right, needs
from hub.web.services import web


@pages.get("/admin/statements")
@needs(Right.CONNECTIONS)
def statements() -> str:
    person = this_person()
    connection = text_argument("connection")
    with web().database.reading() as session:
        page = queries.list_statements(
            session,
            person.workspace_id,
            queries.StatementFilter(connection=connection),
            cursor=cursor_argument(timed=False),
            limit=PER_PAGE,
        )
        connections = connection_names(session, person.workspace_id)
    arguments = {"connection": connection} if connection else {}
    return render_template("statements.html", page=shown(page, arguments), arguments=arguments, connections=connections)


@pages.get("/admin/statements/<row:statement_id>")
@needs(Right.CONNECTIONS)
def statement(statement_id: int) -> str:
    with web().database.reading() as session:
        listed = queries.find_statement(session, this_person().workspace_id, statement_id)
    if listed is None:
        abort(404)
    return render_template("statement.html", listed=listed, document=listed.statement.document)
