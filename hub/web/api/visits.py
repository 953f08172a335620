"""Visits in the public API: what the tracker saw of a visitor, and which calls are put down to it."""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from hub.db.tracking import VisitRow
from hub.web.api.documents import Document, page_document
from hub.web.api.door import endpoint
from hub.web.api.fields import CursorField, Instant, RowId, text_field
from hub.web.api.keys import Caller
from hub.web.api.operations import api
from hub.web.api.schemas import SeenPageSchema, limit_field, list_of
from hub.web.paging import Cursor
from hub.web.problems import problem
from hub.web.queries.attribution import pages_of
from hub.web.services import web
from hub.web.tracking import queries

_COLUMNS = (
    "id", "uid", "started_at", "last_seen_at", "source", "medium", "campaign", "landing_url", "referrer", "region",
    "device",
)  # fmt: skip
_TOUCH_COLUMNS = (
    "at", "source", "medium", "campaign", "content", "term", "channel", "click_ids", "url", "referrer",
)  # fmt: skip
_MOST_PAGES = 200


class VisitQuery(Schema):
    site = text_field(metadata={"description": "The key of the site."})
    since = Instant(data_key="from", metadata={"description": "Began at or after this moment."})
    until = Instant(data_key="to", metadata={"description": "Began before this moment."})
    source = text_field(metadata={"description": "The marketing source, exactly."})
    cursor = CursorField(timed=True, metadata={"description": "What `next` of the page before said."})
    limit = limit_field()


class VisitSchema(Schema):
    id = RowId()
    uid = fields.String(metadata={"description": "The visit's id as attributions and browsers know it."})
    site = fields.String(metadata={"description": "The key of the site."})
    started_at = Instant()
    last_seen_at = Instant()
    source = fields.String(allow_none=True)
    medium = fields.String(allow_none=True)
    campaign = fields.String(allow_none=True)
    landing_url = fields.String()
    referrer = fields.String()
    region = fields.String(allow_none=True)
    device = fields.String()


class TouchSchema(Schema):
    at = Instant()
    source = fields.String()
    medium = fields.String()
    campaign = fields.String(allow_none=True)
    content = fields.String(allow_none=True)
    term = fields.String(allow_none=True)
    channel = fields.String()
    click_ids = fields.Dict(keys=fields.String())
    url = fields.String()
    referrer = fields.String()


class ShownNumberSchema(Schema):
    number = fields.String()
    since = Instant()
    until = Instant()
    shared = fields.Boolean(metadata={"description": "Others were shown it at the same time."})


class VisitCallSchema(Schema):
    id = RowId()
    started_at = Instant()
    outcome = fields.String()


class VisitDetailSchema(VisitSchema):
    ids = fields.Dict(keys=fields.String(), metadata={"description": "Client ids of analytics."})
    params = fields.Dict(keys=fields.String(), metadata={"description": "What the site's own scripts told."})
    touches = fields.List(fields.Nested(TouchSchema))
    pages = fields.List(fields.Nested(SeenPageSchema))
    numbers = fields.List(fields.Nested(ShownNumberSchema))
    calls = fields.List(fields.Nested(VisitCallSchema), metadata={"description": "Calls put down to this visit."})


VisitList = list_of(VisitSchema, "VisitListSchema")


@endpoint(
    api, "GET", "/visits", scope="calls:read", summary="Visits that the tracker saw, the newest first",
    query=VisitQuery, returns=VisitList,
)  # fmt: skip
def list_visits(
    caller: Caller, *, limit: int, cursor: Cursor | None = None, site: str | None = None, **query: Any
) -> Document:
    with web().database.reading() as session:
        keys = {row.id: row.key for row in queries.list_sites(session, caller.workspace_id)}
        site_id = next((number for number, key in keys.items() if key == site), -1) if site else None
        wanted = queries.VisitFilter(site_id=site_id, **query)
        page = queries.list_visits(session, caller.workspace_id, wanted, cursor=cursor, limit=limit)
    return page_document(page, lambda row: _document(row, keys))


@endpoint(
    api, "GET", "/visits/<visit_id>", scope="calls:read", summary="Everything about one visit",
    returns=VisitDetailSchema, errors=(404,),
)  # fmt: skip
def get_visit(caller: Caller, visit_id: int) -> Document:
    with web().database.reading() as session:
        row = session.get(VisitRow, visit_id)
        if row is None or row.workspace_id != caller.workspace_id:
            raise problem(404)
        keys = {site.id: site.key for site in queries.list_sites(session, caller.workspace_id)}
        return {
            **_document(row, keys),
            "ids": row.ids,
            "params": row.params,
            "touches": [_columns(touch, _TOUCH_COLUMNS) for touch in queries.touches_of(session, row.uid)],
            "pages": [_columns(page, ("at", "url", "title")) for page in pages_of(session, row.uid, most=_MOST_PAGES)],
            "numbers": [
                _columns(lease, ("number", "since", "until", "shared"))
                for lease in queries.leases_of(session, caller.workspace_id, visit=row.uid)
            ],
            "calls": [
                _columns(call, ("id", "started_at", "outcome")) for call in queries.calls_of_visit(session, row.uid)
            ],
        }


def _columns(row: object, names: tuple[str, ...]) -> Document:
    return {name: getattr(row, name) for name in names}


def _document(row: VisitRow, keys: dict[int, str]) -> Document:
    return {**_columns(row, _COLUMNS), "site": keys.get(row.site_id, "")}
