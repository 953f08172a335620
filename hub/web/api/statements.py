"""The daily statements in the public API."""

from __future__ import annotations

from datetime import date
from typing import Any

from marshmallow import Schema, fields

from hub.web.api.documents import Document, page_document
from hub.web.api.door import endpoint
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import limit_field, list_of
from hub.web.paging import Cursor
from hub.web.problems import problem
from hub.web.queries import statements
from hub.web.services import web


class StatementQuery(Schema):
    since = fields.Date(data_key="from", metadata={"description": "The first day."})
    until = fields.Date(data_key="to", metadata={"description": "The last day."})
    connection = text_field(metadata={"description": "The name of the PBX connection."})
    cursor = CursorField(timed=False, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class PbxSideSchema(Schema):
    asked = fields.Boolean(metadata={"description": "Whether the PBX's own list of calls could be read."})
    reason = fields.String(metadata={"description": "Why not."})
    calls = fields.Integer(allow_none=True)


class HubSideSchema(Schema):
    calls = fields.Integer()


class CrmSideSchema(Schema):
    connection = fields.String()
    asked = fields.Boolean(metadata={"description": "Whether the CRM's own list of calls could be read."})
    reason = fields.String()
    expected = fields.Integer(metadata={"description": "Calls that the CRM is to show."})
    logged = fields.Integer(metadata={"description": "Calls that it shows."})
    under_way = fields.Integer(metadata={"description": "Calls that are on their way to it."})


class DifferenceSchema(Schema):
    kind = fields.String()
    call_id = RowId(allow_none=True)
    call_key = fields.String(metadata={"description": "The PBX's own id of the call."})
    connection = fields.String(metadata={"description": "What the call was compared with."})
    words = fields.String()


class RepairSchema(DifferenceSchema):
    at = fields.String()


class StatementSchema(Schema):
    id = RowId()
    connection = fields.String()
    day = fields.Date()
    made_at = Instant()
    since = fields.String()
    until = fields.String()
    agrees = fields.Boolean()
    pbx = fields.Nested(PbxSideSchema)
    hub = fields.Nested(HubSideSchema)
    crm = fields.List(fields.Nested(CrmSideSchema))
    differences = fields.List(fields.Nested(DifferenceSchema))
    difference_count = fields.Integer()
    repairs = fields.List(fields.Nested(RepairSchema))


StatementList = list_of(StatementSchema, "StatementListSchema")


def statement_view(listed: statements.ListedStatement) -> Document:
    row = listed.statement
    return {**row.document, "id": row.id, "connection": listed.connection, "day": row.day, "made_at": row.made_at}


@endpoint(
    api, "GET", "/statements", scope="calls:read", summary="Daily statements, the newest first",
    query=StatementQuery, returns=StatementList,
)  # fmt: skip
def list_statements(
    caller: Caller,
    *,
    limit: int,
    cursor: Cursor | None = None,
    since: date | None = None,
    until: date | None = None,
    connection: str | None = None,
) -> Document:
    wanted = statements.StatementFilter(since, until, connection)
    with web().database.reading() as session:
        page = statements.list_statements(session, caller.workspace_id, wanted, cursor=cursor, limit=limit)
    return page_document(page, statement_view)


@endpoint(
    api, "GET", "/statements/<statement_id>", scope="calls:read", summary="One daily statement",
    returns=StatementSchema, errors=(404,),
)  # fmt: skip
def get_statement(caller: Caller, statement_id: int) -> Any:
    with web().database.reading() as session:
        listed = statements.find_statement(session, caller.workspace_id, statement_id)
    if listed is None:
        raise problem(404)
    return statement_view(listed)
